"""The report: what is on the page, what cannot get onto it, and what it costs."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talkreel.core.analysis import Analysis
from talkreel.core.candidates import Reason, SubScore
from talkreel.core.clips import Clip, ClipFiles, ClipSet, Measured
from talkreel.core.craft import Note
from talkreel.core.errors import OutputError
from talkreel.core.media import AudioStream, Media, VideoStream
from talkreel.core.signals import Signal
from talkreel.core.spans import Span
from talkreel.core.tracks import FaceTrack, Shot
from talkreel.core.transcript import Transcript, Word
from talkreel.report import write_report
from talkreel.report.curves import (
    MAX_POINTS,
    emotion_lanes,
    engagement_lane,
    estimated_engagement,
    sound_lanes,
    svg_path,
    thinned,
)
from talkreel.report.markup import clock, length, link, text
from talkreel.report.page import page

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
VOID = {"meta", "img", "br", "link", "input"}


class Tree(HTMLParser):
    """Every element with its attributes; fails on crossed or unclosed tags."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.said: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.said.append(data)

    def all(self, tag: str, css: str | None = None) -> list[dict[str, str]]:
        found = [attributes for name, attributes in self.elements if name == tag]
        return [a for a in found if css is None or css in a.get("class", "").split()]

    @property
    def text(self) -> str:
        return "".join(self.said)


def words_of(sentences: list[str], *, start: float = 1.0, speaker: str | None = "A") -> list[Word]:
    out, at = [], start
    for sentence in sentences:
        for token in sentence.split():
            out.append(Word(token, Span(at, at + 0.3), 0.9, speaker))
            at += 0.4
        at += 0.6
    return out


def clip(rank: int, spans: tuple[Span, ...], **changes: object) -> Clip:
    name = f"clips/{rank:02d}-a-title"
    evidence = Reason("Opens with a question", Span(spans[0].start, spans[0].start + 1), "Why now?")
    whole = Reason("Says little that is specific", spans[0])
    base = Clip(
        id=f"id{rank}",
        rank=rank,
        title=f"Title number {rank}",
        spans=spans,
        score=max(0, 91 - rank),
        sub_scores=(
            SubScore("hook", 0.9, 0.3, (evidence,)),
            SubScore("speech_rate", 0.2, 0.1, (whole,)),
        ),
        text="Why now? Because it matters.",
        files=ClipFiles(
            video=f"{name}.mp4",
            cover=f"{name}.jpg",
            srt=f"{name}.srt",
            vtt=f"{name}.vtt",
            edit=f"edits/{rank:02d}.json",
        ),
        measured=Measured(
            duration=20.04,
            width=1080,
            height=1920,
            frame_rate="30000/1001",
            frames=600,
            size_bytes=4_321_000,
            integrated_lufs=-14.12,
            true_peak_dbtp=-1.3,
            av_offset=-0.012,
            caption_words=57,
            face_share=0.93,
            speaker_share=0.88,
        ),
    )
    return replace(base, **changes)


def talk(duration: float = 60.0) -> tuple[Analysis, ClipSet]:
    """A small talk with everything in it."""
    sentences = ["Why now?", "Because it matters to you.", "Three things, then we stop."]
    words = [*words_of(sentences), *words_of(["Is it true?"], start=30.0, speaker="B")]
    words[3] = replace(words[3], confidence=0.2)
    steps = int(duration * 10)
    wave = np.sin(np.arange(steps) / 30)
    media = Media(
        uri="/videos/My talk.mp4",
        digest="ab12" * 16,
        container="mov",
        duration=duration,
        video=VideoStream(
            index=0,
            width=1280,
            height=720,
            coded_width=1280,
            coded_height=720,
            frame_rate=Fraction(25),
            codec="h264",
        ),
        audio=AudioStream(index=1, sample_rate=48000, channels=2, codec="aac"),
    )
    times = np.arange(0, 5, 0.5)
    face = FaceTrack(
        0, times, np.tile([0.4, 0.2, 0.6, 0.5], (10, 1)), np.ones(10), np.full(10, 0.7), "A"
    )
    analysis = Analysis(
        media=media,
        transcript=Transcript("en", tuple(words), "moonshine-tiny-en"),
        shots=(Shot(Span(0, 20)), Shot(Span(20, duration))),
        signals={
            "loudness": Signal("loudness", -20 + 5 * wave, "LUFS", step=0.1),
            "pitch": Signal("pitch", np.where(wave > 0, 200 + 20 * wave, np.nan), "Hz", step=0.1),
            "speech_rate": Signal("speech_rate", 2 + wave[::10], "words/s"),
            "reaction": Signal("reaction", np.clip(wave[::5], 0, 1), "probability", step=0.5),
            "voice": Signal("voice", np.ones(steps), "probability", step=0.1),
        },
        looked=(Span(0, 5),),
        faces=(face,),
        warnings=("The last 2 s of sound are missing",),
    )
    clips = ClipSet(
        media_uri=media.uri,
        media_digest=media.digest,
        duration=duration,
        clips=(clip(1, (Span(0.8, 3.0), Span(3.4, 5.0))), clip(2, (Span(29, 40),))),
        transcript_source="moonshine-tiny-en",
        scorer="craft-priors/1",
        warnings=("One clip was left out",),
        talkreel_version="0.1.0",
    )
    return analysis, clips


def test_a_card_says_what_became_of_every_feature() -> None:
    analysis, clips = talk()
    notes = (
        Note("tighten", True, "3 words and 1.9 s went"),
        Note("music", False, f"no track fits {HOSTILE}"),
    )
    first = replace(clips.clips[0], notes=notes)
    tree = Tree(page(analysis, replace(clips, clips=(first, *clips.clips[1:]))))
    assert "3 words and 1.9 s went" in tree.text
    assert f"no track fits {HOSTILE}" in tree.text
    assert [item["class"] for item in tree.all("li") if item.get("class") in ("done", "left")] == [
        "done",
        "left",
    ]


def test_page_holds_what_a_reader_needs() -> None:
    html = page(*talk())
    tree = Tree(html)
    for said in (
        "My talk.mp4",
        "Title number 1",
        "Title number 2",
        "\N{MINUS SIGN}14.1 LUFS",
        "\N{MINUS SIGN}1.3 dBTP",
        "4.3 MB",
        "57 words",
        "93 %",
        "88 %",
        "1080×1920, 29.97 fps",
        "Opens with a question",
        "Why now?",
        "craft-priors/1",
        "not calibrated for your channel",
        "The last 2 s of sound are missing",
        "One clip was left out",
        "Speaker B",
        "Speech rate",
        "1 pause cut out",
    ):
        assert said in tree.text, said
    assert [v["src"] for v in tree.all("video")] == [
        "clips/01-a-title.mp4",
        "clips/02-a-title.mp4",
    ]
    assert tree.all("video")[0]["poster"] == "clips/01-a-title.jpg"
    links = {a["href"] for a in tree.all("a")}
    assert {"clips/01-a-title.srt", "clips/01-a-title.vtt", "edits/01.json"} <= links
    assert [dial["aria-label"][:14] for dial in tree.all("div", "dial")] == [
        "Score 90 of 99",
        "Score 89 of 99",
    ]


def test_page_needs_nothing_from_elsewhere() -> None:
    html = page(*talk())
    assert not re.search(r"(?:https?:)?//[a-z]", html.replace('"//"', ""))
    assert "@import" not in html
    assert "url(" not in html
    tree = Tree(html)
    for _, attributes in tree.elements:
        for name in ("src", "href", "poster"):
            assert not re.match(r"^(?:[a-z]+:|/)", attributes.get(name, "")), attributes


def test_policy_allows_exactly_the_page_script() -> None:
    html = page(*talk())
    policy = next(m["content"] for m in Tree(html).all("meta") if "content" in m)
    script = html.rsplit("<script>", 1)[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_every_id_is_unique_and_every_anchor_leads_somewhere() -> None:
    tree = Tree(page(*talk()))
    ids = [attributes["id"] for _, attributes in tree.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for anchor in tree.all("a"):
        if anchor["href"].startswith("#"):
            assert anchor["href"][1:] in ids


def test_transcript_marks_exactly_the_words_of_clips() -> None:
    analysis, clips = talk()
    html = page(analysis, clips)
    marked = re.findall(r"<mark[^>]*>(.*?)</mark>", html)
    words = [word for run in marked for word in re.sub(r"<[^>]*>", "", run).split()]
    spans = [span for one in clips.clips for span in one.spans]
    expected = [
        word.text
        for word in analysis.transcript.words
        if any(span.contains(word.span.middle) for span in spans)
    ]
    assert words == expected
    assert 0 < len(words) < len(analysis.transcript.words)
    unsure = re.findall(r"<u title=[^>]*>(.*?)</u>", html)
    assert unsure == [analysis.transcript.words[3].text]


def test_words_of_two_clips_show_both_and_each_beginning() -> None:
    analysis, clips = talk()
    both = (clip(1, (Span(2.0, 6.0),)), clip(2, (Span(0.5, 4.0),)))
    tree = Tree(page(analysis, replace(clips, clips=both)))
    titles = [mark["title"] for mark in tree.all("mark")]
    assert titles[0] == "In clip 2"
    assert "In clip 1 and clip 2" in titles
    assert titles[-1] == "In clip 1"
    badges = [a["aria-label"] for a in tree.all("a", "badge") if "begins" in a["aria-label"]]
    assert badges == ["Clip 2 begins", "Clip 1 begins"]


def test_evidence_times_are_buttons() -> None:
    analysis, clips = talk()
    buttons = [
        (float(b["data-a"]), float(b["data-b"]))
        for b in Tree(page(analysis, clips)).all("button", "at")
    ]
    for one in clips.clips:
        for part in one.sub_scores:
            for reason in part.reasons:
                assert (reason.span.start, reason.span.end) in buttons


def hostile_talk() -> tuple[Analysis, ClipSet]:
    analysis, clips = talk()
    glued = HOSTILE.replace(" ", "")
    words = tuple(
        replace(word, text=glued, speaker=HOSTILE if i % 2 else "B", confidence=0.1)
        for i, word in enumerate(analysis.transcript.words)
    )
    bad = Signal(HOSTILE, np.arange(60.0), HOSTILE)
    parts = (SubScore(HOSTILE, 0.9, 0.5, (Reason(HOSTILE, Span(1, 2), HOSTILE),)),)
    paths = ClipFiles(
        video="javascript:alert(1)", cover=f'a"{HOSTILE}', srt="//evil/x", vtt=None, edit="data:,x"
    )
    evil = clip(
        1,
        (Span(0, 20),),
        title=HOSTILE,
        text=HOSTILE,
        sub_scores=parts,
        files=paths,
        warnings=(HOSTILE,),
    )
    return (
        replace(
            analysis,
            media=replace(analysis.media, uri=f"/x/{HOSTILE}", warnings=(HOSTILE,)),
            transcript=Transcript(HOSTILE, words, HOSTILE, (HOSTILE,)),
            signals={HOSTILE: bad, "engagement": Signal("engagement", np.arange(60.0), HOSTILE)},
            warnings=(HOSTILE,),
        ),
        replace(
            clips,
            media_uri=f"/x/{HOSTILE}",
            media_digest=HOSTILE,
            clips=(evil,),
            transcript_source=HOSTILE,
            scorer=HOSTILE,
            calibration=HOSTILE,
            warnings=(HOSTILE,),
            talkreel_version=HOSTILE,
        ),
    )


def test_hostile_text_stays_text() -> None:
    html = page(*hostile_talk())
    tree = Tree(html)
    usual = {name for name, _ in Tree(page(*talk())).elements}
    assert {name for name, _ in tree.elements} <= usual
    assert len(tree.all("script")) == 2
    assert tree.all("img") == []
    for name, attributes in tree.elements:
        assert not [key for key in attributes if key.startswith("on")], (name, attributes)
        for key in ("src", "href", "poster"):
            value = attributes.get(key, "")
            assert not re.match(r"^(?:\w+:|//)", value), value
    data = html.split('id="data">')[1].split("</script>")[0]
    assert any(lane["label"] == HOSTILE for lane in json.loads(data)["lanes"])
    assert "alert(2)" in tree.text


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_one_text_node(value: str) -> None:
    tree = Tree(f"<p>{text(value)}</p><p title='{text(value)}'></p>")
    assert [name for name, _ in tree.elements] == ["p", "p"]
    text(value).encode("utf-8")


@pytest.mark.parametrize("part", ["\ud800", "\x00", "\u202e"])
def test_characters_that_break_or_turn_a_page_are_dropped(part: str) -> None:
    assert text(f"a{part}b") == "ab"


def test_links_cannot_name_a_scheme_or_host() -> None:
    assert link("javascript:x") == "javascript%3Ax"
    assert link('a"b<c #?.mp4') == "a%22b%3Cc%20%23%3F.mp4"
    assert link("//host/x") == ".//host/x"
    assert link("clips/é.mp4") == "clips/%C3%A9.mp4"
    assert link("\udce9.mp4") == "%E9.mp4"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (59.99, "0:59"), (61, "1:01"), (3725, "1:02:05"), (-1, "0:00")],
)
def test_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(8.44, "8.4 s"), (90.7, "1 min 31 s"), (3720, "1 h 2 min")]
)
def test_length(seconds: float, shown: str) -> None:
    assert length(seconds) == shown


def test_no_words() -> None:
    analysis, clips = talk()
    html = page(replace(analysis, transcript=Transcript("und", ())), clips)
    assert "No words were recognised" in Tree(html).text


def test_audio_only_without_signals_shots_or_faces() -> None:
    analysis, clips = talk()
    bare = Analysis(
        media=replace(analysis.media, video=None), transcript=Transcript("und", (), "none")
    )
    tree = Tree(page(bare, clips))
    assert "no picture" in tree.text
    assert "No curve" in tree.text
    assert "Shots" not in tree.text
    assert "Faces" not in tree.text


def test_silent_clip_and_unknown_faces() -> None:
    analysis, clips = talk()
    silent = replace(
        clips.clips[0].measured,
        integrated_lufs=None,
        true_peak_dbtp=None,
        face_share=None,
        speaker_share=None,
        caption_words=0,
    )
    files = replace(clips.clips[0].files, srt=None, vtt=None)
    one = replace(clips.clips[0], measured=silent, files=files, sub_scores=(), text="")
    shown = Tree(page(analysis, replace(clips, clips=(one,)))).text
    assert "silent" in shown
    assert "dBTP" not in shown
    assert "Face in view" not in shown
    assert "Captions .srt" not in shown
    assert "None" not in shown


def test_no_clips_is_said() -> None:
    analysis, clips = talk()
    assert "No clips were delivered" in Tree(page(analysis, replace(clips, clips=()))).text


def test_scorer_curve_wins_over_the_estimate() -> None:
    analysis, clips = talk()
    estimate = page(analysis, clips)
    assert "estimate from the sound alone" in estimate
    signal = Signal("engagement", np.linspace(0, 1, 60), "")
    given_curve = page(replace(analysis, signals={**analysis.signals, "engagement": signal}), clips)
    assert "estimate from the sound alone" not in given_curve
    assert "as the engagement model sees it" in given_curve


def test_estimate_rises_where_the_voice_does() -> None:
    quiet, loud = np.full(300, -30.0), np.full(300, -15.0)
    signal = Signal("loudness", np.concatenate([quiet, loud]), "LUFS", step=0.1)
    curve = estimated_engagement({"loudness": signal}, 60.0)
    assert curve[:25].max() < curve[35:].min()
    assert np.isnan(estimated_engagement({}, 60.0)).all()


def test_curves_are_thinned_without_losing_peaks_or_gaps() -> None:
    values = np.zeros(100_000)
    values[50_000] = 1.0
    values[:10_000] = np.nan
    signal = Signal("reaction", values, "probability", step=0.1)
    thin = thinned(signal, 10_000.0, "max")
    assert len(thin) == MAX_POINTS
    assert np.nanmax(thin) == 1.0
    assert np.isnan(thin[: MAX_POINTS // 10]).all()
    lane = sound_lanes({"reaction": signal}, 10_000.0)[0]
    first = re.match(r"M(\d+) 1000L", svg_path(lane))
    assert first is not None
    assert int(first[1]) == pytest.approx(1200, abs=2)


def test_a_signal_that_covers_a_part_only_leaves_the_rest_unknown() -> None:
    signal = Signal("loudness", np.full(10, -20.0), "LUFS", start=50.0, step=1.0)
    thin = thinned(signal, 100.0)
    assert np.isfinite(thin[50:60]).all()
    assert np.isnan(thin[:50]).all()
    assert np.isnan(thin[60:]).all()


def test_unknown_nan_and_empty_signals_do_no_harm() -> None:
    analysis, clips = talk()
    signals = {
        "mood": Signal("mood", np.linspace(0, 1, 60), ""),
        "both": Signal("both", np.zeros((60, 2)), "", channels=("a", "b")),
        "loudness": Signal("loudness", np.full(60, np.nan), "LUFS"),
        "pitch": Signal("pitch", np.zeros(0), "Hz"),
        "reaction": Signal("reaction", np.zeros(120), "probability", step=0.5),
    }
    tree = Tree(page(replace(analysis, signals=signals), clips))
    keys = [lane.get("data-key") for lane in tree.all("div", "lane")]
    assert "mood" in keys
    assert "reaction" in keys
    assert not {"both", "loudness", "pitch"} & set(keys)
    assert not engagement_lane(replace(analysis, signals={})).has_values


def test_an_hour_is_small_and_quick(tmp_path: Path) -> None:
    duration = 3600.0
    rng = np.random.default_rng(1)
    analysis, clips = talk(duration)
    vocabulary = ["people", "understand", "the", "of", "measured", "silence", "and", "it"]
    words, at = [], 1.0
    while at < duration - 2:
        token = str(rng.choice(vocabulary))
        stop = "." if len(words) % 15 == 14 else ""
        speaker = "AB"[len(words) // 90 % 2]
        sure = float(rng.uniform(0.3, 1))
        words.append(Word(token + stop, Span(at, at + 0.3), sure, speaker))
        at += 0.38
    signals = {
        name: Signal(name, rng.normal(size=int(duration / step)), "x", step=step)
        for name, step in (
            ("loudness", 0.1),
            ("pitch", 0.025),
            ("speech_rate", 1.0),
            ("reaction", 0.5),
            ("music", 1.0),
        )
    }
    shots = tuple(Shot(Span(i * 6.0, i * 6.0 + 6)) for i in range(600))
    many = tuple(
        clip(i + 1, tuple(Span(i * 70 + k * 2.0, i * 70 + k * 2 + 1.8) for k in range(15)))
        for i in range(50)
    )
    analysis = replace(
        analysis, transcript=Transcript("en", tuple(words)), signals=signals, shots=shots
    )
    path = tmp_path / "report.html"
    began = time.process_time()
    write_report(path, analysis, replace(clips, clips=many))
    took = time.process_time() - began
    assert len(words) > 9000
    assert path.stat().st_size < 1_500_000
    assert took < 10


def test_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "report.html"
    write_report(path, *talk())
    assert path.read_text(encoding="utf-8").endswith("</html>\n")
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
    blocked = tmp_path / "file"
    blocked.write_text("x", encoding="utf-8")
    with pytest.raises(OutputError, match="cannot write"):
        write_report(blocked / "report.html", *talk())
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(OutputError, match="cannot write"):
        write_report(tmp_path / "folder.html", *talk())


def test_same_input_same_page() -> None:
    assert page(*talk()) == page(*talk())


def test_the_strongest_emotions_are_drawn_and_neutral_is_not() -> None:
    values = np.full((120, 3), 0.02, np.float32)
    values[:, 0] = 0.9  # neutral
    values[40:60, 1] = 0.8
    signal = Signal("emotion", values, "probability", channels=("neutral", "joy", "anger"))
    (lane,) = emotion_lanes({"emotion": signal}, 120.0)
    assert lane.label == "Joy"
    assert np.nanmax(lane.values) == pytest.approx(0.8)
    assert (lane.low, lane.high) == (0.0, 1.0)
    assert emotion_lanes({}, 120.0) == ()
