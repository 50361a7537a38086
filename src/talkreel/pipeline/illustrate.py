"""B-roll: find where a picture may go, what is said there, and which picture shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from talkreel.core.arrays import FloatArray
from talkreel.core.craft import Broll
from talkreel.core.edits import Edit
from talkreel.core.emotions import EMOTIONS
from talkreel.core.errors import EngineError, MediaError, ModelMissing
from talkreel.core.spans import Span
from talkreel.edit.broll import Moment, choose, find_moments, find_spot
from talkreel.edit.build import faces_on_canvas
from talkreel.features.cached import cached_embeddings
from talkreel.media.probe import probe
from talkreel.models.shipped import load_bundle
from talkreel.models.text import TextEmbedder
from talkreel.pipeline.craft_options import CraftOptions
from talkreel.pipeline.drawn import draw_moment
from talkreel.pipeline.engines import image_engine
from talkreel.pipeline.looked_at import LEAST_FIT as LEAST_SEEN_FIT
from talkreel.pipeline.looked_at import picture_fit, picture_model
from talkreel.pipeline.work import Work, noted
from talkreel.ranking.wording import bare, content
from talkreel.store.cache import default_root
from talkreel.store.library import PICTURES, VIDEOS, Listed, list_library
from talkreel.store.stock import Stock, StockError, key_of

FEATURE = "broll"
# Cosine of what is said and what a picture is said to show. At .40 every picture shown for the
# sixty sentences of experiments/benchmarks/craft/broll.py fitted; with the fitting ones taken
# away, one sentence in ten still got one.
LEAST_FIT = 0.40
# Words that carry meaning, a second: a picture is drawn of a phrase with as many or more.
LEAST_DENSITY = 0.5
# A face shows feeling from this probability of anything but neutral on.
_EMOTES = 0.8
_MOST_QUERIES = 6
_MOST_SUGGESTIONS = 6


@dataclass(frozen=True, slots=True, eq=False)
class _Pictures:
    """Pictures to choose from and [N, 384] what each is said to show."""

    listed: tuple[Listed, ...]
    vectors: FloatArray


def broll_wanted(options: CraftOptions) -> bool:
    """Whether ``illustrate`` is asked for."""
    sources = (options.broll, options.broll_stock, options.image_engine)
    return options.broll_suggest or any(source is not None for source in sources)


def illustrate(work: Work, edit: Edit) -> Edit:
    """``edit`` with pictures over some of its speech, or with a note of what could be shown."""
    if work.job.media.video is None:
        return noted(edit, FEATURE, "left out: the source has no picture", applied=False)
    avoid = _emoting(work, edit)
    moments = find_moments(edit, work.analysis.transcript.words, _content, avoid)
    if not moments:
        return noted(
            edit,
            FEATURE,
            "left out: no phrase of 2 to 5 s after the hook shows one person without much feeling",
            applied=False,
        )
    if work.options.image_engine is not None and not work.options.broll_suggest:
        return _drawn(work, edit, moments)
    if work.options.broll_model is not None:
        return _looked_at(work, edit, moments)
    said = _embed([moment.text for moment in moments])
    try:
        pictures = _pictures(work, moments, upright=edit.canvas.height > edit.canvas.width)
    except StockError as error:
        return noted(edit, FEATURE, f"left out: {error}", applied=False)
    if pictures is None:
        return _searches(edit, moments)
    if not pictures.listed:
        return noted(edit, FEATURE, "left out: no picture says what it shows", applied=False)
    fit = said @ pictures.vectors.T
    return _with_best(work, edit, moments, pictures.listed, fit, LEAST_FIT)


def _looked_at(work: Work, edit: Edit, moments: Sequence[Moment]) -> Edit:
    """``edit`` with pictures of a folder chosen by what they show."""
    options = work.options
    assert options.broll is not None
    assert options.broll_model is not None
    listed = list_library(options.broll, PICTURES | VIDEOS)
    if not listed:
        return noted(edit, FEATURE, "left out: the folder holds no picture", applied=False)
    model = picture_model(options.broll_model)
    fit = picture_fit(model, [moment.text for moment in moments], listed)
    return _with_best(work, edit, moments, listed, fit, LEAST_SEEN_FIT)


def _with_best(
    work: Work,
    edit: Edit,
    moments: Sequence[Moment],
    listed: Sequence[Listed],
    fit: FloatArray,
    least: float,
) -> Edit:
    """``edit`` with the pictures that fit best, or with a note that none does."""
    pairs = choose(edit, moments, fit, least)
    if not pairs:
        text = f"left out: no picture fits; the nearest has {fit.max():.2f} of {least:.2f}"
        return noted(edit, FEATURE, text, applied=False)
    chosen = [(moments[m], listed[p], float(fit[m, p])) for m, p in pairs]
    if work.options.broll_suggest:
        names = "; ".join(f"{_clock(edit, m)} {p.path.name} ({f:.2f})" for m, p, f in chosen)
        return noted(edit, FEATURE, f"only listed: {names}", applied=False)
    return _with_pictures(work, edit, chosen)


def _drawn(work: Work, edit: Edit, moments: Sequence[Moment]) -> Edit:
    """``edit`` with pictures drawn of what is said, where it is densest."""
    assert work.options.image_engine is not None
    engine = image_engine(work.options.image_engine, work.options.image_model)
    # A picture fits the words it is drawn from; the more they say in their time, the better.
    density = np.diag([len(m.keywords) / m.span.duration for m in moments])
    chosen = []
    try:
        for m, _ in choose(edit, moments, density, LEAST_DENSITY):
            chosen.append((moments[m], draw_moment(engine, moments[m], edit.canvas), None))
    except EngineError as error:
        return noted(edit, FEATURE, f"left out: {error}", applied=False)
    if not chosen:
        text = "left out: no phrase names enough that could be drawn"
        return noted(edit, FEATURE, text, applied=False)
    return _with_pictures(work, edit, chosen)


def _with_pictures(
    work: Work, edit: Edit, chosen: Sequence[tuple[Moment, Listed, float | None]]
) -> Edit:
    faces_at = faces_on_canvas(work.analysis, edit.canvas, edit.layouts) or (lambda _: [])
    shown, told = [], []
    for moment, listed, fit in chosen:
        shows = listed.description[:80] or listed.path.name
        near = f"is {fit:.2f} near “{shows}”" if fit else listed.attribution
        reason = f"“{moment.text}” {near}"
        start = _start(listed.path, moment.span.duration)
        faces = [box for share in (0.1, 0.5, 0.9) for box in faces_at(_at(moment.span, share))]
        spot = find_spot(work.options.broll_place, edit.canvas, faces)
        shown.append(
            Broll(moment.span, listed.asset(), spot.box, start, spot.placement, spot.below, reason)
        )
        whose = f", {listed.attribution}" if listed.attribution else ""
        terms = "" if listed.licence else ", no licence stated"
        told.append(f"{_clock(edit, moment)} {listed.path.name}{whose}{terms}")
    seconds = sum(broll.span.duration for broll in shown)
    share = seconds / edit.time_map.duration
    text = f"{seconds:.1f} s ({share:.0%} of the clip): {'; '.join(told)}"
    return noted(replace(edit, broll=tuple(shown)), FEATURE, text, applied=True)


def _searches(edit: Edit, moments: Sequence[Moment]) -> Edit:
    """A note of moments and what to look for, for somebody who has no library."""
    picked: list[Moment] = []
    for moment in sorted(moments, key=lambda m: -len(m.keywords) / m.span.duration):
        if all(moment.span.pad(3.0, 3.0).overlap(other.span) == 0 for other in picked):
            picked.append(moment)
    picked = sorted(picked[:_MOST_SUGGESTIONS], key=lambda m: m.span.start)
    listed = "; ".join(f"{_clock(edit, m)} look for “{' '.join(m.keywords)}”" for m in picked)
    return noted(edit, FEATURE, f"only listed: {listed}", applied=False)


def _pictures(work: Work, moments: Sequence[Moment], *, upright: bool) -> _Pictures | None:
    """What there is to choose from; None where nothing was named."""
    options = work.options
    if options.broll is not None:
        return _library(options.broll)
    if options.broll_stock is None:
        return None
    stock = Stock(options.broll_stock, key_of(options.broll_stock), default_root() / "stock")
    offered = {}
    for moment in sorted(moments, key=lambda m: -len(m.keywords))[:_MOST_QUERIES]:
        for found in stock.search(" ".join(moment.keywords[:4]), upright=upright):
            if found.description:
                offered[found.name] = found
    names = list(offered)
    vectors = _embed([offered[name].description for name in names])
    near = _embed([moment.text for moment in moments]) @ vectors.T
    best = [
        i for i in np.argsort(-near.max(axis=0))[:_MOST_QUERIES] if near[:, i].max() > LEAST_FIT
    ]
    return _Pictures(tuple(stock.fetch(offered[names[i]]) for i in best), vectors[best])


@lru_cache(maxsize=2)
def _library(folder: Path) -> _Pictures:
    listed = tuple(item for item in list_library(folder, PICTURES | VIDEOS) if item.description)
    return _Pictures(listed, _embed([item.description for item in listed]))


@lru_cache(maxsize=1)
def _embedder() -> TextEmbedder:
    return TextEmbedder()


def _embed(texts: Sequence[str]) -> FloatArray:
    return cached_embeddings(texts, _embedder()).astype(np.float64)


def _content(words: Sequence[str]) -> Sequence[str]:
    return content([bare(word) for word in words])


def _emoting(work: Work, edit: Edit) -> tuple[Span, ...]:
    """Seconds of the clip in which a face shows feeling."""
    if not work.analysis.faces:
        return ()
    try:
        bundle = load_bundle("emotion-face")
    except ModelMissing:
        return ()
    from talkreel.models.predict_face import STEP_SECONDS, FaceEmotionPredictor

    job = work.job
    key = job.key(
        "face-emotion",
        FaceEmotionPredictor.version,
        bundle=bundle.spec.version,
        kept=edit.kept,
        faces=work.analysis.faces,
    )

    def read() -> tuple[Span, ...]:
        signal = FaceEmotionPredictor(bundle)(job.media, work.analysis.faces, edit.kept)
        feeling = 1.0 - signal.values[:, EMOTIONS.index("neutral")]
        return tuple(
            Span(i * STEP_SECONDS, (i + 1) * STEP_SECONDS)
            for i in np.flatnonzero(feeling > _EMOTES)
        )

    return job.cache.record(key, tuple[Span, ...], read)


def _start(path: Path, seconds: float) -> float:
    """Where in a video to begin: a little in, past fades and black, where it is long enough."""
    if path.suffix.lower() in PICTURES:
        return 0.0
    try:
        length = probe(path).duration
    except MediaError:
        return 0.0  # said when it is rendered
    return round(min(0.1 * length, max(0.0, length - seconds)), 3)


def _at(span: Span, share: float) -> float:
    return span.start + share * span.duration


def _clock(edit: Edit, moment: Moment) -> str:
    at = edit.time_map.to_clip(moment.span.start)
    return f"{int(at // 60)}:{at % 60:04.1f}"
