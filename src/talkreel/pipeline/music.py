"""``--music DIR``: a track of the user's own library under the speech."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from talkreel.core.craft import Asset
from talkreel.core.edits import AudioChain, Edit
from talkreel.core.errors import MediaError
from talkreel.core.sound import MusicBed, MusicFacts, Track, VoiceFacts
from talkreel.core.spans import Span
from talkreel.edit.music import choose_track, lay_music, occupied
from talkreel.media.audio import Audio, extract_audio
from talkreel.media.probe import probe
from talkreel.pipeline.sound import facts_around
from talkreel.pipeline.work import Work, noted
from talkreel.store.cache import StageCache, StageKey
from talkreel.store.library import MUSIC, Listed, list_library

FEATURE = "music"
# Raised whenever the same file would give other facts.
MUSIC_VERSION = 1
# Measuring takes about half a second a track, once.
MOST_TRACKS = 200


@dataclass(frozen=True, slots=True)
class _Measured:
    facts: MusicFacts | None


def lay_bed(work: Work, edit: Edit) -> Edit:
    """``edit`` with the track that suits it best, unless music would do harm there."""
    assert work.options.music is not None
    tracks, passed = read_library(work.options.music, work.job.cache)
    if not tracks:
        return noted(edit, FEATURE, f"no music in {work.options.music}{passed}", applied=False)
    facts = None
    speech: tuple[Span, ...] = ()
    if work.job.media.audio is not None and edit.audio is not None:
        from talkreel.perceive.vad import voiced_spans

        facts = facts_around(work, edit)
        why = occupied(facts)
        if why:
            return noted(edit, FEATURE, why, applied=False)
        speech = voiced_spans(work.analysis.signals["voice"])
    words = work.analysis.transcript.words
    track = choose_track(tracks, words, edit.kept, facts or VoiceFacts(speech_dbfs=None))
    bed = lay_music(track, facts, speech, edit.kept)
    edit = replace(edit, audio=replace(edit.audio or AudioChain(), music=bed))
    return noted(edit, FEATURE, _story(track, bed, len(tracks)) + passed, applied=True)


def read_library(folder: Path, cache: StageCache) -> tuple[tuple[Track, ...], str]:
    """(the tracks in ``folder`` and below it, what is to be said of files that are none).

    Raises:
        InputError: a sidecar beside a track cannot be used.
    """
    files = list_library(folder, MUSIC)
    tracks = []
    unusable = 0
    for listed in files[:MOST_TRACKS]:
        track = _read_track(listed, cache)
        if track is None:
            unusable += 1
        else:
            tracks.append(track)
    said = [f"{unusable} unusable files passed over"] if unusable else []
    if len(files) > MOST_TRACKS:
        said.append(f"only the first {MOST_TRACKS} of {len(files)} files were looked at")
    return tuple(tracks), "".join(f"; {text}" for text in said)


def _read_track(listed: Listed, cache: StageCache) -> Track | None:
    try:
        media = probe(listed.path)
    except MediaError:
        return None
    if media.audio is None:
        return None

    def measure() -> _Measured:
        from talkreel.perceive.music import music_facts

        wav = cache.file(
            StageKey(media.digest, "music-audio", MUSIC_VERSION, {}),
            ".wav",
            lambda target: extract_audio(media, target),
        )
        return _Measured(music_facts(Audio(wav)))

    key = StageKey(media.digest, "music", MUSIC_VERSION, {})
    facts = cache.record(key, _Measured, measure).facts
    if facts is None:
        return None
    asset = Asset(str(listed.path), media.digest, listed.licence, listed.attribution)
    return Track(asset=asset, title=listed.title or listed.path.stem, facts=facts)


def _story(track: Track, bed: MusicBed, of: int) -> str:
    tempo = f"{track.facts.tempo_bpm:.0f} bpm" if track.facts.tempo_bpm else "no beat"
    licence = f"licence: {track.asset.licence}" if track.asset.licence else "no licence stated"
    credit = f"; credit: {track.asset.attribution}" if track.asset.attribution else ""
    return (
        f"{track.title} ({tempo}, best of {of} for the pace and energy of the speech), "
        f"{bed.duck_db:.0f} dB down while somebody speaks; {licence}{credit}"
    )
