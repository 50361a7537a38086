from __future__ import annotations

from talkreel.pipeline.progress import Event, Tracker


def test_the_whole_never_goes_back_and_ends_at_one() -> None:
    events: list[Event] = []
    tracker = Tracker([("a", 1.0), ("b", 3.0)], events.append)
    a = tracker.stage("a")
    a(0.5)
    a(0.4)
    tracker.finish("a")
    b = tracker.stage("b")
    b(0.5)
    tracker.say("b", "halfway")
    tracker.finish("b")
    shares = [event.share for event in events]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    (news,) = (event for event in events if event.message)
    assert (news.message, news.share) == ("halfway", 0.625)
    assert events[-1].seconds_left == 0
