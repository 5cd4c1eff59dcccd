"""An image set on disk: a folder of .npy files and `set.json`, to be seen whole or not at all.

`images.npy`, one .npy for each label, `group_NAME.npy` with an integer code for each image, and in `set.json` what the
codes stand for.  So a million images are opened without being read, and a group of a million names costs megabytes.

In this module a part of a set is a pair (arrays, groups): {"images": uint8 (N, C, H, W), label: (N, ...)} as numpy arrays
and {name: N strings}.  A set is written part by part, so it may be larger than the memory.
"""

import io
import json
import os
import shutil
import warnings
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import torch

from .device import memory_limit
from .errors import UserError
from .files import in_bytes, plain_file, plain_name, write_whole
from .places import checked, claimed, target, writing

FORMAT = "simgan-imageset-2"
CODE = np.dtype("<u4")            # unsigned: a damaged code cannot count from the end
NUMBERS = "u1 i1 i2 i4 i8 f2 f4 f8 b1".split()               # of labels
LARGEST = 1 << 26                 # bytes of a set.json, where a million names take 20 MB; of a group's names, in a small set
OURS = (".json", ".npy", ".npz", ".unfinished", ".lock")     # endings of what stands beside a set while it is written
UNCHANGED = "what stood there is unchanged: put that right and give the same command again"


# ---- reading ----
def read(folder):
    """({"images": tensor, label: tensor}, {group: array (N,) of strings}, source) of a set.

    The tensors are memory-mapped: nothing of them is read yet, and nothing that is written into them reaches the files.
    Tensors of more than an eighth of the memory are read-only, which torch cannot know: writing into one ends the
    process; `clone()` its part first.
    Raises UserError if the folder is missing, incomplete or damaged.
    """
    folder = Path(folder)
    if not folder.exists() and _aside(folder).is_dir():
        folder = _aside(folder)                             # its writer was killed between its two renames
    try:
        about = read_about(folder)
        arrays = {name: _mapped(folder / f"{name}.npy") for name in ["images", *about["labels"]]}
        found = list(arrays["images"].shape)
        if found != about["shape"] or not all(found[1:]):
            raise ValueError(f"images of shape {found}, expected {about['shape']}, and a pixel or more")
        most = max(LARGEST, arrays["images"].nbytes)
        groups = {name: _group(folder / f"{_group_file(name)}.npy", names, most) for name, names in about["groups"].items()}
        return arrays, groups, about["source"]
    except Exception as error:     # numpy reads a file's header as Python source: a damaged one raises anything
        raise UserError(f"{folder}: not a complete image set ({error})") from error


def read_about(folder):
    """What the `set.json` of a set says, a dictionary.  Raises ValueError or OSError if it is none of ours."""
    path = plain_file(Path(folder) / "set.json")
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path.name}: {in_bytes(path.stat().st_size)}, expected at most {in_bytes(LARGEST)}")
    about = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        found = about.get("format") if isinstance(about, dict) else about
        raise ValueError(f"format {str(found)[:60]!r}, expected {FORMAT!r}: write it anew")
    for name, kind in {"source": str, "shape": list, "labels": list, "groups": dict}.items():
        if not isinstance(about.get(name), kind):
            raise ValueError(f"set.json: {name}: expected a {kind.__name__}, found {str(about.get(name))[:60]!r}")
    check_names(about["labels"], about["groups"])
    return about


def check_names(labels, groups):
    """Raises ValueError if a label or a group is not called as a file can be, or two would have the same file."""
    for name in (*labels, *groups):
        plain_name(name)
    files = ["images", *labels, *map(_group_file, groups)]
    twice = [name for name, n in Counter(name.lower() for name in files).items() if n > 1]   # on some disks Day is day
    if twice:
        raise ValueError(f"{twice[0]!r} occurs twice among its labels and groups")


def _array(path, dtypes, how):
    """The array of a file, mapped; its bytes are all that the file has."""
    values = np.load(plain_file(path), mmap_mode=how)
    if not isinstance(values, np.memmap) or values.dtype not in dtypes or not values.ndim:
        found = f"{values.dtype} {values.shape}" if isinstance(values, np.ndarray) else "an archive"
        raise ValueError(f"{path.name}: {found}, expected one entry an image, of {' or '.join(map(str, dtypes))}")
    if values.offset + values.nbytes != path.stat().st_size:
        raise ValueError(f"{path.name}: {path.stat().st_size} bytes, expected {values.offset + values.nbytes}")
    return values


def _mapped(path):
    """A tensor on the file's pages.  Small files copy-on-write: torch wants a writable array, the file stays as it is.

    Pages that may be written to count as memory of the process from the start, written to or not: a file that is large
    beside the memory could not be opened at all.  So such a file is opened read-only.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(_array(path, NUMBERS, "c" if path.stat().st_size <= memory_limit() // 8 else "r"))


def _group(path, names, most):
    """The names of the images.  most: bytes of memory that they may take: each takes as many as the longest."""
    if not isinstance(names, list) or not all(isinstance(name, str) and name[-1:] != "\0" for name in names):
        raise ValueError(f"{path.name}: expected a list of names in set.json, found {str(names)[:60]!r}")
    codes = _array(path, [CODE], "r")
    different = len(set(names)) == len(names) <= len(codes)
    if codes.ndim != 1 or not different or codes.max(initial=0) >= max(len(names), not len(codes)):
        raise ValueError(f"{path.name}: codes {codes.shape}, expected (N,) below {len(names)}, each of another name and used")
    needed = 4 * len(codes) * max(map(len, names), default=0)
    if needed > most:
        raise ValueError(f"{path.name}: its names would take {in_bytes(needed)} of memory, expected at most {in_bytes(most)}")
    return np.array(names, dtype=str)[codes]


def _group_file(name):
    return f"group_{name}"


# ---- writing ----
def save(folder, parts, source, writer=None):
    """Write the parts, taken one at a time, as the image set `folder`  ->  the number of its images.

    writer: the command that writes; None: whoever saves a set from Python, and may replace any.
    Killed at any time, what stood there before or the new set can be loaded.  Nothing of an earlier call is used.
    Raises UserError if it cannot be written, another process writes there, something else than an image set (of this writer)
    stands there, there are no parts, or one is of another kind than the first.
    """
    with work_place(folder, writer) as place:
        return put_together(place, folder, parts, source, writer=writer)


@contextmanager
def work_place(folder, writer=None):
    """The folder `.NAME.unfinished` beside the set that is to stand at `folder`, for this process alone.

    It goes when the work is done.  After an error, finished pieces (see `save_piece`) stay there for the next call.
    Raises UserError if another process works there, or something else than an image set (of this writer) stands at `folder`.
    """
    check_place(folder, writer)
    with claimed(folder, folder=True):
        place, done = left_over(folder), False
        with writing(folder, UNCHANGED):
            place.mkdir(exist_ok=True)
            shutil.rmtree(place / "set", ignore_errors=True)    # what a killed process left
        try:
            yield place
            done = True
        finally:
            shutil.rmtree(place / "set", ignore_errors=True)
            if done or not any(place.glob("*.npz")):
                shutil.rmtree(place, ignore_errors=True)


def left_over(folder):
    """Where the pieces of a set stand until it is finished."""
    return _beside(folder, "unfinished")


def put_together(place, folder, parts, source, **more):
    """Join the parts within `place`, the work place of `folder`, and put the set at `folder`  ->  the number of its images.

    source: its line.  more: JSON values that `set.json` keeps.  Raises what `save` raises.
    """
    with writing(folder, UNCHANGED):
        (place / "set").mkdir()
    joined = _Joined(place / "set", folder)
    try:
        for arrays, groups in parts:
            joined.append(arrays, groups)
        joined.finish(source, more)
    finally:
        joined.close()
    with writing(folder, UNCHANGED):
        put_in_place(place / "set", folder)
    return joined.n


class _Joined:
    """The files of a set that grows by parts.  The count stands in each header, which is written again at the end."""

    def __init__(self, place, folder):
        self.place, self.folder = place, folder
        self.n, self.files, self.kinds, self.codes = 0, {}, {}, {}

    def append(self, arrays, groups):
        """Raises UserError for another image size, other labels or groups than the first part's, or a full disk."""
        try:
            check_names(set(arrays) - {"images"}, groups)
        except ValueError as error:
            raise UserError(f"{self.folder}: could not be written: {error}") from error
        columns = {**arrays, **{_group_file(name): self._coded(name, values) for name, values in groups.items()}}
        kinds = {name: (values.dtype, values.shape[1:]) for name, values in columns.items()}
        if not self.files:
            self.kinds, self.labels = kinds, sorted(set(arrays) - {"images"})
        for name in sorted(kinds.keys() | self.kinds.keys()):
            if kinds.get(name) != self.kinds.get(name):
                raise UserError(f"{self.folder}: one image set holds images of one kind: found {name} "
                                f"{_kind(kinds.get(name))}, expected {_kind(self.kinds.get(name))} as in those before")
        with writing(self.folder, UNCHANGED):
            for name, values in columns.items():
                if name not in self.files:
                    self.files[name] = open(self.place / f"{name}.npy", "wb")
                    self._write_header(name)
                self.files[name].write(np.ascontiguousarray(values).data)
        self.n += len(arrays["images"])

    def _write_header(self, name):
        """numpy leaves room for the count to grow: the header's length does not depend on it."""
        dtype, shape = self.kinds[name]
        about = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (self.n, *shape)}
        np.lib.format.write_array_header_1_0(self.files[name], about)

    def _coded(self, group, values):
        """N names  ->  their codes (N,), new names getting the next ones."""
        different, places = np.unique(np.asarray(values, dtype=str), return_inverse=True)
        known = self.codes.setdefault(group, {})
        return np.array([known.setdefault(name, len(known)) for name in different.tolist()], CODE)[places.reshape(-1)]

    def finish(self, source, more):
        """Write the headers, and `set.json`, the last file of a set.  UserError if there was no part."""
        if not self.files:
            raise UserError(f"{self.folder}: not written: no image was found to put there")
        about = {"format": FORMAT, "source": source, "shape": [self.n, *self.kinds["images"][1]], "labels": self.labels,
                 "groups": {name: list(codes) for name, codes in self.codes.items()}, **more}
        with writing(self.folder, UNCHANGED):
            for name, file in self.files.items():
                file.seek(0)
                self._write_header(name)
            self.files["set.json"] = open(self.place / "set.json", "wb")
            self.files["set.json"].write(json.dumps(about).encode())
            for file in self.files.values():
                file.flush()
                os.fsync(file.fileno())

    def close(self):
        for file in self.files.values():
            with suppress(OSError):                         # of a full disk, which has been told
                file.close()


def _kind(kind):
    return "absent" if kind is None else f"{kind[0]} {tuple(kind[1])}"


# ---- pieces: parts that are finished, of a set that is not ----
def save_piece(path, arrays, groups, note):
    """One part as the file `path` (.npz), whole or not there.  note: JSON values, read again by `read_notes`.

    After a power cut a piece may be damaged.  Reading tells, and it is made again: to wait for the disk would cost more.
    """
    content = io.BytesIO()
    np.savez(content, note=json.dumps(note), **{f"array/{name}": values for name, values in arrays.items()},
             **{f"group/{name}": np.asarray(values, dtype=str) for name, values in groups.items()})
    write_whole(path, [content.getbuffer()], durable=False)


def read_notes(paths):
    """The notes of the pieces, without their images.  Raises as `read_piece`, but only when all of them were looked at."""
    notes, damage = [], None
    for path in paths:
        try:
            with _piece(path) as columns:
                notes.append(json.loads(columns["note"].item()))
        except UserError as error:
            damage = error
    if damage:
        raise damage
    return notes


def read_piece(path):
    """(arrays, groups) of a piece.  If it is damaged, deletes it and raises UserError."""
    with _piece(path) as columns:
        return tuple({name.partition("/")[2]: columns[name] for name in columns if name.startswith(kind)}
                     for kind in ("array/", "group/"))


@contextmanager
def _piece(path):
    try:
        with np.load(path) as columns:
            yield columns
    except Exception as error:     # as for `read`; each column has a checksum of its own
        Path(path).unlink(missing_ok=True)
        raise UserError(f"{path}: a damaged piece ({error}), now deleted; give the same command again") from error


# ---- putting a finished set in its place ----
def check_place(folder, writer=None):
    """UserError if no set can be written there, or if something stands there that would be lost.

    That is all but an image set; and for a command, `writer`, a set that another wrote: its own are replaced, and no other.
    """
    found, here = target(folder, folder=True), Path.cwd()
    if found in (here, *here.parents):
        raise UserError(f"{folder}: could not be written: the folder that this runs in, or one above it; name a new one")
    inside = sorted(path.name for path in checked(folder, folder=True).glob("*"))
    others = [name for name in inside if "set.json" not in inside or name != "set.json" and not name.endswith(".npy")]
    if others:
        raise UserError(f"{folder}: could not be written: a folder with other files stands there, such as {others[0]}; name "
                        "another place, or an image set to replace")
    for place in filter(Path.is_dir, (_aside(folder), left_over(folder))):
        if strange := [path.name for path in place.iterdir() if path.suffix not in OURS and path.name not in ("set", "lock")]:
            raise UserError(f"{folder}: could not be written: {place} is needed for it, and holds {strange[0]}; move that away")
    standing = found if found.is_dir() else _aside(folder)
    if writer and (standing / "set.json").exists() and (other := _writer(standing)) != writer:
        raise UserError(f"{folder}: could not be written: an image set of {other} stands there, and {writer} replaces its own "
                        "alone; delete it, or name another place")
    if found.is_mount():
        raise UserError(f"{folder}: could not be written: a disk of its own, which cannot be replaced; name a folder in it")


def _writer(folder):
    try:
        return str(read_about(folder).get("writer") or "another program")
    except (OSError, ValueError, RecursionError):
        return "another program, or a damaged one,"


def put_in_place(finished, folder):
    """Rename the folder `finished` to `folder`.  Killed at any time, the old set or the new one can be loaded."""
    check_place(folder)
    folder, aside = target(folder, folder=True), _aside(folder)
    if folder.is_dir():
        shutil.rmtree(aside, ignore_errors=True)
        os.replace(folder, aside)                           # killed after this line: `read` takes the set aside
    try:
        os.replace(finished, folder)
    except OSError:
        if aside.is_dir() and not folder.exists():
            os.replace(aside, folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _aside(folder):
    """Where the old set is kept for the moment in which the new one takes its place."""
    return _beside(folder, "old")


def _beside(folder, name):
    folder = Path(os.path.realpath(folder))
    return folder.with_name(f".{folder.name}.{name}")
