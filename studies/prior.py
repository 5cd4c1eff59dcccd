"""Does the simulator draw the eyes that are there?  Criteria that need no label of a real image.

    python studies/prior.py [--real DIR | --windows FILE] [--json]

DIR is MPIIGaze's release (or the part of it that is there); by default MPIIGaze/ in the folder that the variable
SIMGAN_SAMPLES names, or in ../shared/data.  What `reproduce --real` keeps apart stays out, and all labels do.

Columns: place and radius of the iris (mean and deviation over images, pixels); how far the mean image is from the real
ones' (root mean square, gray levels); and what a gaze estimator, trained on the synthetic images after histogram matching,
answers (mean and deviation, degrees).  Gaze of people before a laptop is about as often to the left as to the right, and
mostly below the camera: if the mean answer is far from the prior's mean, the eyeball stands at the wrong place.  The prior's
own mean is no such criterion: it was set when the range of p00's labels was known (docs/deviations.md).

--windows asks the same of several people, whose middles of crops FILE holds (see people.py), with all labels removed.  The
simulator's eyes are photographed by the stand-in's camera and cut alike.  Columns: the mean image, as above; what an estimator
answers that learned from equalised eyes of the prior `people`: its mean, how far people's means deviate from each other, and a
person's answers from that mean.  The prior `people` was fitted to these numbers.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import people  # the scripts beside this one
import torch
from stand_in import samples

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.evaluation.gaze import GazeTrainingConfig, predict_gaze, train_gaze_estimator
from simgan_lib.evaluation.pupil import iris_ellipses
from simgan_lib.experiments.domains import real_domain
from simgan_lib.matching import histogram_matched
from simgan_lib.simulators.camera import CROP, PEOPLE_WILD, WILD, equalised, stand_in
from simgan_lib.simulators.eyes import simulate
from simgan_lib.simulators.parameters import PRIORS
from simgan_lib.system.errors import exit_status
from simgan_lib.system.settings import Parser

SHOWN = 600               # images that an ellipse is fitted to


def spread(images, n=SHOWN):
    """n images spread over the set, whose days stand one after the other."""
    return images[torch.linspace(0, len(images) - 1, min(n, len(images))).long()]


def iris(images):
    """Mean and deviation of the iris' x, y and radius in pixels, over the images in which one is found."""
    ellipses = iris_ellipses(spread(images.images))
    found = ellipses[~ellipses.isnan().any(1)]
    values = torch.stack([found[:, 0], found[:, 1], found[:, 2:4].mean(1)], 1)
    return {name: [round(v.mean().item(), 2), round(v.std().item(), 2)] for name, v in zip(("x", "y", "radius"), values.T)}


def measured(images, reference, estimator):
    answers = torch.rad2deg(predict_gaze(estimator, images))
    difference = images.images.float().mean(0) - reference.images.float().mean(0)
    return iris(images) | {"mean_image": round(difference.square().mean().sqrt().item(), 1),
                           "pitch": [round(answers[:, 0].mean().item(), 1), round(answers[:, 0].std().item(), 1)],
                           "yaw": [round(answers[:, 1].mean().item(), 1), round(answers[:, 1].std().item(), 1)]}


def table(real, seed=0):
    synthetic = simulate(8000, 1000 + seed)
    matched = replace(synthetic, images=histogram_matched(synthetic, real))
    estimator = train_gaze_estimator(matched, GazeTrainingConfig(steps=1200), seed)
    rows = {"real, labels removed": real, "synthetic, matched": matched, "stand-in": stand_in(2000, seed)}
    return {name: measured(images, real, estimator) for name, images in rows.items()}


def people_table(file, seed=0):
    """{row: {"mean_image", "pitch", "yaw", and their deviations "between" and "within" people}}."""
    real = replace(people.read_windows(file), labels={})
    crops = simulate(8000, 1000 + seed, CROP, prior=PRIORS["people"])
    training = people.windows(replace(crops, images=equalised(crops.images)))
    estimator = train_gaze_estimator(training, replace(people.GAZE, steps=1000), seed)
    seen = {f"`{name}`, photographed": people.windows(stand_in(4000, seed, CROP, prior=prior, people=40))
            for name, prior in (("one", WILD), ("people", PEOPLE_WILD))}
    return {name: spread_of_people(images, real, estimator) for name, images in ({"real, labels removed": real} | seen).items()}


def spread_of_people(images, reference, estimator):
    answers, subjects = torch.rad2deg(predict_gaze(estimator, images)), np.asarray(images.groups["subject"])
    each = [answers[torch.from_numpy(subjects == name)] for name in np.unique(subjects)]
    between, within = torch.stack([a.mean(0) for a in each]).std(0), torch.stack([a.std(0) for a in each]).mean(0)
    difference = images.images.float().mean(0) - reference.images.float().mean(0)
    found = {"mean": answers.mean(0), "between": between, "within": within}
    columns = {f"{angle}, {what}": values[i] for i, angle in enumerate(("pitch", "yaw")) for what, values in found.items()}
    return {name: round(value.item(), 1) for name, value in ({"mean_image": difference.square().mean().sqrt()} | columns).items()}


def main():
    parser = Parser(description=__doc__.split("\n")[0])
    parser.add_argument("--real", type=Path, default=samples() / "MPIIGaze")
    parser.add_argument("--windows", type=Path, metavar="FILE", help="windows of several people's crops (.npz)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    asked = parser.parse_args()
    found = people_table(asked.windows) if asked.windows else table(real_domain(asked.real).unlabelled)
    if asked.json:
        print(json.dumps(found))
        return
    columns = list(next(iter(found.values())))
    print(f"{'':22}" + "".join(f"{name:>16}" for name in columns))
    for name, row in found.items():
        cells = [f"{row[c][0]} +- {row[c][1]}" if isinstance(row[c], list) else f"{row[c]}" for c in columns]
        print(f"{name:22}" + "".join(f"{cell:>16}" for cell in cells))


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
