"""Do the signatures of the failure gallery part failing from healthy runs, over several seeds?

    python studies/failures.py [NAME ...] [--seeds 3] [--json]

One line a failure: its signature in the failing and in the healthy runs, seed by seed, and the threshold between them.
Some 20 seconds a seed for each on one plain CPU core, less for the last two and the checkerboard.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.matching import histogram_matched
from simgan_lib.simulators.camera import stand_in
from simgan_lib.simulators.eyes import simulate
from simgan_lib.system.errors import exit_status
from simgan_lib.system.settings import SEEDS, Parser
from simgan_lib.teaching.failures import GALLERY, gallery


def signatures(names, seeds):
    """{failure: {"failing", "healthy": [signature, one a seed]}} on 1,000 eyes of each domain, as in notebook 07."""
    unlabelled, simulated = replace(stand_in(1000, seed=5), labels={}), simulate(1000, seed=6)
    entering = replace(simulated, images=histogram_matched(simulated, unlabelled))
    found = {name: {"failing": [], "healthy": []} for name in names}
    for seed in range(seeds):
        for name, *outcomes in gallery(entering, unlabelled, seed, names):
            for kind, outcome in zip(("failing", "healthy"), outcomes):
                found[name][kind].append(GALLERY[name].signature(outcome))
    return found


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*GALLERY, []], default=[], help="which failures; all if not given")
    parser.add_argument("--seeds", type=SEEDS, default=3)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    a = parser.parse_args()
    found = signatures(a.names or list(GALLERY), a.seeds)
    if a.json:
        print(json.dumps(found))
    for name, runs in () if a.json else found.items():
        failing, healthy = (", ".join(f"{value:.2f}" for value in runs[kind]) for kind in ("failing", "healthy"))
        print(f"{name:24} failing {failing}; healthy {healthy}; fails {GALLERY[name].fails} {GALLERY[name].threshold:g}")


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
