"""Asking an engine for a clip's words, and letting through what the clip itself says."""

from __future__ import annotations

from collections.abc import Sequence

from talkreel.core.errors import EngineError
from talkreel.core.spans import Span
from talkreel.core.words import Refused
from talkreel.models.language import TextEngine
from talkreel.models.text import TextEmbedder
from talkreel.pipeline.draft import Draft
from talkreel.ranking.containment import Accepted, check, parse, prompt
from talkreel.ranking.headlines import Line
from talkreel.ranking.talk import Unit
from talkreel.ranking.titles import GOOD


class Writer:
    """Writes drafts with one engine; an engine that fails leaves a refusal, not an error."""

    def __init__(self, engine: TextEngine) -> None:
        self._engine = engine
        self._embedder = TextEmbedder()
        self.identity = engine.identity

    def __call__(self, clip: Sequence[Unit]) -> Draft:
        """What the engine says of a clip, as far as the clip says it too."""
        try:
            texts, refused = parse(self._engine.complete(*prompt(clip)))
        except EngineError as error:
            return Draft(refused=(Refused("", str(error)),))
        rejected = list(refused)
        lines: dict[str, list[Line]] = {"title": [], "hook": [], "description": []}
        for kind, proposals in texts.items():
            for text in dict.fromkeys(proposals):
                match check(text, kind, clip, self._near):
                    case Accepted(shown, first, last):
                        span = Span(clip[first].span.start, clip[last - 1].span.end)
                        lines[kind].append(Line(shown, span, GOOD, self._engine.name))
                    case Refused() as no:
                        rejected.append(no)
        description = lines["description"][0].text if lines["description"] else ""
        return Draft(tuple(lines["title"]), tuple(lines["hook"]), description, tuple(rejected))

    def _near(self, first: str, second: str) -> float:
        a, b = self._embedder([first, second])
        return float(a @ b)
