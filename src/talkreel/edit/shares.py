"""How much of a clip shows a face, and the right one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from talkreel.core.edits import Box, Edit, LayoutKind
from talkreel.core.spans import Span
from talkreel.core.tracks import FaceTrack
from talkreel.core.transcript import Word
from talkreel.edit.geometry import centre_inside, visible_share

_STEP_SECONDS = 0.1
# A face counts as shown when its middle and this share of its box are inside.
_SHOWN_SHARE = 0.7
# A face is taken to be there this long around its samples.
_REACH_SECONDS = 0.3
_SPEAKING = 0.5


def face_share(
    edit: Edit, faces: Sequence[FaceTrack], *, looked: Sequence[Span] | None = None
) -> float | None:
    """Share of the clip in which at least one face is shown, 0..1.

    Args:
        edit: the clip.
        faces: tracks of the analysis.
        looked: where faces were searched; without it, having no track at all means that
            nobody looked.

    Returns:
        None when nobody looked.
    """
    if _nobody_looked(edit, faces, looked):
        return None
    times = _times(edit)
    shown = [any(_is_shown(edit, f, t) for f in _present(faces, t)) for t in times]
    return float(np.mean(shown))


def speaker_share(
    edit: Edit,
    faces: Sequence[FaceTrack],
    words: Sequence[Word],
    *,
    looked: Sequence[Span] | None = None,
) -> float | None:
    """Share of the speech in the clip during which the speaking face is shown, 0..1.

    The speaking face is the one matched to the voice of the word being said, else the one
    most likely to speak. Speech of which no face is known to be the source (a voice from
    off screen) does not count either way.

    Returns:
        None when nobody looked, or no speaker is ever known.
    """
    if _nobody_looked(edit, faces, looked):
        return None
    shown = []
    for time in _times(edit):
        word = next((w for w in words if w.span.contains(time)), None)
        if word is None:
            continue
        face = _speaking_face(_present(faces, time), word, time)
        if face is not None:
            shown.append(_is_shown(edit, face, time))
    return float(np.mean(shown)) if shown else None


def _nobody_looked(edit: Edit, faces: Sequence[FaceTrack], looked: Sequence[Span] | None) -> bool:
    if looked is None:
        return not faces
    return not any(span.overlap(kept) > 0 for span in looked for kept in edit.kept)


def _times(edit: Edit) -> list[float]:
    """Source seconds every tenth of a second of the clip."""
    time_map = edit.time_map
    count = max(1, int(time_map.duration / _STEP_SECONDS))
    step = time_map.duration / count
    return [time_map.to_source((i + 0.5) * step) for i in range(count)]


def _present(faces: Sequence[FaceTrack], time: float) -> list[FaceTrack]:
    near = [f for f in faces if f.span.pad(_REACH_SECONDS, _REACH_SECONDS).contains(time)]
    return [f for f in near if float(np.abs(f.times - time).min()) <= 2 * _REACH_SECONDS]


def _speaking_face(faces: Sequence[FaceTrack], word: Word, time: float) -> FaceTrack | None:
    matched = [f for f in faces if word.speaker is not None and f.speaker == word.speaker]
    if matched:
        return max(matched, key=lambda f: _speaking_at(f, time))
    likely = [f for f in faces if _speaking_at(f, time) >= _SPEAKING]
    return max(likely, key=lambda f: _speaking_at(f, time), default=None)


def _speaking_at(face: FaceTrack, time: float) -> float:
    """Mean probability over the half second around ``time``; 0 where not known."""
    value = face.speaking_over(Span(time - 0.25, time + 0.25))
    return 0.0 if np.isnan(value) else value


def _is_shown(edit: Edit, face: FaceTrack, time: float) -> bool:
    x0, y0, x1, y1 = (float(v) for v in face.box_at(time))
    box: Box = (x0, y0, x1, y1)
    layout = next((entry for entry in edit.layouts if entry.span.contains(time)), None)
    if layout is None or layout.kind is LayoutKind.WAVEFORM:
        return False
    regions = [path.box_at(time) for path in layout.paths]
    return any(
        centre_inside(box, region) and visible_share(box, region) >= _SHOWN_SHARE
        for region in regions
    )
