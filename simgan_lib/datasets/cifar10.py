"""CIFAR-10's binary edition: data_batch_1.bin to data_batch_5.bin and test_batch.bin, 10,000 colour pictures 32x32 each.

A record is one byte, the kind of thing, and 3,072 bytes of pixels: the red, the green and the blue plane, row by row.
The edition for Python is made of pickles, which may run code when they are read; it is not read here.
"""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from ..images import ImageSet
from ..system.errors import UserError
from ..system.files import reading
from . import base

TITLE = "CIFAR-10"
KINDS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")     # 0 to 9
RECORD = 1 + 3 * 32 * 32          # bytes
BATCHES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")
EXPECTED = f"CIFAR-10's binary edition, {BATCHES[0]} to {BATCHES[-2]} and {BATCHES[-1]}"
OTHER_EDITION = ("*_batch_[1-5]", "test_batch", "cifar-10-batches-py", "cifar-10-batches-mat", "*_batch*.mat")


def units(folder):
    """[(file,), ...], one a batch, in the release's folder or that above it.

    Raises UserError if none is there, and says what to fetch if another edition is.
    """
    folder = base.existing_folder(folder, EXPECTED)
    for place in (folder, folder / "cifar-10-batches-bin"):
        found = [(str(place / name),) for name in BATCHES if os.path.lexists(place / name)]
        if found:
            return found
    if any(any(folder.glob(name)) for name in OTHER_EDITION):
        raise UserError(f"{folder}: found another edition of CIFAR-10, expected the binary one: fetch cifar-10-binary.tar.gz from "
                        "https://www.cs.toronto.edu/~kriz/cifar.html, or with `python data_scripts/cifar10.py download FOLDER`")
    raise UserError(f"{folder}: expected {EXPECTED}, found none of them")


def files(unit, **_):
    """The file that a unit is read from."""
    return [unit[0]]


def read_unit(unit):
    """(ImageSet, skipped) of one batch: uint8 (n, 3, 32, 32), label kind int64 (n,), group split.

    Raises UserError if the batch cannot be read, is no whole number of records, or names a kind that there is not.
    """
    path, = unit
    with reading(path, "batch"):
        content = np.fromfile(base.plain_file(path), np.uint8)
    if not len(content) or len(content) % RECORD:
        raise UserError(f"{path}: found {len(content)} bytes, expected whole records of {RECORD}; perhaps cut short: fetch it "
                        "again")
    kinds, pixels = np.split(content.reshape(-1, RECORD), [1], axis=1)
    if kinds.max() >= len(KINDS):
        raise UserError(f"{path}: expected kinds 0 to {len(KINDS) - 1}, found {kinds.max()}; fetch it again")
    kept = pixels.any(1)
    images, kinds = pixels[kept].reshape(-1, 3, 32, 32), kinds[kept, 0].astype(np.int64)
    skipped = +Counter({"empty": int((~kept).sum())})
    split = np.full(len(images), "test" if Path(path).name == BATCHES[-1] else "train")
    return ImageSet(torch.from_numpy(images), {"kind": torch.from_numpy(kinds)}, {"split": split},
                    base.source(TITLE, len(images), skipped)), skipped


def read_cifar10(folder):
    """All pictures as one ImageSet: uint8 (N, 3, 32, 32), label kind int64 (N,), group split (train, test).

    KINDS names the kinds 0 to 9.  Raises UserError if a batch is damaged, or none is there.
    """
    return base.together(TITLE, folder, map(read_unit, units(folder)))
