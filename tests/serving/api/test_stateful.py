"""Chains of made-up requests along the document's links; a stranger tries each one first."""

from __future__ import annotations

import itertools
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.errors import FlakyStrategyDefinition
from schemathesis.core.transport import Response
from schemathesis.generation.case import Case
from starlette.testclient import TestClient

from serving.services import Services
from tests.serving.api.test_fuzz import CHECKS, World, postgres, world
from tests.serving.api.world import add_finished, add_tenant

__all__ = ["postgres", "world"]

SEEDS = 4
EXAMPLES = 3  # of each seed
STEPS = 12
# Addresses that a chain keeps to, and how many of those that name a thing it has to reach.
CHAINS = {
    "uploads": (r"^/v1/(uploads|projects$)", 1),
    "clips": (r"^/v1/(projects$|projects/\{project_id\}/clips|clips)", 3),
    "everything": (r"^/v1/", 5),
}
# A test of a webhook goes out to the world.
_OUTSIDE = "/test$"
_LISTS = ("/v1/projects", "/v1/webhooks")
_IDS = ("id", "upload_id", "clip_id", "project_id")


class Pair:
    """A tenant who has things and does things, and another one who asks for the same.

    Both are new: a scenario that met what earlier ones have left could not be repeated.

    Args:
        services: where they are made.
        number: another one for each pair.
        folder: for files of the owner's first project.
    """

    def __init__(self, services: Services, number: int, folder: Path) -> None:
        self.owner = add_tenant(services, f"owner {number}")
        self.stranger = add_tenant(services, f"stranger {number}")
        self._owned = {self.owner.id, add_finished(services, self.owner, folder)}

    def refuse(self, case: Case[Any]) -> None:
        """The stranger is told nothing and can do nothing with what is the owner's."""
        answer = case.call(headers=self.stranger.headers)
        label = f"{case.operation.label}: {answer.status_code}"
        sent = f"{case.path_parameters} {case.body!r}"
        if any(known in sent for known in self._owned):
            assert answer.status_code >= 400, label
        elif answer.status_code < 400:
            self.see_no_leak(answer.text, label)

    def see_no_leak(self, text: str, where: str) -> None:
        assert not [known for known in self._owned if known in text], where

    def remember(self, answer: Response) -> None:
        if "json" in answer.headers.get("content-type", [""])[0]:
            self._owned |= _ids(answer.json())


def machine_of(
    world: World, chain: str, folder: Path, seen: Counter[str], wrong: list[BaseException]
) -> Any:
    """A state machine over ``world``.

    It counts the owners' good answers in ``seen`` and keeps what is wrong in ``wrong``.
    """
    schema = schemathesis.openapi.from_asgi("/openapi.json", world.app)
    part = schema.include(path_regex=chain).exclude(path_regex=_OUTSIDE)
    base: Any = part.as_state_machine()
    numbers = itertools.count()

    class TwoTenants(base):  # type: ignore[misc]
        def setup(self) -> None:
            number = next(numbers)
            self.pair = Pair(world.services, number, folder / str(number))

        def step(self, input: Any) -> Any:
            try:
                return super().step(input)
            except (Exception, BaseExceptionGroup) as error:
                wrong.append(error)
                raise

        def call(self, case: Case[Any], **_: Any) -> Response:
            world.settle()
            self.pair.refuse(case)
            answer = case.call(headers=self.pair.owner.headers)
            if answer.status_code < 300:
                self.pair.remember(answer)
                seen[case.operation.label] += 1
            return answer

        def validate_response(self, response: Response, case: Case[Any], **_: Any) -> None:
            case.validate_response(response, checks=CHECKS)

        def teardown(self) -> None:
            with TestClient(world.app, headers=self.pair.stranger.headers) as client:
                for path in _LISTS:
                    self.pair.see_no_leak(client.get(path).text, path)

    return TwoTenants


def _ids(value: Any) -> set[str]:
    """Every id that an answer holds."""
    if isinstance(value, dict):
        own = {value[name] for name in _IDS if isinstance(value.get(name), str)}
        return own.union(*(_ids(part) for part in value.values()))
    return set().union(*(_ids(part) for part in value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("chain", CHAINS)
def test_chains_of_requests(world: World, tmp_path: Path, chain: str) -> None:
    seen, wrong = Counter[str](), list[BaseException]()
    addresses, least = CHAINS[chain]
    machine = machine_of(world, addresses, tmp_path / "made", seen, wrong)
    for number in range(SEEDS):
        # Answers hold new ids and times, so the same choices need not lead the same way again;
        # hypothesis then ends, and with it this seed.
        with suppress(FlakyStrategyDefinition):
            seed(number)(machine).run(
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=STEPS,
                    deadline=None,
                    database=None,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )
            )
    assert not wrong
    assert sum("{" in label for label in seen) >= least, seen
