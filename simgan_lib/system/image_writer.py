"""An image set larger than memory, written part by part, by a program that may be killed at any time."""

import json
import os
import struct
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .errors import UserError
from .files import locked, write_all, write_whole
from .image_files import CODE, check_place, group_file, put_in_place, write_about

HEADER = 128                      # bytes before the numbers of a .npy file, whatever their count


def npy_header(dtype, shape):
    """The first 128 bytes of a .npy file.  Their number does not depend on the shape, so they can be written again.

    >>> len(npy_header(np.dtype("u1"), (0, 1, 35, 55))) == len(npy_header(np.dtype("<f4"), (10**12, 3, 999, 999)))
    True
    """
    about = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": tuple(shape)}
    text = repr(about).encode().ljust(HEADER - 11) + b"\n"
    return np.lib.format.magic(1, 0) + struct.pack("<H", HEADER - 10) + text


class ImageSetWriter:
    """Appends image sets to one on disk, in constant memory.  Nothing can be loaded from there before `close`.

    folder: where the finished set will stand; until then the parts are in `.NAME.unfinished` beside it.
    key: JSON values, all that the images depend on.  If a writer with the same key was killed, this one goes on after
    its last `commit`: `note` holds the JSON values that were noted there, `len()` counts the images.  Else they are {}
    and 0, and `anew` says why, if there was such a writer.
    Raises UserError if the place cannot be written, is in use by another writer, or holds something else.

        with ImageSetWriter("out", {"size": [35, 55]}) as writer:
            for number, part in enumerate(parts[writer.note.get("parts", 0):]):
                writer.append(part)
                writer.commit({"parts": ...})
            writer.close("made of parts")
    """

    def __init__(self, folder, key):
        self.folder, self.key = Path(folder), key
        self.unfinished = self.folder.parent / f".{self.folder.name}.unfinished"
        self.anew, self.note, self.n, self.arrays, self.names, self.files = "", {}, 0, {}, {}, {}
        check_place(self.folder)
        with self._told():
            self.unfinished.mkdir(parents=True, exist_ok=True)
            self.lock = locked(self.unfinished / "lock")
            self._go_on_or_anew()

    def __len__(self):
        return self.n

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Leave the parts for another writer, if `close` has not put them in their place."""
        for file in self.files.values():
            file.close()
        self.files = {}
        self.lock.close()

    def append(self, images):
        """Add an ImageSet (on the CPU); one without images adds nothing.

        Raises UserError for another image size, other labels or groups than the first one's, or a full disk.
        """
        if not len(images):
            return
        arrays = {name: values.contiguous().numpy() for name, values in {"images": images.images, **images.labels}.items()}
        self._agree(arrays, images.groups)
        for name in images.groups:
            arrays[_of_group(name)] = self._codes(name, images.groups[name])
        with self._told():
            for name, values in arrays.items():
                write_all(self.files[name], memoryview(np.ascontiguousarray(values)).cast("B"))
        self.n += len(images)

    def commit(self, note):
        """From now on a kill loses nothing of what has been appended.  note: JSON values to find again."""
        with self._told():
            for file in self.files.values():
                os.fsync(file.fileno())
            arrays = {name: [np.lib.format.dtype_to_descr(dtype), shape] for name, (dtype, shape) in self.arrays.items()}
            groups = {name: list(codes) for name, codes in self.names.items()}
            journal = {"key": self.key, "n": self.n, "arrays": arrays, "groups": groups, "note": note}
            write_whole(self.unfinished / "journal.json", [json.dumps(journal).encode()])
        self.note = note

    def close(self, source, **more):
        """Put the set in its place.  source: its line.  more: JSON values, kept in `set.json`.  UserError if it is empty."""
        if not self.n:
            raise UserError(f"{self.folder}: not written: no image was found to put there")
        self.commit(self.note)
        groups = {name: list(codes) for name, codes in self.names.items()}
        labels = [name for name in self.arrays if name != "images" and not name.startswith("group_")]
        with self._told():
            for name, file in self.files.items():
                dtype, shape = self.arrays[name]
                file.seek(0)
                write_all(file, npy_header(dtype, (self.n, *shape)))
                os.fsync(file.fileno())
            write_about(self.unfinished, (self.n, *self.arrays["images"][1]), labels, groups, source, key=self.key, **more)
            self.__exit__()                                 # Windows renames no open files
            put_in_place(self.unfinished, self.folder)
            for name in ("journal.json", "lock"):           # needed until here: a kill before lost nothing
                (self.folder / name).unlink(missing_ok=True)

    def start_anew(self, why):
        """Forget the parts of a killed writer.  why: what `anew` says from then on."""
        for file in self.files.values():
            file.close()
        self.anew, self.note, self.n, self.arrays, self.names, self.files = why, {}, 0, {}, {}, {}
        with self._told():
            for path in self.unfinished.iterdir():
                if path.name != "lock":
                    path.unlink()

    @property
    def bytes(self):
        """How many bytes have been written."""
        return self.n * sum(dtype.itemsize * int(np.prod(shape)) for dtype, shape in self.arrays.values())

    # ---- what stands on the disk ----
    def _go_on_or_anew(self):
        try:
            journal = json.loads((self.unfinished / "journal.json").read_text())
            if journal["key"] != json.loads(json.dumps(self.key)):
                raise ValueError("other options or sources")
            self._reopen(journal)
        except FileNotFoundError as error:                  # no journal: nothing was committed
            self.start_anew("" if error.filename.endswith("journal.json") else "a file of it is missing")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self.start_anew(str(error))

    def _reopen(self, journal):
        """Open the files of a journal and cut off what came after it."""
        n, arrays = journal["n"], journal["arrays"]
        arrays = {name: (np.lib.format.descr_to_dtype(descr), tuple(shape)) for name, (descr, shape) in arrays.items()}
        for name, (dtype, shape) in arrays.items():
            self.files[name] = open(self.unfinished / f"{name}.npy", "r+b", buffering=0)
            length = HEADER + n * dtype.itemsize * int(np.prod(shape))
            if self.files[name].seek(0, os.SEEK_END) < length:
                raise ValueError(f"{name}.npy is shorter than its journal says")
            self.files[name].truncate(length)
            self.files[name].seek(length)
        names = {group: {name: code for code, name in enumerate(names)} for group, names in journal["groups"].items()}
        self.note, self.n, self.arrays, self.names = journal["note"], n, arrays, names

    def _agree(self, arrays, groups):
        """The first images fix dtype and shape of all; then the files are made."""
        found = {name: (values.dtype, values.shape[1:]) for name, values in arrays.items()}
        found.update({_of_group(name): (CODE, ()) for name in groups})
        if not self.arrays:
            self.arrays, self.names = found, {name: {} for name in groups}
            with self._told():
                for name, (dtype, _) in found.items():
                    self.files[name] = open(self.unfinished / f"{name}.npy", "w+b", buffering=0)
                    write_all(self.files[name], npy_header(dtype, (0,)))
        for name in sorted(self.arrays.keys() | found.keys()):
            if self.arrays.get(name) != found.get(name):
                raise UserError(f"{self.folder}: one image set holds images of one kind: found {name} "
                                f"{_kind(found.get(name))}, expected {_kind(self.arrays.get(name))} as in those before")

    def _codes(self, group, values):
        """N names  ->  their codes (N,), new names getting the next ones."""
        different, places = np.unique(np.asarray(values, dtype=str), return_inverse=True)
        known = self.names[group]
        codes = np.array([known.setdefault(name, len(known)) for name in different.tolist()], CODE)
        return codes[places.reshape(-1)]

    @contextmanager
    def _told(self):
        """A disk that is full, or a place that cannot be written, is the user's to put right."""
        try:
            yield
        except OSError as error:
            raise UserError(f"{self.folder}: could not be written ({error.strerror or error}); nothing is lost: put that "
                            "right and give the same command again") from error


def _of_group(name):
    return group_file(name).removesuffix(".npy")


def _kind(kind):
    return "absent" if kind is None else f"{kind[0]} {tuple(kind[1])}"
