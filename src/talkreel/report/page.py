"""The page: header, chart, cards and transcript put together and written."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from pathlib import Path

from talkreel.core.analysis import Analysis
from talkreel.core.clips import ClipSet
from talkreel.core.jsonio import write_text
from talkreel.core.media import Colour, Media
from talkreel.report.cards import card
from talkreel.report.curves import Lane, emotion_lanes, engagement_lane, plain_values, sound_lanes
from talkreel.report.markup import file_name, hue, length, plural, text
from talkreel.report.texts import chapter_list
from talkreel.report.timeline import lanes, speaker_hues, strip
from talkreel.report.words import has_unsure, transcript


def write_report(path: Path, analysis: Analysis, clips: ClipSet) -> None:
    """Write one self-contained HTML page about a job, whole or not at all.

    The page needs no network and works from ``file://``; it plays the clips by their paths
    relative to its own folder, so ``path`` lies beside ``clips.json``.

    Args:
        path: where the page goes.
        analysis: what was perceived; a signal named ``engagement`` is drawn as the scorer's
            curve, without one the page shows an estimate from the sound and says so.
        clips: what was delivered.

    Raises:
        OutputError: ``path`` cannot be written.
    """
    write_text(path, page(analysis, clips))


def page(analysis: Analysis, clips: ClipSet) -> str:
    """The HTML of the report."""
    engagement = engagement_lane(analysis)
    duration = analysis.media.duration
    curves = (
        *emotion_lanes(analysis.signals, duration),
        *sound_lanes(analysis.signals, duration),
    )
    speakers = speaker_hues(analysis)
    script, style = _asset("report.js"), _asset("report.css")
    name = file_name(clips.media_uri)
    body = (
        _header(name, analysis, clips),
        _warnings(analysis, clips),
        "<main>",
        strip(engagement, clips),
        lanes(curves, analysis, clips),
        f'<p class="note">{text(engagement.note)}.</p>',
        '<div class="columns"><section class="clips" aria-label="Clips"><h2>Clips</h2>',
        "".join(card(clip, clips.scorer, clips.calibration) for clip in clips.clips)
        or '<p class="none">No clips were delivered.</p>',
        '</section><section class="transcript" aria-label="Transcript"><h2>Transcript</h2>',
        _legend(analysis),
        f'<div class="text" id="text" tabindex="0" lang="{text(_language(analysis))}">'
        f"{transcript(analysis.transcript, clips, speakers)}</div></section></div></main>",
        _footer(clips),
        f'<script type="application/json" id="data">{_data(engagement, curves, clips)}</script>',
        f"<script>{script}</script>",
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" '
        f'content="no-referrer"><title>{text(name)} · talkreel</title>'
        f"<style>{style}</style></head>\n<body>\n{''.join(body)}\n</body></html>\n"
    )


def _asset(name: str) -> str:
    return (files("talkreel.report") / "assets" / name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    """Only this page's own script runs and nothing is fetched but files beside it."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    beside = "'self' file:"
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        f"img-src {beside} data:; media-src {beside}; base-uri 'none'; form-action 'none'"
    )


def _header(name: str, analysis: Analysis, clips: ClipSet) -> str:
    total = sum(clip.measured.duration for clip in clips.clips)
    tiles = [
        (str(len(clips.clips)), "clip" if len(clips.clips) == 1 else "clips"),
        (length(total), "of clips"),
        (length(clips.duration), "of talk"),
    ]
    if clips.clips:
        tiles.append((str(max(clip.score for clip in clips.clips)), "best score"))
    shown = "".join(f"<div><b>{text(big)}</b><span>{small}</span></div>" for big, small in tiles)
    facts = "".join(f"<li>{text(fact)}</li>" for fact in _facts(analysis, clips))
    return (
        '<header class="top"><p class="brand"><svg viewBox="0 0 24 24" aria-hidden="true">'
        '<rect x="2" y="5" width="12" height="14" rx="3"/><path d="M17 8l5-3v14l-5-3z"/></svg>'
        f'talkreel report</p><h1>{text(name)}</h1><div class="tiles">{shown}</div>'
        f'<ul class="facts">{facts}</ul>{chapter_list(clips)}</header>'
    )


def _facts(analysis: Analysis, clips: ClipSet) -> list[str]:
    words = len(analysis.transcript.words)
    speakers = len({w.speaker for w in analysis.transcript.words if w.speaker})
    facts = [*_media_facts(analysis.media)]
    if words:
        facts.append(plural(words, "word"))
    if speakers:
        facts.append(plural(speakers, "voice"))
    if analysis.shots:
        facts.append(plural(len(analysis.shots), "shot"))
    if analysis.transcript.language not in ("", "und"):
        facts.append(f"language {analysis.transcript.language}")
    if clips.transcript_source:
        facts.append(f"words from {clips.transcript_source}")
    facts.append(f"scored by {clips.scorer} ({clips.calibration})")
    return facts


def _media_facts(media: Media) -> list[str]:
    facts = []
    if media.video is not None:
        video = media.video
        facts.append(f"{video.width}×{video.height}, {float(video.frame_rate):.4g} fps")
        kind = "" if video.colour is Colour.SDR else f", {video.colour.value.upper()}"
        facts.append(f"{video.codec}{kind}")
    else:
        facts.append("no picture")
    if media.audio is not None:
        audio = media.audio
        facts.append(f"{audio.codec} {audio.sample_rate / 1000:g} kHz")
    else:
        facts.append("no sound")
    return facts


def _warnings(analysis: Analysis, clips: ClipSet) -> str:
    lines = dict.fromkeys(
        (
            *analysis.media.warnings,
            *analysis.transcript.warnings,
            *analysis.warnings,
            *clips.warnings,
        )
    )
    if not lines:
        return ""
    items = "".join(f"<li>{text(line)}</li>" for line in lines)
    return (
        f'<aside class="warnings" aria-label="Warnings"><h2>Worth knowing</h2><ul>{items}</ul>'
        "</aside>"
    )


def _legend(analysis: Analysis) -> str:
    if not analysis.transcript.words:
        return ""
    unsure = (
        " <u>Dotted</u> words were heard with low confidence."
        if has_unsure(analysis.transcript)
        else ""
    )
    return f'<p class="note">Coloured words are in a clip. Click a word to go there.{unsure}</p>'


def _language(analysis: Analysis) -> str:
    """For screen readers; empty where it is not known."""
    language = analysis.transcript.language
    return "" if language == "und" else language


def _footer(clips: ClipSet) -> str:
    version = f" {clips.talkreel_version}" if clips.talkreel_version else ""
    return (
        f"<footer><p>Made by talkreel{text(version)}. Source sha256 "
        f"<code>{text(clips.media_digest[:16])}</code>. Scores compare moments of this talk; "
        f"they are {text(clips.calibration)}.</p></footer>"
    )


def _data(engagement: Lane, curves: tuple[Lane, ...], clips: ClipSet) -> str:
    """What the script reads, as JSON that cannot close its own element."""
    shown = [lane for lane in (engagement, *curves) if lane.has_values]
    data = {
        "duration": clips.duration,
        "lanes": [
            {
                "key": lane.key,
                "label": lane.label,
                "unit": "" if lane.unit == "probability" else lane.unit,
                "digits": lane.digits,
                "values": plain_values(lane),
            }
            for lane in shown
        ],
        "clips": [
            {
                "rank": clip.rank,
                "hue": hue(clip.rank),
                "spans": [[round(s.start, 3), round(s.end, 3)] for s in clip.spans],
            }
            for clip in clips.clips
        ],
    }
    plain = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return plain.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
