"""What kind of error is left on the domain's test images, after training on each set?

    python benchmarks/what_is_left.py [--real DIR] [--profile quick] [--seed 0] [--only NAME ...]
                                      [--lids UPPER LOWER] [--json]

The main job's sets and estimators, one seed.  Mean gaze error in degrees as it is, with one offset for all test images
taken away, and with the affine map taken away that fits the test labels best (six numbers: as much as any calibration of
turns, scales and offsets could give); and how well pitch and yaw follow their labels (correlation).  Labels of test images
are used to describe, not to choose.  `refined_as_they_are`: as the refiner leaves them, not matched once more as `full` does.
--lids asks whether a simulator would do better whose lids follow the gaze more closely.
Some six minutes on one CPU core in `quick`, a quarter of an hour for each set in `full`.
"""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.evaluation.gaze import predict_gaze, train_gaze_estimator
from simgan_lib.gaze import angular_error_deg, calibrated_error_deg
from simgan_lib.precision import resolve_device
from simgan_lib.reproduce import TRAINED_ON, Seed, profile_named, real_domain, run_folder, stand_in_domain
from simgan_lib.simulators import eyes

NOT_AGAIN = "refined_as_they_are"
SETS = (*TRAINED_ON, NOT_AGAIN)


def described(predicted, truth):
    """{what: number} of pitch and yaw (N, 2), in radians, against their labels."""
    predicted, truth = predicted.double().cpu(), truth.double().cpu()
    known = torch.cat([predicted, torch.ones(len(predicted), 1, dtype=torch.float64)], 1)        # (N, 3)
    fitted = known @ torch.linalg.lstsq(known, truth).solution
    follow = [torch.corrcoef(torch.stack([predicted[:, i], truth[:, i]]))[0, 1].item() for i in range(2)]
    return {"error": angular_error_deg(predicted, truth).mean().item(),
            "without offset": calibrated_error_deg(predicted, truth).mean().item(),
            "without affine map": angular_error_deg(fitted, truth).mean().item(),
            "pitch follows": follow[0], "yaw follows": follow[1]}


def training_sets(seed, names):
    """{name: images with labels to train on}: those of the main job, or refined ones that were not matched once more."""
    trained, sets = seed.training_sets()
    if NOT_AGAIN in names:
        seed.profile = dataclasses.replace(seed.profile, match_refined=False)      # after its stages have been found
        sets[NOT_AGAIN] = seed.refined(sets[seed.profile.refine_from], trained)
    return {name: sets[name] for name in names}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", metavar="DIR", help="a folder with MPIIGaze crops instead of the stand-in domain")
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=SETS, default=TRAINED_ON, metavar="NAME",
                        help=f"sets to train on, of {', '.join(SETS)}; by default all but the last")
    parser.add_argument("--lids", nargs=2, type=float, metavar=("UPPER", "LOWER"), help="mm that the upper and the lower lid rise "
                        f"a degree of gaze, instead of {eyes.UPPER_FOLLOWS} and {eyes.LOWER_FOLLOWS}; 0.18 goes all the way")
    parser.add_argument("--results", default="results", help="where `reproduce` keeps its stages; its refiner is used again")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    a = parser.parse_args()
    profile, device = profile_named(a.profile), resolve_device("auto")
    domain = real_domain(a.real) if a.real else stand_in_domain(profile)
    folder = run_folder(a.results, a.profile, a.real) / f"seed{a.seed}"
    if a.lids:                                             # the domain keeps its lids; other eyes need a refiner of their own
        eyes.UPPER_FOLLOWS, eyes.LOWER_FOLLOWS = a.lids
        folder = folder.with_name(f"{folder.name}-lids-{a.lids[0]:g}-{a.lids[1]:g}")
    seed = Seed(profile, domain, a.seed, device, folder, bar=False)
    found = {}
    for name, images in training_sets(seed, a.only).items():
        estimator = train_gaze_estimator(images, profile.gaze, a.seed, device)
        found[name] = described(predict_gaze(estimator, domain.test), domain.test.labels["gaze"])
    if a.json:
        print(json.dumps(found))
    for name, row in () if a.json else found.items():
        print(f"{name:20}" + "  ".join(f"{what} {value:.2f}" for what, value in row.items()))


if __name__ == "__main__":
    main()
