"""What published methods predict on NYU's test set: the oracle for measures of hand pose, and the curves behind ours.

Source: the collection xinghaochen/awesome-hand-pose-estimation, evaluation/results/nyu, one text a method with a line of
14 times u, v, z for each test frame.  Read here from the folder published_predictions within NYU's: such texts as they are,
or uvd_tenths.npz, int16 tenths (8252, 14, 3) for each method, which is a sixth of their size and at most 0.05 px or mm off.
"""

import zipfile

import numpy as np

from ..system.errors import UserError
from ..system.files import plain_file, reading
from .base import existing_folder
from .matlab import load_matlab
from .nyu import JOINTS, LAST_FRAMES, part_folder, read_joints

FOLDER, PACKED = "published_predictions", "uvd_tenths.npz"
EXPECTED = f"NYU Hand Pose's folder with {FOLDER}"
SHAPE = (LAST_FRAMES[-1], len(JOINTS), 3)
MOST_BYTES = 1 << 28              # that a packed file may inflate to: some hundred methods


def read_published(folder):
    """({method: float32 (8252, 14, 3)}, truth float32 (8252, 14, 3)): u, v in pixels of NYU's camera, z in mm.

    folder: NYU's, with published_predictions and the test set's joints.  A method is called as its array, or its text file.
    Raises UserError if there are none, or one is damaged or of another shape.
    """
    place = existing_folder(folder, EXPECTED) / FOLDER
    texts = sorted(place.glob("*.txt"))
    if not texts and not (place / PACKED).is_file():
        raise UserError(f"{place}: expected {PACKED} or texts of predictions, found none")
    found = _from_packed(place / PACKED) if (place / PACKED).is_file() else {}
    found |= {path.stem: _from_text(path) for path in texts}
    return {name: _checked(place / PACKED, name, values) for name, values in found.items()}, _truth(folder)


def read_tompson(folder):
    """float32 (8252, 14, 2): u, v in pixels that the data set's own authors predict, without depth.

    Tompson et al. 2014, doi 10.1145/2629500; the release's test/test_predictions.mat.
    Raises UserError if the file is missing, damaged or of another shape.
    """
    path = part_folder(folder, "test") / "test_predictions.mat"
    joints = np.asarray(load_matlab(path, ("pred_joint_uvconf",)).get("pred_joint_uvconf", ()))
    if joints.dtype.kind != "f" or joints.shape != (1, SHAPE[0], 36, 3) or not np.isfinite(joints).all():
        raise UserError(f"{path}: expected pred_joint_uvconf, finite numbers {(1, SHAPE[0], 36, 3)}, found {joints.shape}")
    return joints[0, :, JOINTS, :2].swapaxes(0, 1).astype(np.float32)


def _truth(folder):
    joints = read_joints(folder)[0]
    if joints.shape != SHAPE or not np.isfinite(joints).all():
        raise UserError(f"{folder}: expected joints of all {SHAPE[0]:,} test frames, found {joints.shape}, of which "
                        f"{np.isfinite(joints).all((1, 2)).sum():,} are known")
    return joints


def _from_packed(path):
    with reading(path, "file of predictions"):
        with zipfile.ZipFile(plain_file(path)) as packed:
            if sum(part.file_size for part in packed.infolist()) > MOST_BYTES:
                raise UserError(f"{path}: inflates to more than {MOST_BYTES} bytes; it was not read")
        with np.load(path, allow_pickle=False) as arrays:
            return {name: np.asarray(arrays[name]) / np.float32(10) for name in arrays.files}


def _from_text(path):
    with reading(path, "text of predictions"):
        values = np.loadtxt(plain_file(path), dtype=np.float32, ndmin=2, comments=None, encoding="utf-8")
        return values.reshape(len(values), -1, 3)


def _checked(path, name, values):
    if values.shape != SHAPE or not np.isfinite(values).all():
        raise UserError(f"{path.parent}: {name}: expected finite numbers {SHAPE}, found {values.shape}")
    return values.astype(np.float32)
