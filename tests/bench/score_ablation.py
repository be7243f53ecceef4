"""Which of the traders' habits hurts the estimate most: the score with each of them taken out in turn.

``python -m tests.bench.score_ablation [--seeds 1 4] [--days 8]`` plays every seed's market once as drawn and
once a habit without it (as an estimator would have it), and writes build/bench/score_ablation.json.  One
symbol is played: what is compared are runs of one seed, so that they share price and weather.  Simulated.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from leadline.score_run import score_twin
from leadline.twin.traders import HABITS, Traders

OUT = Path(__file__).resolve().parents[2] / "build" / "bench"
MEASURES = (
    "emd_pct",
    "emd_vs_coinank_like",
    "emd_vs_unlearned",
    "deviance_skill",
    "total_ratio",
    "coverage_80_raw",
    "touches",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--days", type=float, default=8.0)
    parser.add_argument("--symbol", default="BTCUSDT")
    asked = parser.parse_args()
    lines = []
    for seed in asked.seeds:
        drawn = Traders.drawn(seed)
        for habit in (None, *HABITS):
            traders = drawn if habit is None else drawn.without(habit)
            result = score_twin(seed, asked.days, [asked.symbol], traders)
            line = {"seed": seed, "days": asked.days, "law": drawn.law, "without": habit}
            lines.append(line | {name: result[name] for name in MEASURES})
            print(json.dumps(lines[-1]), flush=True)  # noqa: T201
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "score_ablation.json").write_text(json.dumps(lines, indent=2) + "\n")


if __name__ == "__main__":
    main()
