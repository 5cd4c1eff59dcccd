"""Which psi lets light change and holds the label?  Refiners trained towards eyes that squint into the evening sun.

    python studies/features.py [--only PSI:LAMBDA,...] [--seeds 0,1,2] [--steps 120] [--record FILE] [--json]

Small trainings (notebook 06's), on the domain of simgan_lib.simulators.evening.  For 200 synthetic eyes that no training
saw: mean distance, in gray levels, to the same eyes in evening light, which the simulator draws and no training sees;
share of pupils found within 1 px of their exact label; contrast of the iris by exact masks (as a share of what it is in
evening light); distance of the power spectra in dB; and whether the discriminator could tell refined patches.
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.evaluation.parts import parts_features
from simgan_lib.evaluation.pupil import iris_contrast, pupils_in_place
from simgan_lib.evaluation.realism import mean_change, spectrum_distance
from simgan_lib.experiments.provenance import about
from simgan_lib.experiments.records import add, check_addable, row, run_line
from simgan_lib.losses import FEATURES
from simgan_lib.matching import histogram_matched
from simgan_lib.simulators.evening import in_evening_light, squinting
from simgan_lib.simulators.eyes import simulate
from simgan_lib.system.errors import exit_status
from simgan_lib.system.settings import MANY, SEED, Number, OneOf, Parser, Whole, text
from simgan_lib.training import PRESETS, Training, refine

EYES = 600                # of each domain
SMALL = replace(PRESETS["quick"], width=16, batch=16, refiner_warmup=40, discriminator_warmup=40, buffer=256,
                refiner_lr=1e-3, discriminator_lr=1e-3, ema_decay=0.9)
SWEEP = ["identity:0.02", "identity:0.05", "identity:0.1", "identity:0.2", "identity:0.5", "identity:1", "channel_mean:0.1",
         "blurred:0.1", "image_gradients:0.1", "local_contrast:0.1", "learned:0.1", "learned:0.2"]


def measured(images, eyes, ideal):
    """What became of the eyes, uint8 (N, 3, H, W), against their labels and what they ought to be."""
    return {"distance": mean_change(ideal, images), "found": 100 * pupils_in_place(images, eyes.labels),
            "iris": 100 * iris_contrast(images, eyes.labels) / iris_contrast(ideal, eyes.labels),
            "spectrum": spectrum_distance(images, ideal)}


def trained(psi, weight, seed, steps, synthetic, unlabelled):
    """A refiner, and the share of refined patches that its discriminator recognised in the last 20 rounds, in percent."""
    own = parts_features(synthetic, seed=seed) if psi == "learned" else None
    config = replace(SMALL, steps=steps, regularization=weight, features="identity" if own else psi)
    run = Training(config, replace(synthetic, labels={}), replace(unlabelled, labels={}), seed, features=own)
    caught = [record.right_refined for record in run.run() if record.step > config.total - 20]
    return run.result, 100 * torch.stack(caught).mean().item()


def psi_and_weights(text):
    """"identity:0.1,learned:0.2"  ->  ["identity:0.1", "learned:0.2"], each with a psi that there is and a lambda."""
    for each in text.split(","):
        psi, _, weight = each.partition(":")
        OneOf([*FEATURES, "learned"])(psi), Number(0, 10_000)(weight)
    return text.split(",")


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=psi_and_weights, default=SWEEP, help="psi:lambda, with commas between")
    parser.add_argument("--seeds", type=lambda text: [SEED(s) for s in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--steps", type=Whole(1, MANY), default=120)
    parser.add_argument("--record", type=text, metavar="FILE", help="also add the numbers to this file of records (.jsonl)")
    parser.add_argument("--json", action="store_true", help="JSON lines instead of the table")
    a = parser.parse_args()
    run = run_line("features", "quick", "evening", {"steps": a.steps},
                   **about(torch.device("cpu"), "python studies/features.py"))
    if a.record:
        check_addable(a.record, run, a.seeds)
    synthetic, unlabelled, eyes = simulate(EYES, 6, colour=True), squinting(EYES, 5), simulate(200, 7, colour=True)
    ideal = in_evening_light(eyes.images, torch.Generator().manual_seed(8))

    def tell(subject, images, seed=0, start=None, **more):
        found = {**more, **measured(images, eyes, ideal)}
        if a.record:
            seconds = {"seconds": time.perf_counter() - start} if start else {}
            add(a.record, run, [row(seed, subject, name, value) for name, value in (found | seconds).items()], a.seeds)
        line = {"psi": subject, "seed": seed, **found}
        print(json.dumps(line) if a.json else
              "  ".join(f"{k} {v:.1f}" if isinstance(v, float) else f"{v:<20}" for k, v in line.items()), flush=True)

    references = {"untouched": eyes.images, "histogram-matched": histogram_matched(eyes, unlabelled), "ideal": ideal}
    for name, images in references.items():
        tell(name, images)
    for each in a.only:
        psi, _, weight = each.partition(":")
        for seed in a.seeds:
            start = time.perf_counter()
            refiner, caught = trained(psi, float(weight), seed, a.steps, synthetic, unlabelled)
            tell(each, refine(refiner, eyes).images, seed, start, caught=caught)


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
