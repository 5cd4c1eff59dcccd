"""How often does a network, or one number, tell refined eyes from the domain's?

    python studies/told_apart.py [--seeds 3] [--steps 300] [--quick] [--record FILE] [--json]

Two references stand beside the refiners that come with the kit: more eyes of the stand-in domain itself, which nothing
should tell from its test images; and the simulator's eyes before the domain's own camera, which is what a refiner would
make that learned the camera perfectly and left every eye as it is.  What is above 50 there comes from the priors in which
the two differ (`camera.WILD`): skin, lashes, irises and folds, but light, exposure and the place of the crop, too.  Shapes of
lids and corners, eyeball, head and gaze have the same priors on both sides.  Which of these gives them away was not measured.
Classifier two-sample accuracy, %, mean ± standard deviation over seeds of eyes, camera and classifier; 50 is guessing.  Of the
domain's images it learns from other days than it judges.
Beside it, how often one number is right: the domain equalises each crop, so that its mean is middle gray, or nearly.  A
network that looks for patterns need not find that.  Matched to one histogram for all, crops have all the same mean; given
the gray levels of one real crop each, they have as many means as real ones.
--steps asks a more patient network, which learns from the same eyes for longer: at 1,200 batches, seed 0, it tells refined
eyes and those of the last row but one in four of five cases.
--record adds the numbers to a file of records: docs/results.md is made of it.
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.evaluation.realism import evenness, told_by_number, two_sample_accuracy
from simgan_lib.experiments.provenance import about
from simgan_lib.experiments.records import Records, add, check_addable, row, run_line
from simgan_lib.experiments.tables import shown
from simgan_lib.matching import histogram_matched, matched_one_by_one
from simgan_lib.pretrained import load_shipped
from simgan_lib.simulators import camera
from simgan_lib.simulators.eyes import simulate
from simgan_lib.simulators.parameters import EYE
from simgan_lib.system.errors import exit_status
from simgan_lib.system.settings import MANY, SEEDS, Parser, Whole, text
from simgan_lib.training import refine

NAMES = ("gray", "gray-global", "gray-no-history")
STEPS = 300                                             # of `two_sample_accuracy`, if nothing else is said


def kinds(n, seed, unlabelled):
    """{what: images, or a set of them with its days} of n eyes that no training of the shipped refiners drew."""
    eyes = simulate(n, seed=40_000 + seed)
    matched = replace(eyes, images=histogram_matched(eyes, unlabelled))
    refined = {name: refine(load_shipped(name)[0], matched, seed=seed).images for name in NAMES}
    return {"synthetic": eyes.images, "synthetic, histogram-matched": matched.images, **refined,
            "gray, matched once more": histogram_matched(refined["gray"], unlabelled),
            **{f"{name}, one by one": matched_one_by_one(images, unlabelled, seed) for name, images in refined.items()},
            "the simulator's eyes before the domain's camera": camera.stand_in(n, seed=40_000 + seed, prior=EYE),
            "more of the domain": camera.stand_in(n, seed=50_000 + seed)}


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=SEEDS, default=3)
    parser.add_argument("--steps", type=Whole(1, MANY), default=STEPS, help="batches that the network learns from")
    parser.add_argument("--quick", action="store_true", help="few images: to see that it runs")
    parser.add_argument("--record", type=text, metavar="FILE", help="also add the numbers to this file of records (.jsonl)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    a = parser.parse_args()
    if a.record and a.steps != STEPS:
        parser.error(f"--record keeps what the usual network says, of {STEPS} batches")
    n = 400 if a.quick else 4000
    run = run_line("told apart", "quick" if a.quick else "full", "stand-in", {"images": n}, images=n, **about(
        torch.device("cpu"), f"python studies/told_apart.py --seeds {a.seeds}{' --quick' if a.quick else ''}"))
    if a.record:
        check_addable(a.record, run, range(a.seeds))
    unlabelled, test = camera.stand_in(2 * n, seed=20_001), camera.stand_in(n, seed=20_002)
    rows = []
    for seed in range(a.seeds):
        start = time.perf_counter()
        for kind, images in kinds(n, seed, unlabelled).items():
            told = two_sample_accuracy(images, test, seed, steps=a.steps)["accuracy"]
            rows += [row(seed, kind, "right_percent", 100 * told),
                     row(seed, kind, "by_evenness_percent", 100 * told_by_number(evenness, images, test, seed))]
        rows.append(row(seed, "all", "seconds", time.perf_counter() - start))
    if a.record:
        add(a.record, run, rows)
    if a.json:
        print(json.dumps(rows))
        return
    job, = Records.of_run(run, rows).jobs()
    for kind in dict.fromkeys(job.rows.loc[job.rows["measure"] == "right_percent", "subject"]):
        print(f"{kind:50} {shown(job.get(kind, 'right_percent'), '.1f'):12} by evenness "
              f"{shown(job.get(kind, 'by_evenness_percent'), '.1f')}")


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
