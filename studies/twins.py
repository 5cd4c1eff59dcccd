"""What do history and the local loss do for the gaze estimator, at full scale?

    python studies/twins.py [NAME ...] [--profile full] [--unmatched] [--record FILE] [--json]

The gray refiners that come with the kit (`gray`, and its twins without history or with one verdict an image) refine the
training eyes of `reproduce --profile full`, seed 0; a gaze estimator is trained on each set and measured on the stand-in
domain, as there.  Mean error in degrees with its 95 % interval by days, and the share within 7 degrees.  About a quarter of
an hour for each on one CPU core.  --record adds each, as it is done, to a file of records: docs/results.md is made of it.
"""

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.evaluation.gaze import gaze_report, predict_gaze, train_gaze_estimator
from simgan_lib.experiments.domains import profile_named, stand_in_domain
from simgan_lib.experiments.provenance import commit, hardware, versions
from simgan_lib.experiments.records import save_records
from simgan_lib.matching import histogram_matched
from simgan_lib.pretrained import load_shipped
from simgan_lib.simulators.eyes import simulate
from simgan_lib.training import refine

NAMES = ("gray", "gray-no-history", "gray-global")


def measured(name, profile, domain, eyes, unmatched):
    """The gaze report after training on the eyes as the named refiner makes them.

    unmatched: they are not given the gray levels of the unlabelled ones once more, as `full` does.
    """
    refined = refine(load_shipped(name)[0], replace(eyes, images=histogram_matched(eyes, domain.unlabelled)), seed=0)
    if not unmatched:
        refined = replace(refined, images=histogram_matched(refined, domain.unlabelled))
    estimator = train_gaze_estimator(refined, profile.gaze, 0)
    return gaze_report(predict_gaze(estimator, domain.test), domain.test.labels["gaze"], groups=domain.test.groups["day"])


def record_of(name, report, profile_name, unmatched, seconds, asked=()):
    """What is kept of one refiner's report.  asked: the names on the command line."""
    name, option = (f"{name}, not matched once more", " --unmatched") if unmatched else (name, "")
    return {"refiner": name, "profile": profile_name, "domain": "stand-in", "seed": 0, **report, "seconds": round(seconds, 1),
            "hardware": hardware(torch.device("cpu")), "versions": versions(), "commit": commit(),
            "command": f"python studies/twins.py {''.join(f'{each} ' for each in asked)}--profile {profile_name}{option}"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], default=[], help="which refiners; all if not given")
    parser.add_argument("--profile", default="full", help="quick: to see that it runs")
    parser.add_argument("--unmatched", action="store_true", help="leave refined images as they are, not matched once more")
    parser.add_argument("--record", metavar="FILE", help="also add the numbers to this file of records (.jsonl)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    a = parser.parse_args()
    profile = profile_named(a.profile)
    domain, eyes = stand_in_domain(profile), simulate(profile.synthetic, seed=1000)
    found = {}
    for name in a.names or NAMES:
        start = time.perf_counter()
        found[name] = measured(name, profile, domain, eyes, a.unmatched)
        if a.record:
            record = record_of(name, found[name], a.profile, a.unmatched, time.perf_counter() - start, a.names)
            save_records(a.record, [record], ("profile", "refiner"))
    if a.json:
        print(json.dumps(found))
    for name, report in () if a.json else found.items():
        error, within = report["gaze_error_deg"], report["within_7_deg"]
        print(f"{name:16} {error['mean']:.2f} [{error['low']:.2f}, {error['high']:.2f}] degrees, {within['mean']:.1f} "
              f"[{within['low']:.1f}, {within['high']:.1f}] % within 7 degrees")


if __name__ == "__main__":
    main()
