"""What is said, how, and what is shown meanwhile: the script of the sample talk.

The facts: Edward Everett spoke for two hours at Gettysburg on 19 November 1863, Abraham
Lincoln for about two minutes (272 words in the copy carved in his memorial); Everett's letter
of the next day is paraphrased. The usual gap between two speakers is about 200 ms in ten
languages (Stivers et al., PNAS 2009); naming a picture takes about 600 ms (Indefrey and
Levelt, Cognition 2004). More than 1.5 billion people live with hearing loss (WHO). "The
French Chef" was captioned on American national television in 1972.
"""

from __future__ import annotations

from dataclasses import dataclass

from voice import Voice

PRESENTER, ROOM = "A", "B"


@dataclass(frozen=True)
class Line:
    """One utterance.

    Attributes:
        ssml: words and tags.
        pause: seconds of silence after it.
        rate: words per minute.
        pitch: 0..99.
        liveliness: 0..99.
        speaker: who.
        shot: name of a new shot that begins just before this line; None goes on.
        applause: seconds of applause after it, inside the pause.
    """

    ssml: str
    pause: float = 0.3
    rate: int = 168
    pitch: int = 50
    liveliness: int = 50
    speaker: str = PRESENTER
    shot: str | None = None
    applause: float = 0.0

    @property
    def voice(self) -> Voice:
        """The espeak voice of the speaker with this delivery."""
        name = "en-us+f2" if self.speaker == PRESENTER else "en-us+m3"
        return Voice(name, self.rate, self.pitch, self.liveliness)


def _break(milliseconds: int) -> str:
    return f'<break time="{milliseconds}ms"/>'


def _strong(words: str) -> str:
    return f"<emphasis>{words}</emphasis>"


LINES = (
    Line(
        f"Two hours, {_break(200)}or two minutes. {_break(200)}Which speech do you remember?",
        pause=0.7,
        liveliness=58,
        shot="stage_medium",
    ),
    Line("In eighteen sixty three, two people spoke on a battlefield in Pennsylvania."),
    Line(f"The first man talked for {_strong('two hours')}, and soon people forgot his words."),
    Line(
        f"The second man, President Lincoln, spoke for {_strong('two minutes')}.",
        rate=160,
        shot="stage_close",
    ),
    Line("Only two hundred and seventy two words.", pause=0.6),
    Line("The next day, the first man wrote to Lincoln.", pitch=48),
    Line(
        "In two minutes, he said, you came closer to the heart of it than I did in two hours.",
        pause=0.55,
        liveliness=55,
    ),
    Line(
        f"So keep it short. {_break(150)}Short is not small. Short is {_strong('powerful')}.",
        rate=160,
        pause=1.9,
        liveliness=60,
        applause=1.6,
    ),
    Line("Now, listen to the silence.", rate=160, pause=1.3, shot="slide_gap"),
    Line("That felt long.", pause=0.45, pitch=47),
    Line(
        "But in conversation, the gap between two people is only one fifth of a second.",
    ),
    Line("Scientists measured it in ten languages.", pause=0.5),
    Line(
        "Here is the strange part. To prepare one single word, "
        f"your brain needs {_strong('more')} than half a second.",
        pause=0.5,
        liveliness=58,
        shot="slide_chart",
    ),
    Line("You plan your answer while they are still talking!", liveliness=62, pitch=53),
    Line(
        "That is why silence is so powerful. When you stop, everyone will wait.",
        rate=158,
        pause=0.9,
    ),
    Line(
        "What about people who cannot hear you?",
        rate=155,
        pause=0.6,
        speaker=ROOM,
        shot="slide_question",
    ),
    Line(
        "Great question. Over a billion people live with hearing loss.",
        pitch=52,
        liveliness=56,
        shot="stage_wide",
    ),
    Line("In nineteen seventy two, a cooking show put words on the bottom of the picture."),
    Line("It was the first captioned program on national television.", pause=0.5),
    Line(
        f"Those words help more people than you think. On the train. {_break(100)}"
        f"In a new language. {_break(100)}Late at night.",
        shot="stage_close_end",
    ),
    Line(
        "Write down what you say, and nobody is left out.",
        rate=154,
        pause=0.6,
        liveliness=60,
    ),
    Line("Thank you.", pause=2.2, pitch=52, applause=2.1),
)
