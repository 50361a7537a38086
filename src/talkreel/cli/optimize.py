"""``talkreel optimize`` and ``talkreel results``: what to change, and what to try next."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from talkreel.cli.terminal import watching
from talkreel.core.optimize import SCHEMA, Optimization, Variant


def add_optimize(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both commands to the parser."""
    optimize = commands.add_parser("optimize", help="what would make a clip score higher, and why")
    optimize.add_argument("edit", metavar="EDIT.json", help="an edit, or a job's clips.json")
    optimize.add_argument("--clip", type=int, default=1, metavar="N", help="rank in clips.json")
    optimize.add_argument(
        "--variants",
        type=int,
        default=3,
        metavar="N",
        help="2 to 6 with the clip; default 3",
    )
    optimize.add_argument("--render", action="store_true", help="render the variants in one pass")
    optimize.add_argument("--out", metavar="DIR", help="folder for their edits and videos")
    optimize.add_argument("--json", action="store_true", help="one JSON document on stdout")
    results = commands.add_parser("results", help="feed back how variants did; what to show next")
    actions = results.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="new impressions and successes of a variant")
    add.add_argument("--variant", required=True, metavar="ID", help="e.g. its letter")
    add.add_argument("--impressions", required=True, type=int, metavar="N", help="times shown")
    add.add_argument("--successes", required=True, type=int, metavar="N", help="times it worked")
    following = actions.add_parser("next", help="how to share out the next viewers")
    following.add_argument("--viewers", type=int, default=1000, metavar="N", help="default 1000")
    following.add_argument("--seed", type=int, default=0, metavar="N", help="of the draw")
    for parser in (add, following):
        parser.add_argument("--store", required=True, metavar="FILE", help="where results are kept")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")


def optimize(arguments: argparse.Namespace) -> int:
    """``talkreel optimize``."""
    from talkreel.core.jsonio import document
    from talkreel.pipeline.optimize import optimize as find

    with watching() as watcher:
        found = find(
            Path(arguments.edit),
            clip=arguments.clip,
            variants=arguments.variants,
            out=Path(arguments.out) if arguments.out else None,
            render=arguments.render,
            watcher=watcher,
        )
    _show(arguments, document(found, SCHEMA), _summary(found))
    return 0


def results(arguments: argparse.Namespace) -> int:
    """``talkreel results add`` and ``talkreel results next``."""
    import numpy as np

    from talkreel.core.errors import InputError
    from talkreel.core.jsonio import encode
    from talkreel.ranking.bandit import Arm, split, standings
    from talkreel.store.results import ResultStore

    store = ResultStore(Path(arguments.store))
    if arguments.action == "add":
        store.add(arguments.variant, arguments.impressions, arguments.successes)
        shown, good = store.totals()[arguments.variant]
        data = {"variant": arguments.variant, "impressions": shown, "successes": good}
        line = f"{arguments.variant}: {good} of {shown} in all"
        _show(arguments, {"schema": "results/1", **data}, line)
        return 0
    if arguments.viewers < 1:
        raise InputError(f"--viewers is 1 or more, got {arguments.viewers}")
    arms = {name: Arm(*counts) for name, counts in store.totals().items()}
    shares = split(list(arms.values()), arguments.viewers, np.random.default_rng(arguments.seed))
    stands = standings(arms)
    rows = [
        {"variant": name, "next": share, **encode(arms[name]), **encode(stands[name])}
        for name, share in zip(arms, shares, strict=True)
    ]
    lines = [
        f"{row['variant']:<6} show to {row['next']} of the next {arguments.viewers}; rate "
        f"{row['rate']:.2%} ({row['low']:.2%} to {row['high']:.2%}), best with {row['best']:.0%}"
        for row in rows
    ]
    _show(arguments, {"schema": "results/1", "variants": rows}, "\n".join(lines))
    return 0


def _summary(found: Optimization) -> str:
    lines = [line for variant in found.variants for line in _lines(variant)]
    if len(found.variants) == 1:
        lines.append(f"none of {found.tried} changes scores higher: leave the clip as it is")
    if found.shared is not None:
        lines.append(f"{found.shared:.0%} of the frames were made once for several variants")
    lines.append(f"scores by {found.scorer}: a prediction of the score, not of views")
    return "\n".join(lines)


def _lines(variant: Variant) -> list[str]:
    change = f" ({variant.change:+d})" if variant.kinds else ""
    lines = [
        f"{variant.id}. score {variant.score}{change}, {variant.duration:.1f} s: {variant.text}"
    ]
    lines += [f"     {p.name} {p.before:.2f} -> {p.after:.2f}" for p in variant.parts[:3]]
    lines += [f"     because: {r.text}" for r in variant.reasons[:2]]
    if variant.title_wins is not None:
        close = "too close to call" if variant.too_close else "by the hook model"
        lines.append(f"     preferred to the title it has {variant.title_wins:.0%}, {close}")
    if variant.video or variant.edit:
        lines.append(f"     {variant.video or variant.edit}")
    return lines


def _show(arguments: argparse.Namespace, data: object, text: str) -> None:
    shown = json.dumps(data, ensure_ascii=False, indent=1) if arguments.json else text
    sys.stdout.write(shown + "\n")
