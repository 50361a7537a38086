"""A small lexicon of feeling, written for this project: word -> (valence -1..1, arousal 0..1).

Groups share a value: the point is to notice strong words, not to grade them finely. Valence
says pleasant or not; arousal says how stirring. What a clip needs is arousal of either sign.
"""

from __future__ import annotations

_GROUPS: tuple[tuple[float, float, str], ...] = (
    (
        0.9,
        0.8,
        """love loved loves loving adore adored amazing amazed awesome incredible incredibly
        fantastic wonderful brilliant magnificent spectacular extraordinary thrilled thrilling
        ecstatic joy joyful joyous celebrate celebrated celebration triumph triumphant victory
        victorious miracle miraculous breathtaking glorious glory delighted passion passionate
        exciting excited excitement exhilarating euphoria bliss wow magic magical epic stunning
        astonishing astonished unbelievable phenomenal hilarious""",
    ),
    (
        0.7,
        0.5,
        """happy happiness great beautiful beauty win won winning winner winners success successful
        succeed proud pride dream dreams dreaming hope hopes hopeful inspire inspired inspiring
        inspiration laugh laughed laughing laughter fun funny smile smiled smiling courage
        courageous brave bravery bold hero heroes heroic freedom free liberty excellent perfect
        fascinating fascinated powerful strong strength grateful gratitude blessed blessing lucky
        fortune friend friends friendship kiss kissed gift gifts treasure adventure delicious
        charming cheer cheered champion champions rich richest gold golden shine creative curious
        wonder wonders victories heart hearts soul alive""",
    ),
    (
        0.5,
        0.25,
        """good nice kind kindness gentle calm peace peaceful safe safety comfort comfortable warm
        trust trusted trusting honest honesty wise wisdom healthy health help helped helping care
        caring cared enjoy enjoyed pleasant pleased satisfied relax relaxed quiet fair justice
        honor honour honored dignity respect respected loyal loyalty faith patient welcome easy
        home family together promise""",
    ),
    (
        -0.9,
        0.9,
        """kill killed killing killer murder murdered murderer death dead die died dying deadly
        terror terrorist terrorists terrify terrified terrifying horror horrible horrific hell
        torture tortured rape raped massacre slaughter genocide suicide war wars bomb bombs bombed
        bombing explosion exploded shoot shot shooting gun guns blood bloody violence violent
        attack attacked attacks disaster disastrous catastrophe catastrophic tragedy tragic panic
        panicked nightmare rage furious outrage outraged outrageous scream screamed screaming hate
        hated hatred evil brutal savage destroy destroyed destroying destruction devastating
        devastated enemy enemies""",
    ),
    (
        -0.7,
        0.65,
        """fear fears afraid scared scary frightened frightening danger dangerous threat threats
        threatened angry anger mad crazy insane shock shocked shocking crisis crises crash crashed
        collapse collapsed fight fighting fought struggle struggled struggling pain painful hurt
        hurts suffer suffered suffering victim victims cruel cruelty crime crimes criminal
        criminals steal stole stolen thief lie lies lied lying liar betray betrayed betrayal cheat
        cheated corrupt corruption prison jail arrested fail failed failing failure failures loser
        losing disgust disgusting disgusted desperate desperately ruin ruined broke broken burn
        burned burning fire wound wounded cancer disease poison toxic abuse abused enslaved
        slavery slave slaves poverty starving hunger starve revolution rebel riot urgent emergency
        alarm alarming ridiculous stupid absurd idiot hostile tyranny tyrant fatal plague
        embarrassing embarrassed humiliated humiliating ashamed shame stress stressed anxious
        anxiety worst wicked""",
    ),
    (
        -0.55,
        0.3,
        """sad sadness sorrow grief grieve mourn mourning cry cried crying tears tear lonely alone
        loneliness lost loss depressed depression depressing miserable misery hopeless helpless
        regret regretted guilt guilty sorry tired exhausted boring bored weak weakness poor sick
        sickness ill illness disappointed disappointing disappointment empty dark darkness worry
        worried worries problem problems wrong mistake mistakes bad terrible awful difficult hard
        impossible unfair injustice rejected rejection quit doubt doubts fault blame
        blamed unhappy hurtful bitter grim""",
    ),
    (
        0.1,
        0.7,
        """surprise surprised surprising surprisingly sudden suddenly secret secrets mystery
        mysterious strange weird bizarre impossible never always everything nothing huge massive
        enormous gigantic tremendous dramatic dramatically radical extreme extremely wild intense
        explosive breakthrough revolutionary revolutionize unprecedented shockingly literally
        absolutely completely totally utterly challenge challenges challenged risk risks risky
        dare dared fierce power money million billion forever instantly immediately race battle
        battles fighter storm thunder lightning rocket race""",
    ),
)

FEELING: dict[str, tuple[float, float]] = {
    word: (valence, arousal) for valence, arousal, text in _GROUPS for word in text.split()
}
