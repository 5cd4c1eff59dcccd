"""What kind of error is left on the domain's test images, after training on each set?

    python studies/what_is_left.py [--real DIR] [--profile quick] [--seed 0] [--only NAME ...]
                                      [--lids UPPER LOWER] [--record FILE] [--json]

The main job's sets and estimators, one seed.  Mean gaze error in degrees as it is, with one offset for all test images
taken away, and with the affine map taken away that fits the test labels best (six numbers: as much as any calibration of
turns, scales and offsets could give), one for all and one for each eye; and how well pitch and yaw follow their labels
(correlation).  Last, how alike two estimators err on the same image (correlation of their errors, each eye's mean taken away,
mean of pitch and yaw): what the training set did not cause, another one does not mend.  Labels of test images are used to
describe, not to choose.
Two more sets: `refined_as_they_are`, as the refiner leaves them, not matched once more as `full` does; and, with --real,
`stand_in`: as many eyes of the stand-in domain, which was made after p00's crops.  They are about what a refiner
could make that got every trait of the stand-in right, its skins and light as well as its camera.
--lids asks whether a simulator would do better whose lids follow the gaze more closely.
--record adds the numbers to a file of records: docs/results.md is made of it.
Some six minutes on one CPU core in `quick`, a quarter of an hour for each set in `full`.
"""

import itertools
import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))     # the kit beside this file, installed or not
from simgan_lib.evaluation.gaze import predict_gaze, train_gaze_estimator
from simgan_lib.experiments.domains import profile_named, real_domain, stand_in_domain
from simgan_lib.experiments.left_page import ALIKE, EXPERIMENT
from simgan_lib.experiments.pipeline import NOT_AGAIN, TRAINED_ON, SeedRun
from simgan_lib.experiments.records import add, check_addable, row
from simgan_lib.experiments.reproduce import described as run_described
from simgan_lib.experiments.reproduce import run_folder
from simgan_lib.gaze import angular_error_deg, calibrated_error_deg
from simgan_lib.simulators.camera import stand_in
from simgan_lib.simulators.eyes import LOWER_FOLLOWS, UPPER_FOLLOWS, render
from simgan_lib.simulators.parameters import draw_parameters
from simgan_lib.system.device import resolve_device
from simgan_lib.system.errors import GOES_ON, exit_status
from simgan_lib.system.settings import SEED, Number, Parser, text

STAND_IN = "stand_in"
SETS = (*TRAINED_ON, NOT_AGAIN, STAND_IN)


def fitted(predicted, truth):
    """Pitch and yaw (N, 2) after the affine map that brings them nearest to the labels."""
    known = torch.cat([predicted, torch.ones(len(predicted), 1, dtype=torch.float64)], 1)        # (N, 3)
    return known @ torch.linalg.lstsq(known, truth).solution


def each_eye(change, sides, *values):
    """`change` of (N, 2) tensors, done for the left and the right eyes by themselves  ->  (N, 2)."""
    changed = torch.empty_like(values[0])
    for side in sides.unique():
        changed[sides == side] = change(*(value[sides == side] for value in values))
    return changed


def described(predicted, truth, sides=None):
    """{what: number} of pitch and yaw (N, 2), in radians, against their labels.  sides: which eye each is of (N,), if known."""
    predicted, truth = predicted.double().cpu(), truth.double().cpu()
    one_an_eye = {} if sides is None else {"affine_each_eye_error_deg": each_eye(fitted, sides, predicted, truth)}
    follow = [torch.corrcoef(torch.stack([predicted[:, i], truth[:, i]]))[0, 1].item() for i in range(2)]
    return {"gaze_error_deg": angular_error_deg(predicted, truth).mean().item(),
            "calibrated_error_deg": calibrated_error_deg(predicted, truth).mean().item(),
            "affine_error_deg": angular_error_deg(fitted(predicted, truth), truth).mean().item(),
            **{what: angular_error_deg(mapped, truth).mean().item() for what, mapped in one_an_eye.items()},
            "pitch_follows": follow[0], "yaw_follows": follow[1]}


def alike(errors, sides):
    """{(a, b): correlation of the errors (N, 2) of two estimators, mean of pitch and yaw}, each eye's mean error taken away."""
    sides = torch.zeros(len(next(iter(errors.values())))) if sides is None else sides
    own = {name: each_eye(lambda e: e - e.mean(0), sides, error) for name, error in errors.items()}
    return {(a, b): sum(torch.corrcoef(torch.stack([own[a][:, i], own[b][:, i]]))[0, 1].item() for i in range(2)) / 2
            for a, b in itertools.combinations(own, 2)}


class OtherLids(SeedRun):
    """The main job of one seed with eyes whose lids rise by other lengths, upper and lower, in mm a degree of gaze."""

    lids = UPPER_FOLLOWS, LOWER_FOLLOWS

    def simulated(self):
        generator = torch.Generator().manual_seed(1000 + self.seed)        # the seed that the main job's eyes have
        eyes = draw_parameters(self.profile.synthetic, generator)
        follow = eyes["pitch"] - eyes["head_pitch"]                        # what the simulator multiplies its own rates with
        upper, lower = (ours - usual for ours, usual in zip(self.lids, (UPPER_FOLLOWS, LOWER_FOLLOWS)))
        return render(eyes.with_values(upper_lid=eyes["upper_lid"] + upper * follow, lower_lid=eyes["lower_lid"] - lower * follow))


def training_sets(seed, names):
    """{name: images with labels to train on}: those of the main job, or one of the two more."""
    others = {STAND_IN: stand_in(seed.profile.synthetic, seed=3000 + seed.seed)} if STAND_IN in names else {}
    if names == [STAND_IN]:
        return others                                  # needs no refiner
    sets = seed.training_sets(not_again=NOT_AGAIN in names)[1] | others
    return {name: sets[name] for name in names}


def main():
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=text, metavar="DIR", help="a folder with MPIIGaze crops instead of the stand-in domain")
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--seed", type=SEED, default=0)
    parser.add_argument("--only", nargs="+", choices=SETS, default=TRAINED_ON, metavar="NAME",
                        help=f"sets to train on, of {', '.join(SETS)}; by default all but the last two")
    parser.add_argument("--lids", nargs=2, type=Number(-20, 20), metavar=("UPPER", "LOWER"),
                        help="mm that the upper and the lower lid rise "
                        f"a degree of gaze, instead of {UPPER_FOLLOWS} and {LOWER_FOLLOWS}; 0.18 goes all the way")
    parser.add_argument("--results", type=text, default="results",
                        help="where `reproduce` keeps its stages; its refiner is used again")
    parser.add_argument("--record", type=text, metavar="FILE", help="also add the numbers to this file of records (.jsonl)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    a = parser.parse_args()
    if a.record and a.lids:
        parser.error("--record takes the simulator's own lids, not --lids")
    profile, device = profile_named(a.profile), resolve_device("auto")
    domain = real_domain(a.real) if a.real else stand_in_domain(profile)
    run = run_described(EXPERIMENT, a.profile, profile, domain, device, f"python studies/what_is_left.py --profile {a.profile}"
                        f"{' --real DIR' if a.real else ''} --seed {a.seed} --only {' '.join(a.only)}")
    if a.record:
        check_addable(a.record, run, [a.seed])
    folder = run_folder(a.results, a.profile, a.real) / f"seed{a.seed}"
    if a.lids:                                             # the domain keeps its lids; other eyes need a refiner of their own
        folder = folder.with_name(f"{folder.name}-lids-{a.lids[0]:g}-{a.lids[1]:g}")
    seed = (OtherLids if a.lids else SeedRun)(profile, domain, a.seed, device, folder, bar=False)
    if a.lids:
        seed.lids = a.lids
    truth, found, errors = domain.test.labels["gaze"].double(), {}, {}
    sides = domain.test.groups.get("side")                 # the stand-in has left eyes alone, and does not say so
    sides = None if sides is None else torch.tensor([side == "left" for side in sides])
    for name, images in training_sets(seed, a.only).items():
        answers = predict_gaze(train_gaze_estimator(images, profile.gaze, a.seed, device), domain.test).double()
        found[name], errors[name] = described(answers, truth, sides), answers - truth
    shared = alike(errors, sides)
    if a.record:
        rows = [row(a.seed, name, what, value) for name, numbers in found.items() for what, value in numbers.items()]
        add(a.record, run, rows + [row(a.seed, ", ".join(pair), ALIKE, value) for pair, value in shared.items()])
    if a.json:
        print(json.dumps({"sets": found, "alike": {", ".join(pair): value for pair, value in shared.items()}}))
        return
    for name, numbers in found.items():
        print(f"{name:20}" + "  ".join(f"{what} {value:.2f}" for what, value in numbers.items()))
    for pair, value in shared.items():
        print(f"errors of {' and '.join(pair)} alike: {value:.2f}")


if __name__ == "__main__":
    raise SystemExit(exit_status(main, stopped=GOES_ON))
