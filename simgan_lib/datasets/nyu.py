"""NYU Hand Pose: depth pictures of hands from three cameras, cut out around the hand, with 14 joints.

Files of the release: train/ and test/, each with depth_K_NNNNNNN.png of camera K (640x480, depth in mm = 256 G + B; 0 is
no depth), renderings synthdepth_K_NNNNNNN.png beside them, and joint_data.mat: `joint_uvd` (cameras, frames, 36, 3).
Read as well: the test frames' joints as text, nyu_test_groundtruth_label.txt with nyu_test_list.txt.
"""

import os
import re
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from ..hands import PICTURE, Crop
from ..system.errors import UserError
from ..system.files import reading, stamp
from . import base
from .matlab import load_matlab

TITLE = "NYU Hand Pose"
EXPECTED = "NYU Hand Pose's folders train and test"
PARTS = ("train", "test")
# Which 14 of the 36 joints the field compares: the notes to the public evaluation of hand pose estimates (repository
# xinghaochen/awesome-hand-pose-estimation) name them, and the text extract has them.  Little finger, ring finger, middle
# finger, index finger (tip and middle each), thumb (tip, two joints), wrist (two), palm.
JOINTS = (0, 3, 6, 9, 12, 15, 18, 21, 24, 25, 27, 30, 31, 32)
FARTHEST = 1 << 16                # mm that two bytes can say; far more than the pixels of a hand's place
MOST_FRAMES = 100_000             # of a list: the release's largest part has 72,757
NAME = re.compile(r"(depth|synthdepth)_([123])_(\d{7})\.png")
JOINT_FILE, TEXTS = "joint_data.mat", ("nyu_test_groundtruth_label.txt", "nyu_test_list.txt")


def units(folder, part="test", views=None, rendered=False):
    """[(folder of the part, (file of the joints, picture, ...)), ...]: blocks of at most 256 frames of one camera.

    part: "train" or "test".  views: cameras, of 1, 2, 3; None: all that have pictures.  rendered: synthdepth, not depth.
    Every frame that has joints is named, so that missing pictures are counted, not overlooked.
    Raises UserError if the part, its joints or all its pictures are missing, or the file of the joints is damaged.
    """
    if part not in PARTS or not set(views or ()) <= {1, 2, 3}:
        raise UserError(f"expected part {' or '.join(PARTS)} and views of 1, 2, 3, found {part!r} and {views!r}")
    place = _place(base.existing_folder(folder, EXPECTED), part)
    joints = _joint_file(place, part)
    cameras, frames = _joints(place / joints).shape[:2]
    kind = "synthdepth" if rendered else "depth"
    there = {int(found[2]) for found in map(NAME.fullmatch, os.listdir(place)) if found and found[1] == kind}
    chosen = sorted(there & set(views or there) & set(range(1, cameras + 1)))
    if not chosen:
        raise UserError(f"{place}: expected pictures {kind}_K_NNNNNNN.png of cameras with joints, found them of "
                        f"{sorted(there) or 'none'}; joints are there of the first {cameras}")
    names = [[f"{kind}_{view}_{frame:07d}.png" for frame in range(1, frames + 1)] for view in chosen]
    return [(at, (joints, *block)) for of_view in names for at, block in base.blocks(place, of_view)]


def files(unit, **_):
    """The pictures of a unit, and what its joints are read from."""
    folder, (joints, *names) = unit
    return [*_joint_files(Path(folder, joints)), *(Path(folder, name) for name in names)]


def read_unit(unit, size=(224, 224), cube=300.0, depth=None):
    """(ImageSet, skipped): uint8 (n, 1, *size), label joints float32 (n, 14, 3), groups view and split.

    A picture shows a cube around the hand, whose centre is the mean of the joints: its near side is 0, its far side,
    all behind it and what has no depth is 255.  cube: its width and height in mm.  depth: how deep it is, if not so too.
    joints: (x, y) pixels of the crop, the centre of the top-left one being (0, 0), and z, mm behind the cube's centre.
    Pictures that are missing, unreadable, no depth, or without a hand or joints are skipped and counted.
    Raises UserError if the file of the joints is damaged.
    """
    folder, (joints, *names) = unit
    if not all(np.isfinite(length) and length > 0 for length in (cube, depth or cube)):
        raise UserError(f"cube and depth: expected positive numbers of mm, found {cube} and {depth}")
    known, box = _joints(Path(folder, joints)), (*size, cube, depth or cube)
    return base.read_records(TITLE, names, lambda name: _hand(folder, name, known, box), (1, *size),
                             {"joints": (len(JOINTS), 3)}, ("view", "split"))


def read_nyu(folder, part="test", views=None, rendered=False, **options):
    """All hands of one part as one ImageSet; options: those of `units` and of `read_unit`."""
    return base.together(TITLE, folder, (read_unit(unit, **options) for unit in units(folder, part, views, rendered)))


# ---- one picture ----
def _hand(folder, name, known, box):
    """(uint8 (1, H, W), labels, groups) of one picture.  Raises base.Unusable."""
    _, view, frame = NAME.fullmatch(name).groups()
    joints = known[int(view) - 1, int(frame) - 1].astype(np.float64)
    if not (np.abs(joints) < FARTHEST).all() or joints[:, 2].min() <= 0:                # NaN is not below
        raise base.Unusable("without joints")
    image, places = _crop(_depth(Path(folder, name)), joints, *box)
    return image[None], {"joints": places}, {"view": view, "split": Path(folder).name}


def _depth(path):
    """Depth in mm, int32 (480, 640); 0 is none."""
    pixels = base.read_picture(path, "RGB")
    if pixels.shape[1:] != PICTURE:
        raise base.Unusable("not 480x640")
    red, green, blue = pixels.int()
    if (red == green).all() and (green == blue).all():
        raise base.Unusable("gray, not depth")
    return (256 * green + blue).numpy()


def _crop(mm, joints, height, width, cube, depth):
    """uint8 (height, width), joints float32 (14, 3): the cube around the mean of joints (u, v, z) in pixels and mm."""
    crop = Crop.around(torch.from_numpy(joints)[None], (height, width), cube, depth)
    columns, rows = (pixels[0].numpy() for pixels in crop.pixels())
    seen = np.outer((rows >= 0) & (rows < PICTURE[0]), (columns >= 0) & (columns < PICTURE[1]))
    found = mm[np.ix_(rows.clip(0, PICTURE[0] - 1), columns.clip(0, PICTURE[1] - 1))]
    found = torch.from_numpy(np.where(seen & (found > 0), found, np.inf))[None]
    if not ((found - crop.middle[0, 2]).abs() < depth / 2).any():
        raise base.Unusable("without a hand in the cube")
    return crop.image(found)[0], crop.joints(torch.from_numpy(joints)[None])[0]


# ---- where the joints are ----
def _place(folder, part):
    """The folder of one part, in the release's, in what its archive becomes, or itself."""
    for place in (folder / part, folder / "dataset" / part, folder / "nyu_hand_dataset_v2" / "dataset" / part):
        if place.is_dir():
            return place
    if folder.name == part:
        return folder
    raise UserError(f"{folder}: expected {EXPECTED}, found no {part}")


def _joint_file(place, part):
    """Name of the file with the joints of a part, seen from its folder."""
    names = [JOINT_FILE] + [f"{above}{TEXTS[0]}" for above in ("", "../") if part == "test"]
    for name in names:
        if (place / name).is_file():
            return name
    raise UserError(f"{place}: expected {' or '.join(names)}, found none")


def _joint_files(path):
    return [path] if path.name == JOINT_FILE else [path, path.with_name(TEXTS[1])]


def _joints(path):
    """float32 (cameras, frames, 14, 3): u, v in pixels, z in mm; NaN where nothing is known.  Read once a process."""
    files = _joint_files(path)
    with reading(path, "file of joints"):
        return _joints_once(*files, stamps=tuple(map(stamp, files)))


@lru_cache(maxsize=2)
def _joints_once(path, listed=None, stamps=()):
    return _from_texts(path, listed) if listed else _from_matlab(path)


def _from_matlab(path):
    joints = load_matlab(path, ("joint_uvd",)).get("joint_uvd")
    shape = getattr(joints, "shape", None)
    if joints is None or len(shape) != 4 or not 1 <= shape[0] <= 3 or shape[2:] != (36, 3) or joints.dtype.kind != "f":
        found = "none" if joints is None else f"{joints.dtype} {shape}"
        raise UserError(f"{path}: expected joint_uvd, real numbers (cameras, frames, 36, 3), found {found}")
    return joints[:, :, JOINTS].astype(np.float32)


def _from_texts(path, listed):
    """The text extract: a line of 14 times u, v, z for each line "test/depth_1_NNNNNNN.png" of the list."""
    values = np.loadtxt(base.plain_file(path), dtype=np.float32, ndmin=2, comments=None, encoding="utf-8")
    lines = base.plain_file(listed).read_text(encoding="utf-8").splitlines()
    names = [NAME.fullmatch(line.strip().rsplit("/", 1)[-1]) for line in lines if line.strip()]
    if values.shape != (len(names), 3 * len(JOINTS)) or not all(name and name[2] == "1" for name in names) or not names:
        raise UserError(f"{path}: expected {3 * len(JOINTS)} numbers a line, one line for each picture depth_1_NNNNNNN.png of "
                        f"{listed.name}, found {values.shape} and {len(names)} names")
    frames = np.array([int(name[3]) for name in names])
    if not 1 <= frames.min() <= frames.max() <= MOST_FRAMES or len(np.unique(frames)) < len(frames):
        raise UserError(f"{listed}: expected frames 1 to at most {MOST_FRAMES}, each once, found {frames.min()} to {frames.max()}")
    joints = np.full((1, frames.max(), len(JOINTS), 3), np.nan, np.float32)
    joints[0, frames - 1] = values.reshape(-1, len(JOINTS), 3)
    return joints
