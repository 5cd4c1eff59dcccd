"""What do history and the local loss do for the gaze estimator, at full scale?

    python studies/twins.py [NAME ...] [--profile full] [--unmatched] [--record FILE] [--json]

The gray refiners that come with the kit (`gray`, and its twins without history or with one verdict an image) refine the
training eyes of `reproduce --profile full`, seed 0; a gaze estimator is trained on each set and measured on the stand-in
domain, as there.  Mean error in degrees with its 95 % interval by days, and the share within 7 degrees.  About a quarter of
an hour for each on one CPU core.  --record adds them to a file of records: docs/results.md is made of it.
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.evaluation.gaze import predict_gaze, train_gaze_estimator
from simgan_lib.experiments.domains import profile_named, stand_in_domain
from simgan_lib.experiments.records import Records, add, check_addable, row
from simgan_lib.experiments.reproduce import described, gaze_rows
from simgan_lib.experiments.tables import shown_with_interval
from simgan_lib.gaze import angular_error_deg
from simgan_lib.matching import histogram_matched
from simgan_lib.pretrained import load_shipped
from simgan_lib.simulators.eyes import simulate
from simgan_lib.system.errors import exit_status
from simgan_lib.system.settings import Parser, text
from simgan_lib.training import refine

NAMES = ("gray", "gray-no-history", "gray-global")


def measured(name, profile, domain, eyes, unmatched):
    """Degrees (N,) by which an estimator is wrong that was trained on the eyes as the named refiner makes them.

    unmatched: they are not given the gray levels of the unlabelled ones once more, as `full` does.
    """
    refined = refine(load_shipped(name)[0], replace(eyes, images=histogram_matched(eyes, domain.unlabelled)), seed=0)
    if not unmatched:
        refined = replace(refined, images=histogram_matched(refined, domain.unlabelled))
    estimator = train_gaze_estimator(refined, profile.gaze, 0)
    return angular_error_deg(predict_gaze(estimator, domain.test), domain.test.labels["gaze"])


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], default=[], help="which refiners; all if not given")
    parser.add_argument("--profile", default="full", help="quick: to see that it runs")
    parser.add_argument("--unmatched", action="store_true", help="leave refined images as they are, not matched once more")
    parser.add_argument("--record", type=text, metavar="FILE", help="also add the numbers to this file of records (.jsonl)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    a = parser.parse_args()
    profile = profile_named(a.profile)
    domain, eyes = stand_in_domain(profile), simulate(profile.synthetic, seed=1000)
    option = " --unmatched" if a.unmatched else ""
    run = described("twins", a.profile, profile, domain, torch.device("cpu"),
                    f"python studies/twins.py {''.join(f'{name} ' for name in a.names)}--profile {a.profile}{option}")
    if a.record:
        check_addable(a.record, run, [0])
    rows = []
    for name in a.names or NAMES:
        start, subject = time.perf_counter(), name + (", not matched once more" if a.unmatched else "")
        found = {"errors": measured(name, profile, domain, eyes, a.unmatched)}
        rows += [*gaze_rows(0, subject, found, domain), row(0, subject, "seconds", time.perf_counter() - start)]
    if a.record:
        add(a.record, run, rows)
    if a.json:
        print(json.dumps(rows))
        return
    job, = Records.of_run(run, rows).jobs()
    for subject in dict.fromkeys(job.rows["subject"]):
        print(f"{subject:16} {shown_with_interval(job.get(subject, 'gaze_error_deg'))} degrees, "
              f"{shown_with_interval(job.get(subject, 'within_7_deg'), '.1f')} % within 7 degrees")


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
