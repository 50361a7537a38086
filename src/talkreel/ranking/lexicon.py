"""Word lists, written for this project from general knowledge of English; lower case.

Other languages fall through these lists without harm: structure (questions, numbers, names,
pauses, sound) still counts, word lists do not.
"""

from __future__ import annotations


def words_of(text: str) -> frozenset[str]:
    """The words of a blank-separated list."""
    return frozenset(text.split())


# Openers that point back at something a stranger has not heard. Strong: cannot be resolved.
DANGLING = words_of(
    """and but or nor because which whom whose he she they him her them his hers their theirs
    himself herself themselves however therefore thus hence otherwise moreover furthermore
    nevertheless nonetheless consequently accordingly likewise similarly also either neither
    instead meanwhile besides anyway afterwards whereas although though unless than"""
)
# Often dangling, sometimes fine ("This is the story of ...").
POINTING = words_of("this that these those it its it's that's then so such there's here again")
DANGLING_PHRASES = (
    "for example",
    "for instance",
    "in other words",
    "as a result",
    "in addition",
    "on the other hand",
    "that being said",
    "having said that",
    "by the way",
    "in that case",
    "at that point",
    "at that time",
    "as i said",
    "as i mentioned",
    "like i said",
    "the former",
    "the latter",
    "the same thing",
    "the other one",
    "the second one",
    "of course",
    "after that",
    "before that",
    "that is why",
    "that's why",
    "this is why",
    "that means",
    "this means",
    "what this means",
    "which means",
    "most of them",
    "some of them",
    "many of them",
    "all of them",
    "both of them",
    "none of them",
    "each of them",
    "one of them",
    "some of these",
    "most of these",
    "one is",
    "the first is",
    "the second is",
    "the third is",
    "the answer is",
    "the other is",
)
# "This is a story about", "It is time": pointing words that point forwards.
FORWARD_PHRASES = (
    "this is a story",
    "this is the story",
    "this is about",
    "here is",
    "here's",
    "it is time",
    "it's time",
    "it turns out",
    "it was a",
    "it was the",
    "it takes",
    "it is easy",
    "it's easy",
    "it is hard",
    "it's hard",
    "it is not enough",
    "it's not enough",
    "there's a",
    "there's nothing",
    "there's no",
    "this year",
    "this morning",
    "this week",
    "this country",
    "this world",
    "this nation",
    "so many",
    "so what",
    "so why",
    "so how",
)
FILLERS = words_of(
    """um uh uhm er erm ah oh well okay ok right yeah yes no now alright anyway like actually
    basically so and but look listen hey see"""
)
FILLER_PHRASES = ("you know", "i mean", "i think", "i guess", "sort of", "kind of", "of course")

# A span or title may not stop on these.
UNFINISHED = words_of(
    """and but or nor because so if when while although though that which who whom whose where
    whether than as of to in on at by for from with without about into onto over under between
    through during against among toward towards upon the a an my your his her its our their this
    these those is are was were be been am will would shall should can could may might must do
    does did has have had not very really just also even more most i we you he she they it's i'm
    we're you're they're i've we've there's what's let's each every no some any such both either
    neither until since before after except per via like how why what don't doesn't didn't can't
    won't isn't aren't wasn't"""
)
# A clause that starts so hangs on another one.
HANGING = words_of(
    """who whom whose which that when while where if as with to of for in on at by because than
    despite whether from whatever whenever wherever unless although though since until"""
)
SUBORDINATE = words_of("that which who whom whose where when while because if whether how why")
# Clauses that start so only set the scene for the next one.
SETTING = words_of(
    """in on at over after before during today tonight yesterday tomorrow once now then last next
    this just only two three four five ten twenty fifty many several years first second finally
    fortunately unfortunately sadly luckily recently again eventually clearly obviously frankly
    honestly by for from since until under within without throughout based given thanks"""
)
# A phrase may be cut before these.
LINKING = words_of(
    """that which who whom whose because when while where if and but or so as with to for in on at
    by from into about after before since until through during than without under over"""
)
VERBS = words_of(
    """is are was were am be been being has have had do does did will would can could shall should
    may might must i'm you're we're they're he's she's it's that's there's here's what's who's i've
    you've we've they've i'll you'll we'll they'll he'll she'll it'll i'd you'd we'd they'd isn't
    aren't wasn't weren't don't doesn't didn't can't couldn't won't wouldn't shouldn't haven't
    hasn't hadn't said says say goes go went gone get gets got make makes made take takes took know
    knows knew think thinks thought see sees saw come comes came want wants give gives gave find
    finds found tell tells told feel feels felt become becomes became leave leaves left put puts
    mean means meant keep keeps kept let lets begin begins began seem seems show shows run runs ran
    hold holds held bring brings brought write writes wrote sit sits sat stand stands stood lose
    loses lost pay pays paid meet meets met set sets learn learns learnt lead leads led understand
    understands understood speak speaks spoke read reads spend spends spent grow grows grew win
    wins won teach teaches taught buy buys bought die dies send sends sent build builds built fall
    falls fell cut cuts catch caught choose chooses chose break breaks broke drive drives drove
    rise rises rose throw throws threw wear wears wore fight fights fought eat eats ate sell sells
    sold need needs love loves hate hates believe believes live lives work works help helps start
    starts stop stops change changes save saves kill kills need look looks ask asks call calls try
    tries use uses play plays turn turns move moves like likes happen happens cost costs matter
    matters belong belongs exist exists remember remembers imagine wonder wonders hear hears heard
    sleep sleeps slept wake wakes woke hurt hurts hit hits shoot shot fly flies flew drink drank"""
)
# An end that only announces what comes next.
ANNOUNCING_PHRASES = (
    "here is",
    "here are",
    "here's",
    "let me tell",
    "let me show",
    "let me give",
    "let me read",
    "let me explain",
    "i'll tell you",
    "i'll show you",
    "i will tell you",
    "i want to show",
    "i want to tell",
    "i'm going to show",
    "i'm going to tell",
    "i have to read",
    "i have to tell",
    "for example",
    "for instance",
    "like this",
    "the following",
    "as follows",
    "there are two",
    "there are three",
    "there are four",
    "there are five",
    "let's look",
    "let's take",
    "let's start",
    "take a look",
    "two things",
    "three things",
    "two questions",
    "three questions",
    "one thing is clear",
    "the question is",
    "guess what",
    "you know what",
    "number one",
    "first of all",
    "next slide",
)
# A next sentence that starts so carries the thought on.
CONTINUING = words_of("and but so because or which then that's therefore also yet nor not")

QUESTION_STARTS = words_of(
    """what why how when where who whose which is are was were do does did can could would should
    will have has had isn't aren't don't doesn't didn't can't couldn't wouldn't shouldn't won't"""
)

STOP = words_of(
    """a an the and or but if then so as of at by for from in into on onto to up with without about
    over under again further once here there when where why how all any both each few more most
    other some such no nor not only own same than too very can will just should now i me my mine
    we us our ours you your yours he him his she her hers it its they them their theirs what which
    who whom whose this that these those am is are was were be been being have has had having do
    does did doing would could may might must shall let get got go going gone come came make made
    take took say said says tell told know knew think thought see saw look want wanted thing things
    way lot really actually basically well okay yeah yes um uh like kind sort mean i'm you're he's
    she's it's we're they're i've you've we've they've i'll you'll he'll she'll we'll they'll i'd
    you'd we'd they'd that's there's here's what's who's let's don't doesn't didn't can't couldn't
    won't wouldn't isn't aren't wasn't weren't haven't hasn't hadn't shouldn't because while until
    also even still much many one something anything nothing everything someone anyone everyone
    people been back out off down around before after during through between upon every another"""
)
