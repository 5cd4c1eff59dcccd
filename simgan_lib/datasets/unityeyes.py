"""UnityEyes' renderings: imgs/N.jpg with N.json beside it, of any size, cut to the eye.

The json's points run upwards from the bottom edge; `look_vec` is the optic axis in Unity's camera axes, y up.  The program
draws left eyes, nose to the image's left, as our simulator does.
"""

import json
import math
import os
from pathlib import Path

import numpy as np
import torch

from ..gaze import gaze_angles
from . import base

TITLE = "UnityEyes"
EXPECTED = "UnityEyes' folder imgs, pictures N.jpg with N.json"
IRIS = 0.16                       # radius of the iris in crop widths, as in the simulator's crops
SMALLEST = 3                      # px of that radius, below which nothing can be seen
WIDEST = 4                        # crops as wide as so many pictures are no crops: what lies beyond the edge takes memory too
LARGEST = 1 << 22                 # bytes of a json; the program writes about 10 kB


def units(folder):
    """Blocks of pictures in the folder, or in its folder imgs; what stands beside that is named, too, to be counted.

    Raises UserError for a missing folder or no pictures.
    """
    folder, outside = base.existing_folder(folder, EXPECTED), []
    if (folder / "imgs").is_dir():
        folder, outside = folder / "imgs", [os.path.join(os.pardir, name) for name in base.beside(folder, "imgs")]
    pictures, others = base.listings(folder, EXPECTED, ".json")
    return base.blocks(folder, pictures) + base.blocks(folder, others) + base.blocks(folder, outside)


def files(unit, **_):
    """The pictures of a block, and the json beside each."""
    folder, names = unit
    names = () if _outside(names) else names
    return [path for name in names for path in (Path(folder, name), Path(folder, name).with_suffix(".json"))]


def read_unit(unit, size=(35, 55), colour=False):
    """(ImageSet, skipped) of one block: uint8 (n, 1 or 3, *size), labels gaze, pupil and iris as the simulator's.

    The crop lies around the middle of the eye corners, and is so wide that the iris is as large as in the simulator's
    crops: a turned head shortens the eye, not the iris (the paper cut 140x84 from the middle of 640x480).  gaze is the
    optic axis; the simulator's labels are the visual axis.
    """
    folder, names = unit
    read = base.not_read if _outside(names) else lambda name: _read(Path(folder, name), size, colour)
    return base.read_records(TITLE, names, read, (3 if colour else 1, *size), {"gaze": (2,), "pupil": (2,), "iris": (5,)})


def _outside(names):
    """Whether these stand beside the folder imgs."""
    return names[0].startswith(os.pardir + os.sep)


def read_unityeyes(folder, size=(35, 55), colour=False):
    """All renderings as one ImageSet; `source` says how many were left out, and why.

    Raises UserError for a missing folder, one without pictures, or if none can be used.  Paper: section 3.1.
    """
    return base.together(TITLE, folder, (read_unit(unit, size, colour) for unit in units(folder)))


def _read(path, size, colour):
    """(image uint8 (C, H, W), labels, no groups) of one picture.  Raises base.Unusable."""
    pixels = base.read_picture(path, "RGB" if colour else "L")
    about = _json(path.with_suffix(".json"))
    try:
        lids, nose, iris = (_points(about[name], pixels.shape[1]) for name in ("interior_margin_2d", "caruncle_2d", "iris_2d"))
        gaze = gaze_of(base.vector(about["eye_details"]["look_vec"], 3, 4))
    except KeyError as missing:
        raise base.Unusable(f"json without {missing.args[0]}") from None
    except (TypeError, ValueError):
        raise base.Unusable("json with other values") from None
    box = _box(np.concatenate([lids, nose]), ellipse(iris)[2], size)
    if not (0 <= box[0] + box[2] <= 2 * pixels.shape[2] and 0 <= box[1] + box[3] <= 2 * pixels.shape[1]):
        raise base.Unusable("eye outside the picture")
    if not box[2] - box[0] <= WIDEST * max(pixels.shape[1:]):
        raise base.Unusable("eye larger than the picture")
    found = ellipse((iris - box[:2]) / (box[2] - box[0]) * size[1] - 0.5)
    if not all(-0.5 <= place <= n - 0.5 for place, n in zip(found, size[::-1])):
        raise base.Unusable("iris outside the eye")
    return base.cut(pixels, box, size), {"gaze": gaze, "pupil": found[:2], "iris": found}, {}


def _json(path):
    try:
        if base.plain_file(path).stat().st_size > LARGEST:
            raise ValueError("too large")
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise base.Unusable("json missing") from None
    except (OSError, TypeError, ValueError, RecursionError):
        raise base.Unusable("json unreadable") from None


def _points(texts, height):
    """(n, 2) x and y in pixels from the top left corner.  Raises TypeError or ValueError."""
    rows = np.array([base.vector(text, 3)[:2] for text in texts])
    if len(rows) < 3:
        raise ValueError("expected three points or more")
    return rows * [1, -1] + [0, height]


def gaze_of(look):
    """(pitch, yaw) in radians of a look_vec [x, y, z] or [x, y, z, 0], y up, of length 1.  Raises base.Unusable."""
    if len(look) not in (3, 4) or not base.looks([look[:3]]).all():
        raise base.Unusable("no gaze")
    x, y, z = look[:3]
    return gaze_angles(torch.tensor([x, -y, z], dtype=torch.float64)).tolist()


def _box(points, radius, size):
    """(left, top, right, bottom) of the crop around the points between the eye corners, for an iris of this radius."""
    if not radius >= SMALLEST:
        raise base.Unusable("eye too small")
    width = radius / IRIS
    height, (x, y) = width * size[0] / size[1], (points.min(0) + points.max(0)) / 2
    return np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])


def ellipse(points):
    """(x, y, a, b, angle) through points that lie evenly around an ellipse: their covariance has its axes."""
    centre = points.mean(0)
    values, axes = np.linalg.eigh(np.cov((points - centre).T, bias=True))
    a, b = np.sqrt(2 * values[::-1].clip(0))
    return [*centre.tolist(), a, b, math.atan2(axes[1, 1], axes[0, 1])]
