"""What helps to tell laughs in sitcoms and summary sentences of lectures, and what bounds it?

``laughs`` and ``summaries`` compare ideas on validation and score the best one on the test;
``laughs-bounds``, ``summaries-meaning`` and ``summaries-curve`` look at validation alone,
``laughs-more`` and ``laughs-seconds`` score a row on the test. Each prints tables, which the
README holds.
"""

from __future__ import annotations

import argparse
import logging
import warnings

import laughs
import summaries
import torch

PARTS = {
    "laughs": laughs.compare,
    "laughs-more": laughs.more,
    "laughs-bounds": laughs.bounds,
    "laughs-seconds": laughs.seconds,
    "summaries": summaries.compare,
    "summaries-curve": summaries.curve,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=[*PARTS, "summaries-meaning"])
    parser.add_argument("--lectures", type=int, default=400, help="summaries-meaning: to learn")
    parser.add_argument("--dev", type=int, default=160, help="summaries-meaning: to measure")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    if arguments.part == "summaries-meaning":
        summaries.meaning(arguments.lectures, arguments.dev)
    else:
        PARTS[arguments.part]()


if __name__ == "__main__":
    main()
