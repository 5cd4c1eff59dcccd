"""An image set on disk: a folder of .npy files and `set.json`, to be seen whole or not at all.

`images.npy`, one .npy for each label, `group_NAME.npy` with an integer code for each image, and in `set.json` what the
codes stand for.  So a million images are opened without being read, and a group of a million entries costs megabytes.
"""

import json
import os
import shutil
import warnings
from pathlib import Path

import numpy as np
import torch

from .device import memory_limit
from .errors import UserError

FORMAT = "simgan-imageset-2"
CODE = np.dtype("<u4")            # unsigned: a damaged code cannot count from the end


class Names:
    """N strings kept as integer codes: what a group of a large set is until its strings are asked for.

    Behaves as an array (N,) of strings wherever the kit uses one.
    """

    def __init__(self, codes, names):
        self.codes, self.names = codes, np.array(names, dtype=str)

    def __len__(self):
        return len(self.codes)

    def __getitem__(self, index):
        return self.names[self.codes[index]]

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self[:], dtype=dtype)

    def __iter__(self):
        return iter(self[:])

    def __eq__(self, other):
        return self[:] == np.asarray(other)

    def __ne__(self, other):
        return self[:] != np.asarray(other)

    __hash__ = None

    def tolist(self):
        return self[:].tolist()


def coded(values):
    """N names  ->  (codes (N,) uint32, the different names in order)."""
    if isinstance(values, Names):
        return np.asarray(values.codes), values.names.tolist()
    names, codes = np.unique(np.asarray(values, dtype=str), return_inverse=True)
    return codes.reshape(-1).astype(CODE), names.tolist()


def write_arrays(folder, arrays, groups, source):
    """Fill a new folder at once.  arrays: {"images": ..., label: ...}; groups: {name: N strings}."""
    folder.mkdir()
    codes = {name: coded(values) for name, values in groups.items()}
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values)
    for name, (numbers, _) in codes.items():
        np.save(folder / group_file(name), numbers)
    write_about(folder, arrays["images"].shape, [k for k in arrays if k != "images"],
                {name: names for name, (_, names) in codes.items()}, source)


def write_about(folder, shape, labels, groups, source, **more):
    """`set.json`, the last file of a set.  groups: {name: list of what its codes stand for}."""
    about = {"format": FORMAT, "source": source, "shape": list(shape), "labels": sorted(labels), "groups": groups, **more}
    (folder / "set.json").write_text(json.dumps(about))


def group_file(name):
    return f"group_{name}.npy"


def read_arrays(folder):
    """({"images": tensor, label: tensor}, {group: Names}, source) of a set, memory-mapped: nothing is read yet.

    Nothing that is written into the tensors reaches the files.  Tensors of more than an eighth of the memory are
    read-only, which torch cannot know: writing into one ends the process; `clone()` its part first.
    Raises UserError if the folder is missing, incomplete or damaged.
    """
    folder = Path(folder)
    if not folder.exists() and aside(folder).is_dir():
        folder = aside(folder)                              # its writer was killed between its two renames
    try:
        about = json.loads((folder / "set.json").read_text())
        if about.get("format") != FORMAT:
            raise ValueError(f"format {about.get('format')!r}, expected {FORMAT!r}: write it anew")
        arrays = {name: _mapped(folder / f"{name}.npy") for name in ["images", *about["labels"]]}
        if list(arrays["images"].shape) != about["shape"]:
            raise ValueError(f"images of shape {list(arrays['images'].shape)}, expected {about['shape']}")
        groups = {name: _group(folder / group_file(name), names) for name, names in about["groups"].items()}
        return arrays, groups, about["source"]
    except Exception as error:     # numpy reads a file's header as Python source: a damaged one raises anything
        raise UserError(f"{folder}: not a complete image set ({error})") from error


def _mapped(path):
    """A tensor on the file's pages.  Small files copy-on-write: torch wants a writable array, the file stays as it is.

    Pages that may be written to count as memory of the process from the start, written to or not: a file that is large
    beside the memory could not be opened at all.  So such a file is opened read-only.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.load(path, mmap_mode="c" if path.stat().st_size <= memory_limit() // 8 else "r"))


def _group(path, names):
    codes = np.load(path, mmap_mode="r")
    if codes.dtype != CODE or codes.ndim != 1 or codes.max(initial=0) >= max(1, len(names)):   # a million: a millisecond
        raise ValueError(f"{path.name}: {codes.dtype} {codes.shape}, expected {CODE} (N,) below {len(names)}")
    return Names(codes, names)


# ---- putting a finished set in its place ----
def check_place(folder):
    """UserError if something stands there that is no image set: it would be lost."""
    folder, here = Path(folder), Path.cwd()
    if Path(os.path.abspath(folder)) in (here, *here.parents):
        raise UserError(f"{folder}: could not be written: the folder that this runs in, or one above it; name a new one")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: could not be written: expected a folder or nothing there, found a file")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "set.json").is_file():
        raise UserError(f"{folder}: could not be written: a folder with other files stands there; name another place, "
                        "or an image set to replace")


def put_in_place(finished, folder):
    """Rename the folder `finished` to `folder`.  Killed at any time, the old set or the new one can be loaded."""
    check_place(folder)
    if folder.is_dir():
        shutil.rmtree(aside(folder), ignore_errors=True)
        os.replace(folder, aside(folder))                   # killed after this line: `read_arrays` takes the set aside
    try:
        os.replace(finished, folder)
    except OSError:
        if aside(folder).is_dir() and not folder.exists():
            os.replace(aside(folder), folder)
        raise
    shutil.rmtree(aside(folder), ignore_errors=True)


def aside(folder):
    """Where the old set is kept for the moment in which the new one takes its place."""
    return Path(folder).parent / f".{Path(folder).name}.old"
