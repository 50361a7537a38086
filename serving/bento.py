"""The scoring stage as a BentoML service, from the same classes as the Ray deployments.

bentoml build -f configs/serving/bentofile.yaml
bentoml serve talkreel-scorer:latest
"""

from __future__ import annotations

from typing import Annotated

import bentoml
from pydantic import Field

from serving.scoring.local import LocalScorer
from serving.scoring.models import SCORING, Models
from serving.scoring.scores import Hook, HookOrder, ModelInfo, Score, Text
from serving.settings import Settings

MAX_HOOKS = 20


@bentoml.service(
    name="talkreel-scorer",
    resources={"cpu": "1"},
    # Concurrent requests are put together by the scorer itself.
    traffic={"timeout": 60, "max_concurrency": 256},
)
class TalkreelScorer:
    """Scores texts with the bundles that the settings name."""

    def __init__(self) -> None:
        settings = Settings()
        self._scorer = LocalScorer(
            Models(settings.bundles, roles=SCORING, registry_url=settings.registry_url)
        )

    @bentoml.api  # type: ignore[untyped-decorator]
    async def score(self, text: Text) -> Score:
        """Engagement, hook and emotion, with the evidence of every sentence."""
        return await self._scorer.score(text)

    @bentoml.api  # type: ignore[untyped-decorator]
    async def rank_hooks(
        self, hooks: Annotated[list[Hook], Field(min_length=2, max_length=MAX_HOOKS)]
    ) -> HookOrder:
        """Every hook against every other, strongest first."""
        return await self._scorer.rank_hooks(hooks)

    @bentoml.api  # type: ignore[untyped-decorator]
    async def models(self) -> list[ModelInfo]:
        """Which bundle gives which score, how good it is, and what it may be used for."""
        return await self._scorer.models()

    async def __is_ready__(self) -> bool:
        """Whether a few words can be scored."""
        await self._scorer.check()
        return True

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Finish what was asked for."""
        self._scorer.close()
