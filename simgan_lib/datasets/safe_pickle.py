"""Pickle files read without running what may be in them.

A pickle is a small program that may call any function of any module.  Here it can name numbers, texts, containers and
numpy arrays, and nothing else: what it asks for is looked up in a table, and the table leads to functions of this file.
"""

import io
import math
import pickle
import re
from pathlib import Path

import numpy as np

from ..errors import UserError

PLAIN = re.compile(r"(b1|[iu][1248]|f[248]|c8|c16|[SU]\d{1,6}|\?)")     # no objects, no fields: nothing that points


def load_pickle(path, encoding="latin1", allowed=None):
    """What a pickle file holds: containers of numbers, texts and numpy arrays of plain numbers.

    encoding: of Python 2's texts, "latin1" or "bytes".  allowed: more names that the file may call, {(module, name):
    function}.  Each comes from somebody else: make sure that it does no harm, whatever it is called with.
    Raises UserError if the file is missing or damaged, or asks for any other name; then nothing of that name has run.
    """
    try:
        reader = _Reader(io.BytesIO(Path(path).read_bytes()), {**TABLE, **(allowed or {})}, encoding)
        return reader.load()
    except OSError as error:
        raise UserError(f"{path}: could not be read ({error.strerror or error})") from error
    except _Refused as error:
        raise UserError(f"{path}: asks for {error}, which a file of numbers does not need; it was not run, and the file "
                        "is not to be trusted: fetch it again from its own page") from error
    except Exception as error:         # damaged bytes are commands too, and raise whatever they lead to
        raise UserError(f"{path}: not a readable pickle, perhaps cut short ({type(error).__name__}: {error}); "
                        "fetch it again") from error


class _Refused(Exception):
    """The name of a function that the file is not to have."""


class _Reader(pickle._Unpickler):      # the one in Python: the one in C takes gigabytes if a few bytes tell it to
    def __init__(self, file, table, encoding):
        super().__init__(file, encoding=encoding)
        self.table = table

    def find_class(self, module, name):
        found = self.table.get((module, name))
        if found is None:
            raise _Refused(f"{module}.{name}")
        return found

    def persistent_load(self, key):
        raise _Refused(f"the object {key!r} from elsewhere")


class _Call:
    """A function that a pickle can call and cannot change: setting attributes is one of its commands, too."""

    __slots__ = ("__call",)

    def __init__(self, function):
        object.__setattr__(self, "_Call__call", function)

    def __call__(self, *arguments):
        return self.__call(*arguments)

    def __setattr__(self, name, value):
        raise _Refused("a change of the reader")

    def __setstate__(self, state):
        raise _Refused("a change of the reader")


class _Dtype:
    """A type of plain numbers.  numpy's own would take fields and objects from the file, down to raw pointers."""

    __slots__ = ("dtype",)

    def __init__(self, code, *_):
        code = code.decode("latin1") if isinstance(code, bytes) else code
        if not PLAIN.fullmatch(code):
            raise _Refused(f"an array of type {code!r}")
        self.dtype = np.dtype(code)

    def __setstate__(self, state):
        order, described = state[1], state[2:5]
        if any(part is not None for part in described):
            raise _Refused("an array with fields")
        self.dtype = self.dtype.newbyteorder(order.decode("latin1") if isinstance(order, bytes) else order)


class _Array(np.ndarray):
    """An array that checks what fills it."""

    def __setstate__(self, state):
        shape, dtype, fortran, content = state[-4:]         # before them, there may be a version
        dtype, content = _plain(dtype), _content(content)
        if len(content) != math.prod(shape) * dtype.itemsize or any(n < 0 for n in shape):
            raise ValueError(f"{len(content)} bytes for an array {shape} of {dtype}")
        super().__setstate__((1, shape, dtype, bool(fortran), content))


def _plain(dtype):
    if type(dtype) is not _Dtype:
        raise _Refused("an array without a type")
    return dtype.dtype


def _content(content):
    return content.encode("latin1") if isinstance(content, str) else bytes(memoryview(content))


def _scalar(dtype, content):
    return np.frombuffer(_content(content), _plain(dtype))[0]


def _from_buffer(content, dtype, shape, order, *_):
    shape = shape if isinstance(shape, tuple) else (shape,)
    values = np.frombuffer(_content(content), _plain(dtype)).reshape(shape, order="F" if order == "F" else "C")
    return values.astype(values.dtype.newbyteorder("="), order="K")       # the machine's byte order, as other arrays get


def _encoded(text, encoding):
    """How Python 3 writes bytes for Python 2."""
    if encoding not in ("latin1", "latin-1"):
        raise _Refused(f"the codec {encoding!r}")
    return text.encode("latin1")


def _copied(kind):
    """bytes or bytearray of content that is there; of a number they would be as long as it says."""
    return _Call(lambda content=b"", *_: kind(_content(content)))


_ARRAY = _Call(lambda *_: _Array(0, np.uint8))
_NUMPY = {"_reconstruct": _ARRAY, "scalar": _Call(_scalar), "_frombuffer": _Call(_from_buffer)}
TABLE = {
    **{(f"numpy.{core}.{part}", name): call for core in ("core", "_core") for part in ("multiarray", "numeric")
       for name, call in _NUMPY.items()},
    ("numpy", "ndarray"): _ARRAY, ("numpy", "dtype"): _Call(_Dtype), ("_codecs", "encode"): _Call(_encoded),
    **{(module, kind.__name__): kind for module in ("builtins", "__builtin__") for kind in (set, frozenset, list, dict, complex)},
    **{(module, kind.__name__): _copied(kind) for module in ("builtins", "__builtin__") for kind in (bytes, bytearray)},
}
