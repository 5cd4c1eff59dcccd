"""MPIIGaze's normalised eye crops, in the layout of its release: Data/Normalized/pXX/dayYY.mat; and its lists.

The release (CC BY-NC-SA 4.0) is not part of the kit.  Each .mat file (MATLAB 5) holds one day of one subject:
`data.left` and `data.right`, each with `image` (n, 36, 60) uint8 and `gaze` (n, 3), unit vectors in camera coordinates,
and `filenames`, the frames' names.
"""

import hashlib
from collections import Counter
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from ..gaze import gaze_angles, mirrored
from ..images import ImageSet, resized
from ..system.errors import UserError
from ..system.files import reading, stamp
from . import base
from .matlab import load_matlab

TITLE = "MPIIGaze, normalised crops"
CROP = (36, 60)
SIDES = ("left", "right")
EXPECTED = "MPIIGaze's release, its Data/Normalized or a subject's"
LAYOUTS = ("Data/Normalized/p*/day*.mat", "Normalized/p*/day*.mat", "p*/day*.mat", "day*.mat")
LISTS = ("sample list for eye image/{}.txt", "{}.txt")       # within the Evaluation Subset


def units(folder, listed=None):
    """[(file,), ...], one a subject and day; then (folder, (name, ...)) of what else lies there, to be counted.

    Raises UserError for a missing folder, one without such files, and a subject that the lists in `listed` do not have.
    """
    days = base.first_layout(folder, LAYOUTS, EXPECTED)
    subjects = sorted({path.parent for path in days})
    for subject in subjects if listed is not None else ():
        evaluation_list(listed, subject.name)
    above = {path.parent for path in subjects if path != Path(folder).resolve()}
    others = [block for place in subjects for block in base.blocks(place, base.beside(place, "day*.mat"))]
    others += [block for place in above for block in base.blocks(place, base.beside(place, *(path.name for path in subjects)))]
    return [(str(path),) for path in days] + others


def files(unit, listed=None, **_):
    """The day's file, and its subject's list where there is one."""
    if len(unit) > 1:
        return []
    return [unit[0]] if listed is None else [unit[0], _list_file(listed, Path(unit[0]).parent.name)]


def read_unit(unit, size=(35, 55), sides=SIDES, mirror=True, listed=None):
    """(ImageSet, skipped) of one file: gray uint8 (n, 1, *size), gaze radians (n, 2), groups subject, day and side.

    sides: eyes to take.  mirror: right eyes are mirrored together with their yaw, so that all look like left ones, as
    the simulator's.  listed: the folder of the Evaluation Subset; eyes that its lists do not name are left out.
    Crops without an image (all zero) or without a gaze (NaN, or no unit vector) are skipped.
    Raises UserError if the file is damaged or built differently, or a subject's list is missing.
    """
    if not sides or not set(sides) <= set(SIDES):
        raise UserError(f"sides: expected some of {', '.join(SIDES)}, found {sides!r}")
    if len(unit) > 1:
        return base.read_records(TITLE, unit[1], base.not_read, (1, *size), {"gaze": (2,)}, ("subject", "day", "side"))
    path, = unit
    subject, day = Path(path).parent.name, Path(path).stem
    named = None if listed is None else evaluation_list(listed, subject)
    parts, skipped = [], Counter()
    for side, crops, vectors, frames in _read_day(path, sides):
        shown, kept = crops.any((1, 2)), usable(crops, vectors)
        skipped.update({"empty": int((~shown).sum()), "no gaze": int((shown & ~kept).sum())})
        if named is not None:
            wanted = np.array([(day, frame, side) in named for frame in frames], dtype=bool)
            skipped["not listed"] += int((kept & ~wanted).sum())
            kept &= wanted
        groups = {name: np.full(int(kept.sum()), value) for name, value in (("subject", subject), ("day", day), ("side", side))}
        images, gaze = _as_left_eyes(crops[kept], vectors[kept], mirror and side == "right")
        parts.append(ImageSet(resized(images, size), {"gaze": gaze}, groups))
    skipped = +skipped                                 # without reasons that did not occur
    return base.joined(TITLE, parts, skipped), skipped


def read_mpiigaze(folder, size=(35, 55), sides=SIDES, mirror=True, listed=None):
    """All eye crops under `folder`, as `read_unit` reads them: the release's root, its Data/Normalized, or one subject's.

    `source` says how many were left out.  Raises UserError as `units` and `read_unit` do, and if nothing is left.
    Paper: section 3.1 (the real images).
    """
    days = units(folder, listed)
    subjects = ", ".join(sorted({Path(path).parent.name for path, *others in days if not others}))
    mirrored_too = ", right eyes mirrored" if mirror and "right" in sides else ""
    return base.together(f"{TITLE} of {subjects}{mirrored_too}", folder,
                         (read_unit(day, size, sides, mirror, listed) for day in days))


def day_files(crops):
    """The file that each of the crops came from, N names such as p01/day03.mat."""
    return [f"{person}/{day.rpartition('/')[2]}.mat" for person, day in zip(crops.groups["subject"], crops.groups["day"])]


def copied(crops):
    """{(file, file): number of images that stand in both}, of `day_files`: of files that were copied under another name."""
    first, found = {}, Counter()
    for image, file in zip(crops.images.numpy(), day_files(crops)):
        before = first.setdefault(hashlib.sha256(image.tobytes()).digest(), file)
        found[before, file] += before != file
    return +found


def usable(crops, vectors):
    """Which of the crops uint8 (n, 36, 60) with gaze vectors (n, 3) show an eye and say where it looks: bool (n,)."""
    return crops.any((1, 2)) & base.looks(vectors)


# ---- the release's own lists ----
def evaluation_list(folder, subject):
    """{(day, file, side), ...} that the Evaluation Subset names for a subject.

    folder: "Evaluation Subset", or the folder of the lists itself.  Raises UserError for a missing or damaged list.
    """
    path = _list_file(folder, subject)
    with reading(path, "list"):
        return _list_once(path, stamp(path))


@lru_cache(32)
def _list_once(path, _):
    lines = path.read_text(encoding="utf-8").splitlines()
    return frozenset(_listed(path, line.strip()) for line in lines if line.strip())


def _list_file(folder, subject):
    for layout in LISTS:
        path = Path(folder) / layout.format(subject)
        if path.is_file():
            return path
    raise UserError(f"{folder}: expected the Evaluation Subset with {LISTS[0].format(subject)}, found no such list")


def _listed(path, line):
    place, _, side = line.partition(" ")
    day, _, file = place.partition("/")
    if side not in SIDES or not file:
        raise UserError(f"{path}: expected lines like `day08/0069.jpg left`, found {line!r:.60}")
    return day, file, side


# ---- one file ----
def _read_day(path, sides):
    """[(side, images uint8 (n, 36, 60), gaze vectors (n, 3), n frames' names)] of one file."""
    content = load_matlab(path, ("data", "filenames"), simplify_cells=True)
    if "data" not in content:
        raise UserError(f"{path}: has no `data`; expected MPIIGaze's normalised crops")
    names = np.atleast_1d(content.get("filenames", [])).ravel().tolist()
    eyes = [(side, *_crops(content["data"], side, path)) for side in sides]
    for side, images, _ in eyes:
        if names and len(names) != len(images):
            raise UserError(f"{path}: found {len(names)} filenames and {len(images)} images of the {side} eye, expected as many")
    return [(side, images, gaze, [str(name).strip() for name in names] or [""] * len(images)) for side, images, gaze in eyes]


def _crops(data, side, path):
    try:
        images, gaze = np.asarray(data[side]["image"]), np.asarray(data[side]["gaze"])
    except (KeyError, IndexError, TypeError) as error:
        raise UserError(f"{path}: has no data.{side}.image and .gaze; expected MPIIGaze's normalised crops") from error
    if images.ndim == 2 and images.size:               # a day of one image, its first axis lost
        images, gaze = images[None], gaze[None]
    if not images.size and not gaze.size:              # MATLAB's [] has shape (0, 0)
        images, gaze = np.zeros((0, *CROP), np.uint8), np.zeros((0, 3))
    if images.dtype != np.uint8 or images.shape[1:] != CROP or gaze.shape != (len(images), 3) or gaze.dtype.kind not in "fiu":
        raise UserError(f"{path}: data.{side} has {images.dtype} images {images.shape} and {gaze.dtype} gaze {gaze.shape}, "
                        f"expected uint8 (n, {CROP[0]}, {CROP[1]}) and numbers (n, 3)")
    return images, gaze.astype(np.float64)


def _as_left_eyes(crops, vectors, mirror):
    """uint8 (n, 1, 36, 60), gaze angles (n, 2); mirror: of what the eyes look like in a mirror."""
    images, gaze = torch.from_numpy(crops)[:, None], gaze_angles(torch.from_numpy(vectors)).float()
    return (images.flip(-1), mirrored(gaze)) if mirror else (images, gaze)
