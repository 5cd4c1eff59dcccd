"""The Kaggle pair 4quant/eye-gaze: gaze.h5 (UnityEyes) and real_gaze.h5 (MPIIGaze), gray eyes 35x55.

Both hold `image`, a group with one picture a name; gaze.h5 has `look_vec` and `path` too.  As far as we know: the files
want a log-in, and this is what public programs say that read them.  What is found otherwise is said, not guessed.
"""

import math
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import torch

from ..images import resized
from ..system.errors import UserError
from ..system.files import plain_file, reading
from . import base
from .unityeyes import gaze_of

TITLE = "Kaggle eye-gaze"
FILES = {"synthetic": "gaze.h5", "real": "real_gaze.h5"}
BLOCK = 4096                      # pictures in a unit
LARGEST = 1 << 26                 # bytes that are read at once: a picture, or a piece that was compressed as one


def units(folder, which="synthetic"):
    """[(file, first picture, one after its last), ...].  which: "synthetic" (gaze.h5) or "real" (real_gaze.h5).

    Raises UserError if the file is missing, no HDF5, or has no pictures.
    """
    if which not in FILES:
        raise UserError(f"which: expected {' or '.join(FILES)}, found {which!r}")
    path, = base.first_layout(folder, (FILES[which],), f"the file {FILES[which]}")
    with _opened(path) as file:
        n = len(_pictures(path, file))
    if not n:
        raise UserError(f"{path}: expected pictures in `image`, found none")
    return [(str(path), at, min(at + BLOCK, n)) for at in range(0, n, BLOCK)]


def files(unit, **_):
    """The file that a unit is read from."""
    return [unit[0]]


def read_unit(unit, size=(35, 55), gaze=True):
    """(ImageSet, skipped): gray uint8 (n, 1, *size), group file; label gaze (pitch, yaw) if the file has `look_vec`.

    gaze: False leaves `look_vec` alone.  Its row i, or what has the picture's name, belongs to the picture i, by names.
    Pictures that are empty, of another number type or shape, or without a gaze, are skipped and counted.
    Raises UserError if the file is damaged or built differently.
    """
    path, start, stop = unit
    with _opened(path) as file:
        pictures, looks = _pictures(path, file), _looks(path, file) if gaze else None
        names = sorted(pictures) if isinstance(pictures, h5py.Group) else range(len(pictures))

        def read(record):
            name, at = record
            image = resized(torch.from_numpy(_grays(_plain(pictures, name)))[None, None], size)[0]
            look = {} if looks is None else {"gaze": _gaze(_plain(looks, name if isinstance(looks, h5py.Group) else at))}
            return image, look, {"file": Path(path).name}
        return base.read_records(TITLE, [(names[at], at) for at in range(start, stop)], read, (1, *size),
                                 {} if looks is None else {"gaze": (2,)}, ("file",))


def read_kaggle(folder, which="synthetic", **options):
    """The pictures of one of the two files as one ImageSet; options: those of `read_unit`."""
    return base.together(TITLE, folder, (read_unit(unit, **options) for unit in units(folder, which)))


@contextmanager
def _opened(path):
    with reading(path, "HDF5 file"), h5py.File(plain_file(path), "r", rdcc_nbytes=LARGEST) as file:
        yield file                  # a piece that was compressed as one stays unpacked, for the pictures that follow


def _pictures(path, file):
    pictures = file.get("image")
    if isinstance(pictures, h5py.Group) or isinstance(pictures, h5py.Dataset) and pictures.ndim == 3:
        return pictures
    found = f"`image` {pictures.shape}" if pictures is not None else ", ".join(list(file)[:6]) or "nothing"
    raise UserError(f"{path}: expected a group `image` with one picture a name, found {found}")


def _looks(path, file):
    """`look_vec`, or None if there is none."""
    looks, n = file.get("look_vec"), len(_pictures(path, file))
    if looks is None or isinstance(looks, h5py.Group):
        return looks
    of_texts = h5py.check_string_dtype(looks.dtype) is not None
    if looks.shape == (n,) and of_texts or looks.ndim == 2 and len(looks) == n and looks.shape[1] in (3, 4) and not of_texts:
        return looks
    raise UserError(f"{path}: expected look_vec with {n} rows of 3 or 4 numbers, found {looks.dtype} {looks.shape}; "
                    "without it (gaze=False) the pictures can be read")


def _plain(place, key):
    """An array that lies in this file: an HDF5 file can also point to other files.

    A few bytes can claim gigabytes, so what reading takes is bounded: the row or the array itself, and the pieces (HDF5's
    chunks) that it lies in, which are unpacked as a whole.
    """
    if isinstance(place, h5py.Dataset):
        found, key, shape = place, (key, ...), place.shape[1:]
    else:
        inside = isinstance(place.get(key, getlink=True), h5py.HardLink)
        found, key = place[key] if inside else None, ()
        shape = found.shape if isinstance(found, h5py.Dataset) else None
    if shape is None or found.external or found.is_virtual:
        raise base.Unusable("not a plain array")
    if max(math.prod(shape), math.prod(found.chunks or ())) * found.dtype.itemsize > LARGEST:
        raise base.Unusable("larger than any picture")
    return np.asarray(found[key])


def _grays(picture):
    if picture.ndim != 2 or not picture.size or picture.dtype.kind not in "uif":
        raise base.Unusable("not a gray picture")
    if not picture.any():
        raise base.Unusable("empty")
    shares = picture.dtype.kind == "f" and picture.max() <= 1          # of what? 1 would be nearly black
    if shares or not np.isfinite(picture).all() or picture.min() < 0 or picture.max() > 255:
        raise base.Unusable("not grays of 0 to 255")
    return np.rint(picture).astype(np.uint8)


def _gaze(look):
    """UnityEyes' look_vec, numbers or a text "(x, y, z, 0)", y up  ->  (pitch, yaw) in radians."""
    try:
        if look.dtype.kind in "OSU":
            text = look[()].decode() if isinstance(look[()], bytes) else str(look[()])
            return gaze_of(base.vector(text.strip('" '), 3, 4))
        return gaze_of(look.astype(float, casting="safe").tolist())
    except (TypeError, ValueError):
        raise base.Unusable("no gaze") from None
