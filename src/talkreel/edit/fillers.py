"""Words that say nothing: fillers, and what a speaker takes back by starting again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from talkreel.core.transcript import Word


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Sounds of thinking; as words of a language these spellings mean nothing else.
_ALWAYS = _set("um umm ummm uh uhh uhm erm er hm hmm hmmm")
# Each with the words before which, and after which, the same words carry the sentence.
_PHRASES: tuple[tuple[tuple[str, ...], frozenset[str], frozenset[str]], ...] = (
    (
        ("you", "know"),
        _set("do did does don't didn't if as when that what how because than like let"),
        _set("what that how why who where when whether if about it him her them me us"),
    ),
    (
        ("i", "mean"),
        _set("what that which if when know do did whatever thing"),
        _set("it that to by what this them you"),
    ),
    (
        ("like",),
        _set(
            "is was were be been are look looks looked feel feels felt sound sounds sounded would "
            "i'd you'd i you we they do don't did didn't to something things people stuff not "
            "seem seems act acts more much just really taste tastes"
        ),
        _set("this that it them him her me us"),
    ),
    (
        ("sort", "of"),
        _set("a the this that what some any same new each every one another"),
        frozenset(),
    ),
)
# These need a comma on both sides; a pause alone does not tell "like" from "like".
_ONLY_BETWEEN_COMMAS = frozenset([("like",), ("sort", "of")])
# A pause that sets a phrase off where a comma does too, and where nothing else does.
_PAUSE_BESIDE_COMMA = 0.1
_LONE_PAUSE = 0.3
# Doubled, these are a stumble; content words are doubled for weight ("very very", "no no"), and
# some small ones by grammar ("that that", "had had", "is is", "log in in time").
_STUMBLED = _set(
    "i you he she it we they the a an and but or to of at for with from my our your his her their "
    "its this these those when if because what who i'm i've i'd i'll we're we've it's that's "
    "there's he's she's they're you're can could would should as into"
)
# These also end a clause, and the next may begin with the same ("I like it, it is good").
_ENDING = _set("you it her this these those")
# A repeated phrase is a restart if it begins like a clause or a noun phrase; with other
# beginnings it is a figure of speech ("more and more", "step by step", "on and on").
_RESTARTED = _set(
    "i you he she it we they the a an my our your his her their this that these those there what "
    "i'm i've i'd i'll we're we've it's that's there's he's she's they're you're"
)
_LONGEST_RESTART = 4
_TRIM = ".,;:!?…\"'“”‘’()[]"
_DASHES = "-–—"


class Kind(StrEnum):
    """Why words can go."""

    FILLER = "filler"
    FALSE_START = "false start"


@dataclass(frozen=True, slots=True)
class Idle:
    """``words[first:last]`` (half-open) can go without loss."""

    first: int
    last: int
    kind: Kind


def find_idle(words: Sequence[Word]) -> tuple[Idle, ...]:
    """Fillers and false starts, in order, not overlapping.

    Only what the text and its pauses show for sure: a filler that could be grammatical, and a
    repetition that could be meant, are not in it. Whether the sound allows a cut is not looked
    at here. Words whose times are interpolated are left alone.
    """
    fillers = _find_fillers(words)
    taken = {i for idle in fillers for i in range(idle.first, idle.last)}
    spoken = [i for i in range(len(words)) if i not in taken]
    starts = _find_false_starts(words, spoken)
    restarted = {i for idle in starts for i in range(idle.first, idle.last)}
    alone = [idle for idle in fillers if idle.first not in restarted]
    found = sorted([*alone, *starts], key=lambda idle: idle.first)
    return tuple(x for x in found if not any(w.interpolated for w in words[x.first : x.last]))


def _find_fillers(words: Sequence[Word]) -> list[Idle]:
    found = []
    i = 0
    while i < len(words):
        last = i + 1 if _is_thinking(words[i]) else _phrase_end(words, i)
        if last is None:
            i += 1
            continue
        found.append(Idle(i, last, Kind.FILLER))
        i = last
    return found


def _is_thinking(word: Word) -> bool:
    bare = word.text.strip(_TRIM + _DASHES)
    # "ER" is a place in a hospital.
    return bare.lower() in _ALWAYS and not (bare.isupper() and len(bare) > 1)


def _phrase_end(words: Sequence[Word], first: int) -> int | None:
    """One past the filler phrase that begins at ``first``, or None."""
    for phrase, never_after, never_before in _PHRASES:
        last = first + len(phrase)
        if tuple(_bare(word) for word in words[first:last]) != phrase:
            continue
        if any(_marked(word) for word in words[first : last - 1]):
            continue
        commas = phrase in _ONLY_BETWEEN_COMMAS
        if not (_set_off(words, first, commas) and _set_off(words, last, commas)):
            return None
        before = _bare(words[first - 1]) if first and not _closed(words, first) else ""
        after = _bare(words[last]) if last < len(words) and not _closed(words, last) else ""
        governed = after in never_before and not _marked(words[last - 1])
        whole = _closed(words, first) and _closed(words, last)
        asks = words[last - 1].text.rstrip("\"'”’").endswith("?") and not before
        governs = before in never_after and not _marked(words[first - 1])
        return None if governs or governed or whole or asks else last
    return None


def _set_off(words: Sequence[Word], border: int, comma_needed: bool) -> bool:
    """Whether speech rests at the border before ``words[border]``."""
    if border in (0, len(words)):
        return True
    before, after = words[border - 1], words[border]
    pause = after.span.start - before.span.end
    if _marked(before):
        return pause >= _PAUSE_BESIDE_COMMA
    return not comma_needed and pause >= _LONE_PAUSE


def _closed(words: Sequence[Word], border: int) -> bool:
    """Whether a sentence ends before ``words[border]``."""
    return border in (0, len(words)) or words[border - 1].ends_sentence


def _find_false_starts(words: Sequence[Word], spoken: Sequence[int]) -> list[Idle]:
    """What is said again at once: all from the first saying up to the second.

    Args:
        words: of the transcript.
        spoken: indices of those that are no fillers.
    """
    found = []
    at = 0
    while at < len(spoken):
        size = _restart_size(words, spoken, at)
        if size:
            found.append(Idle(spoken[at], spoken[at + size], Kind.FALSE_START))
        # What was said again may be said a third time: look at the second saying next.
        at += max(1, size)
    return found


def _restart_size(words: Sequence[Word], spoken: Sequence[int], at: int) -> int:
    """How many words from ``spoken[at]`` on are taken back; 0 for none."""
    for size in range(min(_LONGEST_RESTART, (len(spoken) - at) // 2), 0, -1):
        first = [words[i] for i in spoken[at : at + size]]
        second = [words[i] for i in spoken[at + size : at + 2 * size]]
        if any(word.ends_sentence and not _broken_off(word) for word in first):
            continue
        if len({word.speaker for word in (*first, *second)}) > 1:
            continue
        if not all(_says_again(a, b) for a, b in zip(first, second, strict=True)):
            continue
        word = _bare(first[0])
        meant = size == 1 and word in _ENDING and at > 0 and not _marked(words[spoken[at - 1]])
        allowed = _STUMBLED if size == 1 else _RESTARTED
        if _broken_off(first[-1]) or (word in allowed and not meant):
            return size
    return 0


def _says_again(first: Word, second: Word) -> bool:
    a, b = _bare(first), _bare(second)
    if not a or not b:
        return False
    return b.startswith(a) if _broken_off(first) else a == b


def _broken_off(word: Word) -> bool:
    text = word.text.rstrip(_TRIM)
    return len(text) > 1 and text[-1] in _DASHES and text[0].isalpha()


def _marked(word: Word) -> bool:
    return word.text.rstrip("\"'”’")[-1:] in tuple(",;:.!?…") or word.text[-1] in _DASHES


def _bare(word: Word) -> str:
    return word.text.strip(_TRIM + _DASHES).lower().replace("’", "'")
