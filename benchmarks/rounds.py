"""How long should a refiner train, and does it matter how few real images it trains towards?

    python benchmarks/rounds.py [--real DIR] [--seeds 1] [--images N] [--set NAME=VALUE ...] [--json]

`full`'s refiner, taken after some, more and all of its rounds; each refines the eyes of `quick`, on which `quick`'s gaze
estimator is trained and measured on the domain's test images, as `what_is_left.py` does: mean error in degrees, the same
with one offset and with the best affine map taken away, how well pitch and yaw follow their labels, and the share that a
network tells from the domain's.  --images: of the unlabelled ones, only so many, evenly spread, are there to learn from: the
stand-in with p00's 1,291 shows what few images do where all else is known to work.  --set: a field of TrainingConfig.
Labels of test images are used to describe, not to choose.  What is done is kept in a folder, and found again.
Three quarters of an hour a seed on one CPU core.
"""

import argparse
import dataclasses
import json
import statistics
import sys
from pathlib import Path

import torch
from what_is_left import described

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.__main__ import assigned
from simgan_lib.evaluation.gaze import predict_gaze, train_gaze_estimator
from simgan_lib.evaluation.realism import histogram_matched, two_sample_accuracy
from simgan_lib.networks import Refiner
from simgan_lib.precision import resolve_device
from simgan_lib.reproduce import code_digest, fingerprint, profile_named, real_domain, stand_in_domain
from simgan_lib.runs import Stages, shown_progress
from simgan_lib.simulators.eyes import simulate
from simgan_lib.training import Training, refine

MARKS = (100, 300, 1000, 2000)


def snapshots(config, eyes, unlabelled, seed, device, marks):
    """{round: state of the refiner to use} of one training run."""
    run, kept, bar = Training(config, eyes, unlabelled, seed, device), {}, shown_progress("training the refiner")
    for record in run.run():
        bar(record.step, record.total)
        if (done := record.step - config.refiner_warmup - config.discriminator_warmup) in marks:
            kept[str(done)] = {name: value.detach().cpu().clone() for name, value in run.result.state_dict().items()}
    return kept


def described_training(images, domain, judged, seed, device):
    """What a gaze estimator trained on the images gets wrong, and how many of the `judged` ones are told apart."""
    estimator = train_gaze_estimator(images, profile_named("quick").gaze, seed, device)
    found = described(predict_gaze(estimator, domain.test), domain.test.labels["gaze"])
    days = "day" if len(set(domain.test.groups.get("day", []))) > 1 else None
    return found | {"told apart": 100 * two_sample_accuracy(judged, domain.test, seed, days, device=device)["accuracy"]}


def one_seed(config, domain, seed, device, folder, marks):
    """{set trained on: what was found}."""
    keep = Stages(folder, {"config": dataclasses.asdict(config), "domain": fingerprint(domain), "images": len(domain.unlabelled),
                           "seed": seed, "code": code_digest(), "device": device.type, "marks": marks})
    profile, n = profile_named("full"), profile_named("quick").synthetic
    synthetic = simulate(profile.synthetic, seed=1000 + seed)

    def matched(images):
        return dataclasses.replace(images, images=histogram_matched(images, domain.unlabelled))

    entering = matched(synthetic)
    states = keep("refiners", lambda: snapshots(config, entering, domain.unlabelled, seed, device, marks))

    def refined(mark):
        refiner = Refiner(1, config.width, config.blocks, noise=config.noise, residual=config.residual)
        refiner.load_state_dict(states[str(mark)])
        return refine(refiner.to(device, memory_format=torch.channels_last), entering[:n], seed=seed)

    sets = {"synthetic": lambda: synthetic[:n], "matched": lambda: entering[:n]}
    for mark in marks:
        sets[f"refined, {mark} rounds"] = lambda mark=mark: refined(mark)
        sets[f"refined, {mark} rounds, matched again"] = lambda mark=mark: matched(refined(mark))
    sets["oracle"] = lambda: domain.labelled
    found = {}
    for name, images in sets.items():
        found[name] = keep(name.replace(", ", "-").replace(" ", "-"), lambda images=images: described_training(
            images(), domain, images().images[-1000:], seed, device))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", metavar="DIR", help="a folder with MPIIGaze crops instead of the stand-in domain")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--images", type=int, help="unlabelled images to learn from; all if not given")
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="any field of TrainingConfig")
    parser.add_argument("--marks", type=int, nargs="+", default=MARKS, help="rounds after which the refiner is taken")
    parser.add_argument("--results", default="results/rounds", help="what is done is kept here")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    a = parser.parse_args()
    device, config = resolve_device("auto"), profile_named("full").training
    config = dataclasses.replace(config, **dict(assigned(config, text) for text in a.set), steps=max(a.marks))
    domain = real_domain(a.real) if a.real else stand_in_domain(profile_named("full"))
    if a.images:
        spread = torch.linspace(0, len(domain.unlabelled) - 1, a.images).long()
        domain = dataclasses.replace(domain, unlabelled=domain.unlabelled[spread])
    folder = Path(a.results) / "-".join([domain.name, str(len(domain.unlabelled)), *a.set])
    found = {seed: one_seed(config, domain, seed, device, folder / f"seed{seed}", sorted(a.marks)) for seed in a.seeds}
    if a.json:
        print(json.dumps(found))
        return
    for name in next(iter(found.values())):
        rows = [each[name] for each in found.values()]
        print(f"{name:36}" + "  ".join(f"{what} {shown([row[what] for row in rows])}" for what in rows[0]))


def shown(values):
    """Mean ± standard deviation over seeds; without ± if there is but one."""
    return f"{statistics.mean(values):.2f}" + (f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else "")


if __name__ == "__main__":
    main()
