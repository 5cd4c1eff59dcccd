"""How far joints of a hand are from where they should be: in mm, and in pixels of a crop; means, shares and curves.

The field's measures differ, and papers mix them, so each name here says which it is:
    joint error     mean distance over all joints of all frames
    max within d    share of frames whose largest joint error is at most d: one bad joint spoils a frame
    mean within d   share of frames whose mean joint error is at most d
    joint within d  share of joints whose error is at most d
In mm they are of points in space.  In pixels they are of the picture alone, without depth: of a crop that shows 300 mm in
64 pixels, the size of the heat maps, or in 224, that of the images.

The paper's share "within 5 pixels" is the first kind.  It does not say of which pixels.  Eleven methods of 2015 to 2022 have at
most 20.2 % of the frames within 5 pixels of 224, and 33.8 to 90.1 % within 5 of 64 (studies/hand_protocol.py); the paper
has up to 83.3 %.  So only pixels of the heat map can be meant, 5 of which are 23.4 mm.  That is inferred, not stated.
Shares within pixels are set beside the paper's in this unit alone.
"""

import numpy as np
import torch

from ..hands import CUBE, FOCAL, LENGTH, NOTHING, Crop, as_numbers, unprojected
from ..system.errors import UserError
from ..system.settings import SEED, OneOf, short
from .statistics import bootstrap_interval, cumulative_curve, curve_interval

HEAT_MAP, IMAGE = 64, 224                 # pixels of its side
BLOCK = 100               # frames
TOLERANCE = 10.0          # mm by which refining may change a depth that keeps its place: less than half a finger
METRICS = {"max": "frames whose largest joint error is at most", "mean": "frames whose mean joint error is at most",
           "joint": "joints whose error is at most"}
WITHIN = {"mm": (20, 30, 40, 50), "heat_map_px": (5,)}


# ---- errors ----
def joint_errors_mm(predicted, truth):
    """Distance in mm of each joint from its true place in space, (N, J).

    predicted, truth: (N, J, 3), u and v in pixels of NYU's camera and z in mm, as its labels and published predictions are.
    Raises UserError if they are not of one such shape, not finite, or a true joint is not in front of the camera.
    """
    predicted, truth = _pair(predicted, truth, (3,))
    points, true_points = (unprojected(torch.from_numpy(places)) for places in (predicted, truth))
    return (points - true_points).norm(dim=-1).numpy()


def joint_errors_px(predicted, truth, pixels=HEAT_MAP, cube=CUBE):
    """Distance of each joint from its true place in the picture, (N, J), in pixels of a crop around the hand.

    predicted: (N, J, 2 or 3), u and v in pixels of NYU's camera; z is not looked at.  truth: (N, J, 3) with z in mm.
    The crop shows cube mm in as many pixels, at the depth of the last joint, the palm's: around it the field cuts.
    Raises UserError as `joint_errors_mm`.
    """
    predicted, truth = _pair(predicted, truth, (2, 3))
    LENGTH.check("pixels", pixels)
    LENGTH.check("cube, in mm", cube)
    step = np.array(FOCAL) * cube / pixels / truth[:, -1:, 2:]              # (N, 1, 2)
    return np.linalg.norm((predicted[..., :2] - truth[..., :2]) / step, axis=-1)


def crop_errors_mm(predicted, hands):
    """The same as `joint_errors_mm` of joints in crops.

    predicted: (N, J, 3), x and y in pixels of the crop, z in mm behind the cube's centre, as the label joints of hands.
    hands: ImageSet with labels joints and cube, as `datasets.nyu.read_unit` gives.
    Raises UserError if a label is missing, or as `joint_errors_mm`.
    """
    predicted, truth = _in_crops(predicted, hands, (3,))
    crop = Crop.of(hands.to("cpu"))
    return joint_errors_mm(*(crop.places(torch.from_numpy(joints)) for joints in (predicted, truth)))


def crop_errors_px(predicted, hands, pixels=HEAT_MAP):
    """Distance (N, J) of joints in crops from their true places, in pixels of a crop of `pixels` x `pixels`.

    predicted: (N, J, 2 or 3), x and y in pixels of the crop.  hands: ImageSet with label joints.  Such a crop shows 300 mm, at the
    depth of the cube's middle; where hands have a label cube of another width, their pixels are converted.
    Otherwise as `crop_errors_mm`.
    """
    predicted, truth = _in_crops(predicted, hands, (2, 3))
    LENGTH.check("pixels", pixels)
    scale = pixels / np.array(hands.images.shape[:1:-1])                            # x by width, y by height
    if "cube" in hands.labels:
        scale = scale * Crop.of(hands.to("cpu")).cube.numpy()[:, None, None] / CUBE
    return np.linalg.norm((predicted[..., :2] - truth[..., :2]) * scale, axis=-1)


# ---- what is told of them ----
def error_curve(errors, within, metric="max"):
    """Percentage of frames or joints whose error is at most each of `within` (K,)  ->  (K,).

    errors: (N, J), in the unit of within.  metric: "max", "mean" or "joint", see METRICS.
    Raises UserError for another metric, or errors that are none.

    >>> error_curve([[1.0, 5.0], [2.0, 2.0]], [2, 3, 5]).tolist(), error_curve([[1.0, 5.0], [2.0, 2.0]], [2, 3], "mean").tolist()
    ([50.0, 50.0, 100.0], [50.0, 100.0])
    """
    return cumulative_curve(_scores(errors, metric).ravel(), _thresholds(within))


def error_curve_interval(errors, within, metric="max", groups=None, seed=0):
    """95 % intervals of `error_curve`: (low (K,), high (K,)).  groups: N names, such as `frame_blocks`; these are resampled.

    Raises UserError as `error_curve`, for another number of groups, and for what is no seed.
    """
    SEED.check("seed", seed)
    scores = _scores(errors, metric)
    groups = np.repeat(_groups(groups, len(scores)), scores.shape[1])
    return curve_interval(scores.ravel(), _thresholds(within), groups, seed)


def hand_report(errors, within=WITHIN, seed=0, groups=None):
    """Mean joint error, and the percentage of frames whose largest is within each threshold, with 95 % intervals.

    errors: {unit: (N, J)}, such as {"mm": joint_errors_mm(...), "heat_map_px": joint_errors_px(...)}.
    within: {unit: thresholds}; those of units without errors are left aside.
    groups: N names, such as `frame_blocks`; whole groups are resampled, since neighbouring frames are near-duplicates.
    Returns {"joint_error_mm": {"mean", "low", "high", "n"}, "max_within_20_mm": the same in %, ...}; one group has no interval.
    Raises UserError for errors, thresholds, groups or a seed that are none, and for units with errors of another number of frames.
    """
    SEED.check("seed", seed)
    if not isinstance(within, dict):
        raise UserError(f"within: expected {{unit: thresholds}}, found {short(within)}")
    found = {}
    for unit, each in _by_unit(errors).items():
        largest = _scores(each, "max")[:, 0]
        shares = {f"max_within_{d:g}_{unit}": 100.0 * (largest <= d) for d in _thresholds(within.get(unit, ()))}
        for name, values in ({f"joint_error_{unit}": _scores(each, "mean")[:, 0]} | shares).items():
            found[name] = bootstrap_interval(values, seed, _groups(groups, len(values)))
    return found


def report_by_person(errors, persons, **options):
    """{"all": `hand_report`, person: that of its frames alone, ...}: one number over all persons hides the one never seen.

    persons: N names, the reader's group person or `datasets.nyu.persons`.  options: those of `hand_report`.
    Raises UserError as `hand_report`, and for persons of another number.
    """
    errors = _by_unit(errors)
    n = len(next(iter(errors.values())))
    persons, groups = _names("persons", persons, n), _groups(options.pop("groups", None), n)
    masks = {"all": np.ones(len(persons), bool)} | {str(person): persons == person for person in np.unique(persons)}
    return {name: hand_report({unit: each[mask] for unit, each in errors.items()}, groups=groups[mask], **options)
            for name, mask in masks.items()}


def frame_blocks(frames, persons):
    """Names of N blocks of 100 consecutive frames, none of which crosses from one person to the next: groups for intervals.

    frames: N numbers, or their texts.  persons: N names.  The three cameras' pictures of a frame share its block.
    Whether a frame is right is told by its neighbours; of that little is left after 100 frames (looked at once, on published
    predictions for NYU's test set, not recorded).
    Raises UserError if a frame is no number from 1 on.

    >>> frame_blocks([1, 100, 101, 101], ["1", "1", "1", "2"]).tolist()
    ['1-0', '1-0', '1-1', '2-1']
    """
    numbers = [int(text) if text.isdecimal() else 0 for text in map(str, frames)]
    if not all(numbers):
        raise UserError(f"frames: expected whole numbers from 1 on, found {short(frames)}")
    persons = _names("persons", persons, len(numbers))
    return np.array([f"{person}-{(frame - 1) // BLOCK}" for frame, person in zip(numbers, persons)])


# ---- what refining keeps ----
def kept_in_place(synthetic, refined):
    """What of synthetic hands is where it was after refining, for labels' sake.  Both: ImageSets of the same hands.

    synthetic: of the simulator, with labels joints, visible and cube.
    Returns, of the hand's pixels, hand_kept_percent, that still show something within TOLERANCE of their depth, and
    painted_percent, as many pixels as show something where nothing was, be it a wider outline or a body behind; of the joints
    that the camera sees joints_kept_percent, the same; and joint_depth_mm, mean |refined - synthetic| where something is shown.
    Raises UserError if the images or joints are not of the same hands, a label is missing, or there is nothing to look at.
    """
    crop, (before, after) = Crop.of(synthetic), (hands.images[:, 0] for hands in (synthetic, refined))
    missing, truth = {"joints", "visible"} - set(synthetic.labels), synthetic.labels.get("joints")
    if before.shape != after.shape or missing or not torch.allclose(refined.labels.get("joints", truth), truth, atol=0.01):
        raise UserError("hands: expected refined ones of the same hands, and synthetic labels joints and visible; found images "
                        f"{tuple(refined.images.shape)} and {tuple(synthetic.images.shape)}, labels "
                        f"{', '.join(sorted(synthetic.labels))}")
    moved = (after.double() - before).abs() * crop.cube[:, None, None] / NOTHING                    # mm
    hand, there = before < NOTHING, after < NOTHING
    seen, (x, y) = synthetic.labels["visible"].bool(), synthetic.labels["joints"][..., :2].round().long().unbind(-1)
    seen = seen & (x >= 0) & (y >= 0) & (x < before.shape[2]) & (y < before.shape[1])
    image, joint = seen.nonzero(as_tuple=True)
    at = image, y[image, joint], x[image, joint]
    if not hand.any() or not there[at].any():
        raise UserError("hands: expected a hand, and a visible joint where both show something; found none")
    kept = there & (moved <= TOLERANCE)
    return {"hand_kept_percent": 100 * kept[hand].double().mean().item(),
            "painted_percent": 100 * ((there & ~hand).sum() / hand.sum()).item(),
            "joints_kept_percent": 100 * kept[at].double().mean().item(), "joint_depth_mm": moved[at][there[at]].mean().item()}


# ---- what is looked at before ----
def _pair(predicted, truth, columns):
    """Both as float64 arrays.  columns: how many numbers a predicted joint may have.  Raises UserError."""
    predicted, truth = (_numbers(f"{who} joints", each) for who, each in (("predicted", predicted), ("true", truth)))
    if truth.ndim != 3 or truth.shape[2] != 3 or predicted.shape[:-1] != truth.shape[:-1] or predicted.shape[-1] not in columns:
        raise UserError(f"joints: expected as many predicted as true ones, (N, J, {' or '.join(map(str, columns))}) and (N, J, 3), "
                        f"found {predicted.shape} and {truth.shape}")
    if truth.size and truth[..., 2].min() <= 0:
        raise UserError(f"true joints: expected z above 0 mm, in front of the camera, found {truth[..., 2].min():g}")
    return predicted, truth


def _in_crops(predicted, hands, columns):
    """(predicted, true joints) of crops as arrays.  Raises UserError."""
    if "joints" not in hands.labels:
        raise UserError(f"hands: expected a label joints, found {', '.join(sorted(hands.labels)) or 'no labels'}")
    joints, predicted = _numbers("label joints", hands.labels["joints"]), _numbers("predicted joints", predicted)
    if predicted.shape[:-1] != joints.shape[:-1] or predicted.shape[-1] not in columns:
        raise UserError(f"joints: expected predicted ones of {joints.shape}, found {predicted.shape}")
    return predicted, joints


def _numbers(name, values):
    """float64 array of a tensor on any device, or of what numpy takes.  Raises UserError unless all are finite."""
    numbers = as_numbers(values)
    if numbers is None or not numbers.ndim:
        raise UserError(f"{name}: expected finite numbers, found {short(values)}")
    if not np.isfinite(numbers).all():
        first = int(np.argwhere(~np.isfinite(numbers))[0][0])
        raise UserError(f"{name}: expected finite numbers, found {numbers[~np.isfinite(numbers)][0]} in frame {first}")
    return numbers


def _scores(errors, metric):
    """(N, 1) of one number a frame, or (N, J) of one a joint.  Raises UserError."""
    errors = _numbers("errors", errors)
    if errors.ndim != 2 or not errors.size or (errors < 0).any():
        raise UserError(f"errors: expected (N, J) of at least one frame and joint, none below 0, found {errors.shape}, "
                        f"the least {errors.min(initial=0):g}")
    OneOf(METRICS).check("metric", metric)
    return errors if metric == "joint" else (errors.max if metric == "max" else errors.mean)(1, keepdims=True)


def _thresholds(within):
    """float64 (K,).  Raises UserError unless all are numbers of at least 0."""
    numbers = as_numbers(within)
    if numbers is None or numbers.ndim != 1 or not (numbers >= 0).all():                # NaN is not
        raise UserError(f"within: expected a list of numbers of at least 0, found {short(within)}")
    return numbers


def _by_unit(errors):
    """{unit: (N, J)} as arrays.  Raises UserError unless N is the same in all."""
    if not isinstance(errors, dict) or not errors:
        raise UserError(f"errors: expected {{unit: (N, J)}}, found {short(errors)}")
    errors = {unit: _scores(each, "joint") for unit, each in errors.items()}
    if len({len(each) for each in errors.values()}) > 1:
        found = ", ".join(f"{len(each)} in {unit}" for unit, each in errors.items())
        raise UserError(f"errors: expected as many frames in each unit, found {found}")
    return errors


def _groups(groups, n):
    """An array of n names; each frame its own if there are none.  Raises UserError for another number of them."""
    return np.arange(n) if groups is None else _names("groups", groups, n)


def _names(name, names, n):
    """An array of n names.  Raises UserError for another number of them."""
    names = np.asarray(names)
    if names.shape != (n,):
        raise UserError(f"{name}: expected {n} names, one a frame, found {names.shape or names}")
    return names
