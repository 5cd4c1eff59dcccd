"""CIFAR-10's python batches: data_batch_1 to data_batch_5 and test_batch, 10,000 colour pictures 32x32 each.

The batches are pickles of Python 2; they are read without running what may be in them (safe_pickle).
"""

import re
from collections import Counter

import numpy as np
import torch

from ..images import ImageSet
from ..system.errors import UserError
from . import base
from .safe_pickle import load_pickle

TITLE = "CIFAR-10"
KINDS = 10
EXPECTED = "CIFAR-10's files data_batch_1 to data_batch_5 and test_batch"
NAME = re.compile(r"data_batch_[1-5]|test_batch")


def units(folder):
    """[(file,), ...], one a batch, in the release's folder or that above it.  Raises UserError if none is there."""
    folder = base.existing_folder(folder, EXPECTED)
    files = base.first_layout(folder, ("*_batch*", "cifar-10-batches-py/*_batch*"), EXPECTED)
    files = [path for path in files if NAME.fullmatch(path.name)]
    if not files:
        raise UserError(f"{folder}: expected {EXPECTED}, found none of them")
    return [(str(path),) for path in files]


def files(unit, **_):
    """The file that a unit is read from."""
    return [unit[0]]


def read_unit(unit):
    """(ImageSet, skipped) of one batch: uint8 (n, 3, 32, 32), label kind int64 (n,), group split.

    Raises UserError if the batch is damaged or built differently.
    """
    path, = unit
    batch = load_pickle(path)
    if not isinstance(batch, dict) or not {"data", "labels"} <= batch.keys():
        raise UserError(f"{path}: expected a dictionary with `data` and `labels`, found {_described(batch)}")
    pixels, kinds = batch["data"], _whole_numbers(batch["labels"])
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.shape[1] != 3 * 32 * 32:
        raise UserError(f"{path}: expected data uint8 (n, 3072), found {_described(pixels)}")
    if kinds is None or kinds.shape != (len(pixels),):
        raise UserError(f"{path}: expected {len(pixels)} whole numbers as labels, found {_described(batch['labels'])}")
    if len(kinds) and not 0 <= kinds.min() <= kinds.max() < KINDS:
        raise UserError(f"{path}: expected labels 0 to {KINDS - 1}, found {kinds.min()} to {kinds.max()}")
    return _without_empty(pixels, kinds.astype(np.int64), "test" if path.endswith("test_batch") else "train")


def _without_empty(pixels, kinds, split):
    kept = pixels.any(1)
    images = torch.from_numpy(np.asarray(pixels[kept]).reshape(-1, 3, 32, 32))
    skipped = Counter({"empty": len(kept) - len(images)} if len(images) < len(kept) else {})
    return ImageSet(images, {"kind": torch.from_numpy(kinds[kept])}, {"split": np.full(len(images), split)},
                    base.source(TITLE, len(images), skipped)), skipped


def _whole_numbers(values):
    """Integers (n,) of a flat list or an array; None if there are none.  It does not walk into lists of lists."""
    if isinstance(values, list) and all(type(value) is int and abs(value) < 1 << 31 for value in values):
        return np.array(values, np.int64)
    whole = isinstance(values, np.ndarray) and values.ndim == 1 and np.issubdtype(values.dtype, np.integer)
    return values if whole else None


def _described(value):
    """What a value is, without walking into it: a pickle's lists can share their parts, and never end."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    if isinstance(value, dict):
        return ", ".join(str(key)[:20] for key in list(value)[:6]) or "an empty one"
    return f"a list of {len(value)}" if isinstance(value, list) else type(value).__name__


def read_cifar10(folder):
    """All pictures as one ImageSet: uint8 (N, 3, 32, 32), label kind int64 (N,) 0 to 9, group split (train, test).

    The kinds' names: `kinds(folder)`.  Raises UserError if a batch is damaged, or none is there.
    """
    return base.together(TITLE, folder, map(read_unit, units(folder)))


def kinds(folder):
    """Names of the kinds 0 to 9, as batches.meta has them.  Raises UserError if it is missing or damaged."""
    path, = base.first_layout(folder, ("batches.meta", "cifar-10-batches-py/batches.meta"), "CIFAR-10's file batches.meta")
    meta = load_pickle(path)
    names = meta.get("label_names") if isinstance(meta, dict) else None
    if not isinstance(names, list) or len(names) != KINDS or not all(isinstance(name, str) for name in names):
        raise UserError(f"{path}: expected label_names, a list of {KINDS} texts, found {_described(names)}")
    return tuple(names)
