from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkreel.client.sse import Parser, ServerSent

LINE = st.text(st.characters(exclude_characters="\r\n\0", codec="utf-8"), max_size=20)


@given(
    st.lists(st.tuples(LINE, st.lists(LINE.map(str.strip), min_size=1, max_size=3)), max_size=5),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(1, 7),
)
def test_events_do_not_depend_on_how_the_stream_is_cut(
    sent: list[tuple[str, list[str]]], end: str, size: int
) -> None:
    text = ": hello" + end + "retry: 2000" + end + end
    for number, (kind, lines) in enumerate(sent):
        text += f"id: {number}{end}event: {kind}{end}"
        text += "".join(f"data: {line}{end}" for line in lines) + end
    data = text.encode()
    parser = Parser()
    found = [
        event
        for start in range(0, len(data), size)
        for event in parser.feed(data[start : start + size])
    ]
    assert found == [
        ServerSent(str(number), kind or "message", "\n".join(lines))
        for number, (kind, lines) in enumerate(sent)
    ]


def test_an_event_that_is_not_ended_is_not_told() -> None:
    parser = Parser()
    assert list(parser.feed(b"data: a\n")) == []
    assert list(parser.feed(b"\n")) == [ServerSent("", "message", "a")]


def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="mebibyte"):
        list(Parser().feed(b"x" * (1 << 20) + b"y"))
