"""SynthesEyes' renderings: <subject>/<subject>_<number>_<pitch>_<yaw>.png, 120x80, the eye's angles in the name.

Beside each picture the release has a pickle file of landmarks.  It is not read: a pickle may run code, and we have seen none
to check a reader against.
"""

import math
import re
from pathlib import Path

from . import base

TITLE = "SynthesEyes"
EXPECTED = "SynthesEyes' folders f01 ... m05 with pictures NAME_NUMBER_PITCH_YAW.png"
NAME = re.compile(r"(?P<subject>[^_]+)_\d+_(?P<pitch>-?\d+\.?\d*)_(?P<yaw>-?\d+\.?\d*)", re.ASCII)


def units(folder):
    """Blocks of pictures in and below the folder.  Raises UserError for a missing folder or no pictures."""
    folder = base.existing_folder(folder, EXPECTED)
    pictures, others = base.listings(folder, EXPECTED, ".pkl")
    return base.blocks(folder, pictures) + base.blocks(folder, others)


def files(unit, **_):
    """The pictures of a block."""
    folder, names = unit
    return [Path(folder, name) for name in names]


def read_unit(unit, size=(35, 55), colour=False):
    """(ImageSet, skipped) of one block: uint8 (n, 1 or 3, *size), label gaze (n, 2) radians, group subject.

    The largest middle part of the picture that has the shape of `size` is taken.  gaze is that of the eyeball in the head,
    which the camera does not always see from the front.
    """
    folder, names = unit

    def read(name):
        pixels = base.read_picture(Path(folder, name), "RGB" if colour else "L")
        said = NAME.fullmatch(Path(name).stem)
        if not said:
            raise base.Unusable("name without angles")
        gaze = float(said["pitch"]), float(said["yaw"])
        if not all(abs(angle) < math.pi / 2 for angle in gaze):
            raise base.Unusable("no gaze")
        return base.middle(pixels, size), {"gaze": gaze}, {"subject": said["subject"]}
    return base.read_records(TITLE, names, read, (3 if colour else 1, *size), {"gaze": (2,)}, ("subject",))


def read_syntheseyes(folder, size=(35, 55), colour=False):
    """All renderings as one ImageSet; `source` says how many were left out, and why.

    Raises UserError for a missing folder, one without pictures, or if none can be used.
    """
    return base.together(TITLE, folder, (read_unit(unit, size, colour) for unit in units(folder)))
