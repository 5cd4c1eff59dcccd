"""SynthesEyes' renderings: <subject>/<subject>_<number>_<pitch>_<yaw>.png, 120x80, the eye's angles in the name.

The pickle files beside them hold landmarks that the kit does not need; they are not opened.
"""

import math
import re
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from ..images import ImageSet
from . import base
from .unityeyes import cut

TITLE = "SynthesEyes"
EXPECTED = "SynthesEyes' folders f01 ... m05 with pictures NAME_NUMBER_PITCH_YAW.png"
NAME = re.compile(r"(?P<subject>[^_]+)_\d+_(?P<pitch>-?\d+\.?\d*)_(?P<yaw>-?\d+\.?\d*)")


def units(folder):
    """Blocks of pictures in and below the folder.  Raises UserError for a missing folder or no pictures."""
    folder = base.existing_folder(folder, EXPECTED)
    return base.blocks(folder, base.listing(folder, EXPECTED, (".png",)))


def files(unit, **_):
    """The pictures of a block, and the pickle beside each."""
    folder, names = unit
    return [path for name in names for path in (Path(folder, name), Path(folder, name).with_suffix(".pkl"))]


def read_unit(unit, size=(35, 55), colour=False):
    """(ImageSet, skipped) of one block: uint8 (n, 1 or 3, *size), label gaze (n, 2) radians, group subject.

    The largest middle part of the picture that has the shape of `size` is taken.  gaze is that of the eyeball in the head,
    which the camera does not always see from the front.
    """
    folder, names = unit
    found, skipped = base.read_records(names, lambda name: _read(Path(folder) / name, tuple(size), colour))
    images, gaze, subjects = zip(*found) if found else ((), (), ())
    pictures = torch.stack(images) if found else torch.empty(0, 3 if colour else 1, *size, dtype=torch.uint8)
    labels = {"gaze": torch.tensor(gaze, dtype=torch.float32).reshape(-1, 2)}
    groups = {"subject": np.array(subjects, dtype=str)}
    return ImageSet(pictures, labels, groups, base.source(TITLE, len(found), skipped)), Counter(skipped)


def read_syntheseyes(folder, size=(35, 55), colour=False):
    """All renderings as one ImageSet; `source` says how many were left out, and why.

    Raises UserError for a missing folder, one without pictures, or if none can be used.
    """
    return base.together(TITLE, folder, (read_unit(unit, size, colour) for unit in units(folder)))


def _read(path, size, colour):
    """(image uint8 (C, H, W), gaze (pitch, yaw), subject) of one picture.  Raises base.Unusable."""
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
    return cut(pixels, np.concatenate([middle - half, middle + half]), size), gaze, said["subject"]
