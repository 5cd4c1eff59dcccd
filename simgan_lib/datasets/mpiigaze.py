"""MPIIGaze's normalised eye crops, in the layout of its release: Data/Normalized/pXX/dayYY.mat.

The release (CC BY-NC-SA 4.0) is not part of the kit.  Each .mat file (MATLAB 5) holds one day of one subject:
`data.left` and `data.right`, each with `image` (n, 36, 60) uint8 and `gaze` (n, 3), unit vectors in camera coordinates.
"""

from pathlib import Path

import numpy as np
import scipy.io
import torch

from ..errors import UserError
from ..gaze import gaze_angles, mirrored
from ..images import ImageSet, resized

CROP = (36, 60)
SIDES = ("left", "right")
LAYOUTS = ("Data/Normalized/p*/day*.mat", "Normalized/p*/day*.mat", "p*/day*.mat", "day*.mat")


def read_mpiigaze(folder, size=(35, 55), sides=SIDES):
    """All eye crops under `folder`: the release's root, its Data/Normalized, or one subject's folder.

    Returns an ImageSet: gray uint8 (N, 1, *size), label gaze (pitch, yaw) radians, groups subject, day and side.
    Right eyes are mirrored together with their yaw, so that all look like left eyes, as the simulator's do.  Crops
    without an image (all zero) or without a gaze (NaN) are left out; `source` says how many.
    Raises UserError for a missing folder, one without such files, and for a damaged or differently built file.
    Paper: section 3.1 (the real images).
    """
    if not sides or not set(sides) <= set(SIDES):
        raise UserError(f"sides: expected some of {', '.join(SIDES)}, found {sides!r}")
    folder = Path(folder).resolve()                    # a subject's name is needed even where the folder is "."
    crops, gaze, groups, found = [], [], [], 0
    for path in _day_files(folder):
        for side, images, vectors in _read_day(path, sides):
            kept = images.any((1, 2)) & np.isfinite(vectors).all(1) & vectors.any(1)
            crops.append(images[kept])
            gaze.append(vectors[kept])
            groups += [(path.parent.name, path.stem, side)] * int(kept.sum())
            found += len(images)
    if not groups:
        raise UserError(f"{folder}: all {found} eye crops there are empty")
    columns = dict(zip(("subject", "day", "side"), np.array(groups).T))
    images, gaze = _as_left_eyes(np.concatenate(crops), np.concatenate(gaze), columns["side"] == "right")
    return ImageSet(resized(images, size), {"gaze": gaze}, columns, _source(columns, len(images), found, sides))


def _source(groups, n, found, sides):
    mirrored_too = ", right eyes mirrored" if "right" in sides else ""
    return (f"MPIIGaze, normalised crops of {', '.join(sorted(set(groups['subject'])))}{mirrored_too}: {n} of {found}, "
            f"{found - n} empty ones left out")


def _day_files(folder):
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; expected MPIIGaze's release, its Data/Normalized or a subject's")
    for layout in LAYOUTS:
        files = sorted(folder.glob(layout))
        if files:
            return files
    raise UserError(f"{folder}: no MPIIGaze crops there; expected files like {LAYOUTS[0].replace('*', '01')}")


def _read_day(path, sides):
    """[(side, images uint8 (n, 36, 60), gaze vectors (n, 3))] of one file."""
    try:
        data = scipy.io.loadmat(path, simplify_cells=True)["data"]    # all of it: a cut may be anywhere
    except KeyError as error:
        raise UserError(f"{path}: has no `data`; expected MPIIGaze's normalised crops") from error
    except Exception as error:     # a damaged file makes scipy raise whatever its bytes lead to
        raise UserError(f"{path}: not a readable MATLAB 5 file, perhaps cut short ({error}); fetch it again") from error
    return [(side, *_crops(data, side, path)) for side in sides]


def _crops(data, side, path):
    try:
        images, gaze = np.asarray(data[side]["image"]), np.asarray(data[side]["gaze"])
    except (KeyError, IndexError, TypeError) as error:
        raise UserError(f"{path}: has no data.{side}.image and .gaze; expected MPIIGaze's normalised crops") from error
    if images.ndim == 2 and images.size:               # a day of one image, its first axis lost
        images, gaze = images[None], gaze[None]
    if not images.size and not gaze.size:              # MATLAB's [] has shape (0, 0)
        images, gaze = np.zeros((0, *CROP), np.uint8), np.zeros((0, 3))
    if images.dtype != np.uint8 or images.shape[1:] != CROP or gaze.shape != (len(images), 3):
        raise UserError(f"{path}: data.{side} has {images.dtype} images {images.shape} and gaze {gaze.shape}, "
                        f"expected uint8 (n, {CROP[0]}, {CROP[1]}) and (n, 3)")
    return images, gaze.astype(np.float64)


def _as_left_eyes(crops, vectors, right):
    """uint8 (n, 1, 36, 60), gaze angles (n, 2): the `right` ones seen in a mirror."""
    images, gaze = torch.from_numpy(crops)[:, None], gaze_angles(torch.from_numpy(vectors)).float()
    right = torch.from_numpy(right)
    images[right], gaze[right] = images[right].flip(-1), mirrored(gaze[right])
    return images, gaze
