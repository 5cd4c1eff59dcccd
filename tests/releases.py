"""Data sets written by the tests in the layout of their releases."""

import numpy as np
import scipy.io


def write_day(path, left, right):
    """One .mat file of MPIIGaze.  left, right: dicts with `image` (n, 36, 60) and `gaze` (n, 3), or anything."""
    path.parent.mkdir(parents=True, exist_ok=True)
    n = len(left.get("image", ()))
    names = np.array([[f"{i + 1:04d}.jpg"] for i in range(n)], dtype=object)
    scipy.io.savemat(path, {"data": {"left": left, "right": right}, "filenames": names}, do_compression=True)
    return path
