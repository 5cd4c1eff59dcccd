"""NYU Hand Pose: depth pictures of hands from three cameras, cut out around the hand, with 14 joints.

Files of the release: train/ and test/, each with depth_K_NNNNNNN.png of camera K (640x480, depth in mm = 256 G + B),
renderings synthdepth_K_NNNNNNN.png beside them, and joint_data.mat: `joint_uvd` (cameras, frames, 36, 3).
Read as well: the test frames' joints as text, nyu_test_groundtruth_label.txt with nyu_test_list.txt.
"""

import os
import re
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from ..hands import CUBE, LENGTH, NO_DEPTH, PICTURE, Crop, check_size
from ..system.errors import UserError
from ..system.files import reading, stamp
from ..system.settings import short
from . import base
from .hand_centre import hand_centre
from .matlab import load_matlab

TITLE = "NYU Hand Pose"
EXPECTED = "NYU Hand Pose's folders train and test"
PARTS = ("train", "test")
# Which 14 of the 36 joints the field compares: the notes to the public evaluation of hand pose estimates (repository
# xinghaochen/awesome-hand-pose-estimation) name them, and the text extract has them.  Little finger, ring finger, middle
# finger, index finger (tip and middle each), thumb (tip, two joints), wrist (two), palm.
JOINTS = (0, 3, 6, 9, 12, 15, 18, 21, 24, 25, 27, 30, 31, 32)
# "mm" that say: no depth here.  NO_DEPTH stands in the release's Kinect frames, 0 is what others write.
MISSING = (0, NO_DEPTH)
CENTRES = ("joints", "mass")
# The test set's labels come from rigid skeletons, and there are three: distances within the palm have no spread up to frame
# 2,440, from there to 3,136, and from there on.  The first is the training set's person.  From wrist (30) to palm (32) they
# have 81.3, 70.6 and 67.3 mm.  Whether the last two are one person, the labels do not say.
LAST_FRAMES = (2440, 3136, 8252)
# A cube that follows the size of the hand: 300 mm for the first, the others by their bones.
CUBES = {"1": 300.0, "2": 260.5, "3": 248.3}
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
    place = part_folder(folder, part)
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


def read_unit(unit, size=(224, 224), cube=CUBE, centre="joints"):
    """(ImageSet, skipped): uint8 (n, 1, *size), labels joints float32 (n, 14, 3) and cube float32 (n, 4).

    Groups: view, split, frame, person (see `persons`).
    A picture shows a cube around the hand: its near side is 0, its far side, all behind it and what has no depth is 255.
    size: (rows, columns) of a picture, px.  cube: its sides in mm, or a number for each person, such as CUBES.
    centre: "joints", the mean of the joints, which takes a label; "mass", what `hand_centre` finds without one.
    joints: (x, y) pixels of the crop, the centre of the top-left one being (0, 0), and z, mm behind the cube's centre.
    cube, the label: its centre (u, v pixels of the camera, z mm) and its width in mm.
    Pictures that are missing, unreadable, no depth, or without a hand or joints are skipped and counted.
    Raises UserError if the file of the joints is damaged, or an option is none.
    """
    folder, (joints, *names) = unit
    _check_cutting(size, cube, centre)
    known, cutting = _joints(Path(folder, joints)), (tuple(size), cube, centre)
    return base.read_records(TITLE, names, lambda name: _hand(folder, name, known, *cutting), (1, *size),
                             {"joints": (len(JOINTS), 3), "cube": (4,)}, ("view", "split", "frame", "person"))


def read_nyu(folder, part="test", views=None, rendered=False, **options):
    """All hands of one part as one ImageSet; options: those of `units` and of `read_unit`."""
    return base.together(TITLE, folder, (read_unit(unit, **options) for unit in units(folder, part, views, rendered)))


def read_depth(path):
    """Depth of one picture of the release: mm, int32 (480, 640); 0 is none, whatever the file says for it.

    Raises base.Unusable for a file that is no such picture.
    """
    pixels = base.read_picture(path, "RGB")
    if pixels.shape[1:] != PICTURE:
        raise base.Unusable("not 480x640")
    red, green, blue = pixels.int()
    if (red == green).all() and (green == blue).all():
        raise base.Unusable("gray, not depth")
    mm = (256 * green + blue).numpy()
    return np.where(np.isin(mm, MISSING), 0, mm)


def part_folder(folder, part="test"):
    """The folder of one part, in the release's, in what its archive becomes, or itself.  Raises UserError if there is none."""
    if part not in PARTS:
        raise UserError(f"expected part {' or '.join(PARTS)}, found {part!r}")
    folder = base.existing_folder(folder, EXPECTED)
    for place in (folder / part, folder / "dataset" / part, folder / "nyu_hand_dataset_v2" / "dataset" / part):
        if place.is_dir():
            return place
    if folder.name == part:
        return folder
    raise UserError(f"{folder}: expected {EXPECTED}, found no {part}")


def read_joints(folder, part="test"):
    """float32 (cameras, frames, 14, 3): u, v in pixels of the camera, z in mm; NaN where nothing is known.

    Raises UserError if there is no such part, or its file of joints is missing or damaged.
    """
    place = part_folder(folder, part)
    return _joints(place / _joint_file(place, part))


def persons(frames):
    """Whose hand each frame of the test set shows: an array of N names "1", "2", "3".  frames: N numbers, 1 to 8,252.

    Three rigid skeletons, changing after frames 2,440 and 3,136; the first is the person of the training set.  To be reported
    apart: on the first, published methods err by about half as many mm as on the third.
    Raises UserError for a frame that the test set does not have.

    >>> persons([1, 2440, 2441, 3137]).tolist()
    ['1', '1', '2', '3']
    """
    frames = np.asarray(frames)
    if frames.dtype.kind not in "iu" or not ((frames >= 1) & (frames <= LAST_FRAMES[-1])).all():
        raise UserError(f"test frames of {TITLE}: expected whole numbers from 1 to {LAST_FRAMES[-1]:,}, found {short(frames)}")
    return np.array(list(CUBES))[np.searchsorted(LAST_FRAMES, frames)]


# ---- one picture ----
def _hand(folder, name, known, size, cube, centre):
    """(uint8 (1, H, W), labels, groups) of one picture.  Raises base.Unusable."""
    _, view, frame = NAME.fullmatch(name).groups()
    joints = known[int(view) - 1, int(frame) - 1].astype(np.float64)
    if not (np.abs(joints) < FARTHEST).all() or joints[:, 2].min() <= 0:                # NaN is not below
        raise base.Unusable("without joints")
    split = Path(folder).name
    person = str(persons([int(frame)])[0]) if split == "test" else "1"                  # one person was trained on
    mm, places = read_depth(Path(folder, name)), torch.from_numpy(joints)[None]
    side = cube[person] if isinstance(cube, dict) else cube
    crop = Crop.around(places, size, side) if centre == "joints" else Crop(_mass(mm, side), size, side)
    labels = {"joints": crop.joints(places)[0], "cube": crop.label()[0]}
    return _cut(mm, crop), labels, {"view": view, "split": split, "frame": frame, "person": person}


def _mass(mm, side):
    """Places (1, 3) of the hand's centre of mass.  Raises base.Unusable."""
    try:
        return torch.from_numpy(hand_centre(mm, side))[None]
    except UserError:
        raise base.Unusable("without a hand") from None


def _cut(mm, crop):
    """uint8 (1, height, width) of what a Crop of one picture shows.  Raises base.Unusable."""
    columns, rows = (pixels[0].numpy() for pixels in crop.pixels())
    seen = np.outer((rows >= 0) & (rows < PICTURE[0]), (columns >= 0) & (columns < PICTURE[1]))
    found = mm[np.ix_(rows.clip(0, PICTURE[0] - 1), columns.clip(0, PICTURE[1] - 1))]
    found = torch.from_numpy(np.where(seen & (found > 0), found, np.inf))[None]
    if not ((found - crop.middle[0, 2]).abs() < crop.cube / 2).any():
        raise base.Unusable("without a hand in the cube")
    return crop.image(found)


def _check_cutting(size, cube, centre):
    """Raises UserError unless size is a picture's, cube a length, one for each person or for all, and centre a way to find it."""
    check_size(size)
    if not all(map(LENGTH.holds, cube.values() if isinstance(cube, dict) else [cube])):
        raise UserError(f"cube: expected positive numbers of mm, found {short(cube)}")
    if isinstance(cube, dict) and not cube.keys() >= CUBES.keys():
        raise UserError(f"cube: expected a number of mm for each of the persons {', '.join(CUBES)}, found {cube}")
    if centre not in CENTRES:
        raise UserError(f"centre: expected {' or '.join(CENTRES)}, found {centre!r}")


# ---- where the joints are ----
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
