"""SynthesEyes' renderings: <subject>/<subject>_<number>_<pitch>_<yaw>.png, 120x80, the eye's angles in the name.

Beside each picture lies a pickle file of the same name.  What is known of it comes from the release's page and from public
programs that read it; we have seen none.  By these it is a dictionary with `look_vec` (the gaze in the camera's space),
`head_pose` (3, 3) (the rotation from the world's to the camera's space) and `ldmks`, a dictionary with `ldmks_iris_2d` and
`ldmks_pupil_2d` (8, 2) and `ldmks_lids_2d`: x and y in the picture's pixels, y downwards, from the top left corner.
Not known to us: which of the world's axes is straight ahead, and whether (0, 0) is the corner of the first pixel (as we take
it) or its middle, half a pixel further.
"""

import math
import re
from collections import Counter
from numbers import Real
from pathlib import Path

import numpy as np
import torch

from ..images import ImageSet
from ..system.errors import UserError
from . import base
from .safe_pickle import load_pickle
from .unityeyes import SMALLEST, cut, ellipse

TITLE = "SynthesEyes"
EXPECTED = "SynthesEyes' folders f01 ... m05 with pictures NAME_NUMBER_PITCH_YAW.png"
DISAGREE = math.radians(8)        # between name and pickle; gazes of the release are 11.25 degrees apart
LARGEST = 1 << 20                 # bytes of a pickle of landmarks
MOST = 1000                       # landmarks of one kind, and how far out of the picture they may lie, px
NAME = re.compile(r"(?P<subject>[^_]+)_\d+_(?P<pitch>-?\d+\.?\d*)_(?P<yaw>-?\d+\.?\d*)")


def units(folder):
    """Blocks of pictures in and below the folder.  Raises UserError for a missing folder or no pictures."""
    folder = base.existing_folder(folder, EXPECTED)
    return base.blocks(folder, base.listing(folder, EXPECTED, (".png",)))


def files(unit, landmarks=False, **_):
    """The pictures of a block, and the pickle beside each where landmarks are wanted."""
    folder, names = unit
    pictures = [Path(folder, name) for name in names]
    return pictures + [path.with_suffix(".pkl") for path in pictures if landmarks]


def read_unit(unit, size=(35, 55), colour=False, landmarks=False):
    """(ImageSet, skipped) of one block: uint8 (n, 1 or 3, *size), label gaze (n, 2) radians, group subject.

    The largest middle part of the picture that has the shape of `size` is taken.  gaze is that of the eyeball in the head,
    which the camera does not always see from the front.
    landmarks: labels pupil (n, 2) and iris (n, 5) as the simulator's, from the pickles, which run nothing that they ask for.
    Pictures are then skipped and counted whose pickle is missing, unreadable, built differently, or of another gaze.
    """
    folder, names = unit
    found, skipped = base.read_records(names, lambda name: _read(Path(folder) / name, tuple(size), colour, landmarks))
    images, gaze, subjects, eyes = zip(*found) if found else ((), (), (), ())
    pictures = torch.stack(images) if found else torch.empty(0, 3 if colour else 1, *size, dtype=torch.uint8)
    labels = {"gaze": torch.tensor(gaze, dtype=torch.float32).reshape(-1, 2)}
    if landmarks:
        labels |= {name: torch.tensor([eye[name] for eye in eyes], dtype=torch.float32).reshape(-1, width)
                   for name, width in (("pupil", 2), ("iris", 5))}
    groups = {"subject": np.array(subjects, dtype=str)}
    return ImageSet(pictures, labels, groups, base.source(TITLE, len(found), skipped)), Counter(skipped)


def read_syntheseyes(folder, size=(35, 55), colour=False, landmarks=False):
    """All renderings as one ImageSet; `source` says how many were left out, and why.

    Raises UserError for a missing folder, one without pictures, or if none can be used.
    """
    return base.together(TITLE, folder, (read_unit(unit, size, colour, landmarks) for unit in units(folder)))


def _read(path, size, colour, landmarks):
    """(image uint8 (C, H, W), gaze (pitch, yaw), subject, pupil and iris or None) of one picture.  Raises base.Unusable."""
    said = NAME.fullmatch(path.stem)
    if not said:
        raise base.Unusable("name without angles")
    gaze = float(said["pitch"]), float(said["yaw"])
    if not all(abs(angle) < math.pi / 2 for angle in gaze):
        raise base.Unusable("no gaze")
    pixels = base.read_picture(path, "RGB" if colour else "L")
    if not pixels.any():
        raise base.Unusable("empty")
    height, width = pixels.shape[1:]
    scale = min(height / size[0], width / size[1])
    half = np.array([size[1], size[0]]) * scale / 2
    middle = np.array([width, height]) / 2
    eye = _eye(path.with_suffix(".pkl"), gaze, (width, height), middle - half, scale) if landmarks else None
    return cut(pixels, np.concatenate([middle - half, middle + half]), size), gaze, said["subject"], eye


# ---- the pickle ----
def _eye(path, gaze, picture, corner, scale):
    """{"pupil": (x, y), "iris": ellipse} in pixels of the crop, whose corner lies there in the picture.

    gaze: what the name says.  picture: (width, height).  Raises base.Unusable.
    """
    about = _pickle(path)
    if not _agree(gaze, _rows([_part(about, "look_vec")], 3, 1)[0], _rows(_part(about, "head_pose"), 3, 3)):
        raise base.Unusable("pickle and name disagree")
    points = _part(about, "ldmks")
    pupil, iris = (_rows(_part(points, name), 2) for name in ("ldmks_pupil_2d", "ldmks_iris_2d"))
    if not (0 <= pupil.mean(0)).all() or not (pupil.mean(0) <= picture).all():
        raise base.Unusable("pupil outside the picture")
    if not ellipse(iris)[2] >= SMALLEST:
        raise base.Unusable("eye too small")
    pupil, iris = ((place - corner) / scale - 0.5 for place in (pupil, iris))
    return {"pupil": pupil.mean(0).tolist(), "iris": ellipse(iris)}


def _pickle(path):
    if not path.is_file():
        raise base.Unusable("pickle missing")
    try:
        if path.stat().st_size > LARGEST:
            raise base.Unusable("pickle unreadable")
        return load_pickle(path)
    except UserError:                  # damaged, or it asks for something that was not run
        raise base.Unusable("pickle unreadable") from None


def _part(about, name):
    if not isinstance(about, dict) or name not in about:
        raise base.Unusable(f"pickle without {name}")
    return about[name]


def _rows(values, columns, n=None):
    """float64 (n, columns), n at least 3 if it is not given; of lists in lists, nothing deeper than that is walked into."""
    if not _listed(values) or (len(values) != n if n else not 3 <= len(values) <= MOST):
        raise base.Unusable("pickle with other values")
    if not all(_listed(row) and len(row) == columns and all(isinstance(x, Real) and abs(x) < MOST for x in row) for row in values):
        raise base.Unusable("pickle with other values")
    return np.array([[float(x) for x in row] for row in values])


def _listed(values):
    return isinstance(values, (list, tuple)) or isinstance(values, np.ndarray) and values.ndim > 0


def _agree(gaze, look, pose):
    """Whether the eye is turned as far from straight ahead, by its name and by its pickle.

    Straight ahead is one of the world's axes, which the camera sees as the columns of `pose`: whichever fits is taken, since
    we do not know which it is.
    """
    length = np.linalg.norm(look)
    if length < 1e-6 or not np.allclose(pose @ pose.T, np.eye(3), atol=0.01):
        raise base.Unusable("pickle with other values")
    turned = math.acos(math.cos(gaze[0]) * math.cos(gaze[1]))
    possible = np.arccos(np.clip(np.concatenate([look @ pose, -look @ pose]) / length, -1, 1))
    return np.abs(possible - turned).min() < DISAGREE
