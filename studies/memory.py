"""Does SimGAN's discriminator remember, and what helps it: the history buffer, rotations, or a penalty on its slope?

    python studies/memory.py [--seeds 3] [--first 0] [--quick] [--results DIR] [--record FILE] [--json]

Five arms: none, the buffer, SS-GAN's rotations (beta = 1), both, R1.  The discriminator of round t judges eyes that the refiner
made in round t - k, beside stand-in eyes that neither has seen: balanced accuracy at its own threshold and AUC, for k from 0
to 500, mean over the last hundred rounds.  Then a gaze estimator is trained on the refined eyes of each arm.
Training is that of the ablations' profile `quick`, for 600 rounds.  Mean ± standard deviation over seeds of the simulated eyes,
the networks and the batches.  Arms of one seed share eyes and first weights; those without a buffer share the batches, too.
Some minutes a run on one core.
--results keeps each finished run.  --record adds the numbers to a file of records: docs/results.md is made of it.
"""

import json
import sys
import time
from dataclasses import asdict, astuple, replace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.evaluation.gaze import predict_gaze, train_gaze_estimator
from simgan_lib.experiments.ablations import SWEEP_PROFILES
from simgan_lib.experiments.domains import stand_in_domain
from simgan_lib.experiments.provenance import about, code_digest
from simgan_lib.experiments.records import Records, add, check_addable, row, run_line
from simgan_lib.experiments.runs import Stages, check_numbers
from simgan_lib.experiments.tables import shown
from simgan_lib.gaze import angular_error_deg
from simgan_lib.matching import histogram_matched
from simgan_lib.neighbours.aided import AidedConfig, AidedTraining
from simgan_lib.neighbours.forgetting import Told
from simgan_lib.neighbours.memory import memory_curve
from simgan_lib.simulators.eyes import simulate
from simgan_lib.system.errors import GOES_ON, exit_status
from simgan_lib.system.settings import SEED, SEEDS, Parser, text
from simgan_lib.training import refine

GAMMA = 1.0               # of R1; chosen on other eyes and another seed
ARMS = {"none": {"buffer": 0}, "buffer": {}, "rotation": {"buffer": 0, "rotation": 1.0}, "both": {"rotation": 1.0},
        "R1": {"buffer": 0, "slope": GAMMA}}
WATCHED = 100             # eyes, and test eyes, that the discriminator is asked about


def sizes(quick):
    """(Profile, ages in rounds, rounds over which is averaged)."""
    profile = SWEEP_PROFILES["quick"]
    if quick:
        return replace(profile, training=replace(profile.training, steps=40), synthetic=300, real=300, test=200), (0, 10, 20), 20
    return replace(profile, training=replace(profile.training, steps=600)), (0, 10, 20, 50, 100, 150, 200, 300, 400, 500), 100


def measured(arm, seed, profile, ages, last, domain):
    """{measure: number} of one run."""
    start = time.perf_counter()
    eyes = simulate(profile.synthetic + WATCHED, seed=60_000 + seed)
    eyes = replace(eyes, images=histogram_matched(eyes, domain.unlabelled))
    watched, learned = eyes[:WATCHED], eyes[WATCHED:]
    run = AidedTraining(AidedConfig(**asdict(profile.training) | ARMS[arm]), learned, domain.unlabelled, seed)
    curve = memory_curve(run, watched.images, domain.test.images[:WATCHED], ages, watched=last)
    estimator = train_gaze_estimator(refine(run.result, learned, seed=seed), profile.gaze, seed)
    error = angular_error_deg(predict_gaze(estimator, domain.test), domain.test.labels["gaze"]).mean().item()
    curves = {f"{name}_{age}": value for age, told in curve.items() for name, value in zip(Told.__annotations__, astuple(told))}
    return {"gaze_error": error, **curves, "seconds": time.perf_counter() - start}


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=SEEDS, default=3)
    parser.add_argument("--first", type=SEED, default=0, help="the first seed: to spread them over processes")
    parser.add_argument("--quick", action="store_true", help="few eyes and rounds: to see that it runs")
    parser.add_argument("--results", type=text, default="results/memory", metavar="DIR", help="where finished runs are kept")
    parser.add_argument("--record", type=text, metavar="FILE", help="also add the numbers to this file of records (.jsonl)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    a = parser.parse_args()
    profile, ages, last = sizes(a.quick)
    job = {"profile": profile.described(), "arms": ARMS, "ages": ages, "watched": [WATCHED, last]}
    asked = f"--seeds {a.seeds}" + a.quick * " --quick" + (f" --first {a.first}" if a.first else "")
    run = run_line("memory", "quick" if a.quick else "full", "stand-in", job, ages=ages,
                   **about(torch.device("cpu"), f"python studies/memory.py {asked}"))
    seeds = range(a.first, a.first + a.seeds)
    if a.record:
        check_addable(a.record, run, seeds)
    domain, keep, rows = stand_in_domain(profile), Stages(a.results, job | {"code": code_digest("neighbours")}), []
    for seed in seeds:
        for arm in ARMS:
            found = keep(f"{arm}-{seed}", lambda: measured(arm, seed, profile, ages, last, domain), check_numbers)      # noqa: B023
            rows += [row(seed, arm, name, value) for name, value in found.items()]
    if a.record:
        add(a.record, run, rows)
    if a.json:
        print(json.dumps(rows))
        return
    job, = Records.of_run(run, rows).jobs()
    print(f"{'':10}{'gaze error':14}" + "".join(f"{'AUC, k = ' + str(age):16}" for age in ages))
    for arm in ARMS:
        print(f"{arm:10}{shown(job.get(arm, 'gaze_error'), '.2f'):14}"
              + "".join(f"{shown(job.get(arm, f'auc_{age}'), '.2f'):16}" for age in ages))


if __name__ == "__main__":
    raise SystemExit(exit_status(main, GOES_ON))
