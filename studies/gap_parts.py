"""Which part of the domain gap costs a gaze estimator most, and how much could a perfect refiner give back?

    python studies/gap_parts.py [--quick] [--json]

Estimators are trained on the simulator's eyes after parts of the stand-in domain's camera (that a refiner would have to
learn from unlabelled images), and measured on the stand-in domain: mean error in degrees.  All are histogram-equalised, as
the domain is.  "The whole camera" is what a refiner could reach at best without other eyes.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.evaluation.gaze import PRESETS, predict_gaze, train_gaze_estimator
from simgan_lib.gaze import angular_error_deg
from simgan_lib.simulators import camera
from simgan_lib.simulators.eyes import simulate
from simgan_lib.system.errors import exit_status
from simgan_lib.system.settings import Parser

PARTS = {"nothing but equalisation": (), "blur": ("defocus",), "noise and compression": ("noise", "compression"),
         "uneven light": ("light",), "all but uneven light": ("tone", "defocus", "noise", "compression"),
         "the whole camera": ("light", "tone", "defocus", "noise", "compression")}


def photographed(eyes, parts, seed=5):
    """The eyes through the named parts of the stand-in domain's camera."""
    return replace(eyes, images=camera.photograph(eyes.images, torch.Generator().manual_seed(seed), parts))


def error(training, test, steps, seed=0):
    estimator = train_gaze_estimator(training, replace(PRESETS["quick"], steps=steps), seed)
    return angular_error_deg(predict_gaze(estimator, test), test.labels["gaze"]).mean().item()


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the training: to see that it runs")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    a = parser.parse_args()
    eyes, test = simulate(8000, seed=1000), camera.stand_in(1500, seed=20_002)
    sets = {"raw synthetic": eyes} | {name: photographed(eyes, parts) for name, parts in PARTS.items()}
    sets["the domain itself"] = camera.stand_in(8000, seed=20_003)
    found = {name: round(error(images, test, 200 if a.quick else 2000), 2) for name, images in sets.items()}
    print(json.dumps(found) if a.json else "\n".join(f"{name:26} {value:5.2f}" for name, value in found.items()))


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
