"""Pickle files read without running what may be in them.

A pickle is a small program that may call any function of any module.  Here it can name numbers, texts, containers and
numpy arrays, and nothing else: what it asks for is looked up in a table, and the table leads to functions of this file.

A few bytes can also build a list of lists of lists that all share their parts: small in memory, endless to walk.  So
nothing here walks into what it is given, not even to hash it or to say what it is; who calls `load_pickle` should not, either.
"""

import io
import math
import pickle
import re
import struct
import sys
from pathlib import Path

import numpy as np

from ..system.errors import UserError
from .base import plain_file

FREE, RATIO = 1 << 26, 4          # bytes that a file's commands may copy: so many, and so many times its own
LONGEST = 16                      # of a tuple that is the key of a dictionary
PLAIN = re.compile(r"(b1|[iu][1248]|f[248]|c8|c16|[SU]\d{1,6}|\?)")     # no objects, no fields: nothing that points


def load_pickle(path, encoding="latin1", allowed=None):
    """What a pickle file holds: containers of numbers, texts and numpy arrays of plain numbers.

    encoding: of Python 2's texts, "latin1" or "bytes".  allowed: more names that the file may call, {(module, name):
    function}.  Each comes from somebody else: make sure that it does no harm, whatever it is called with.
    Keys of dictionaries and members of sets may be texts, bytes, numbers, None, and short tuples of these.
    Raises UserError if the file is missing or damaged, or asks for any other name; then nothing of that name has run.
    """
    try:
        return _Reader(plain_file(Path(path)).read_bytes(), {**TABLE, **(allowed or {})}, encoding).load()
    except OSError as error:
        raise UserError(f"{path}: could not be read ({error.strerror or error})") from error
    except _Refused as error:
        raise UserError(f"{path}: asks for {error}, which a file of numbers does not need; it was not run, and the file "
                        "is not to be trusted: fetch it again from its own page") from error
    except Exception as error:         # damaged bytes are commands too, and raise whatever they lead to
        said = " ".join(f"{type(error).__name__}: {error}"[:120].split())
        raise UserError(f"{path}: not a readable pickle, perhaps cut short ({said}); fetch it again") from error


class _Refused(Exception):
    """The name of a function that the file is not to have."""


class _Reader(pickle._Unpickler):      # the one in Python: the one in C takes gigabytes if a few bytes tell it to
    def __init__(self, content, table, encoding):
        super().__init__(io.BytesIO(content), encoding=encoding)
        self.table, self.left = table, FREE + RATIO * len(content)

    def find_class(self, module, name):
        found = self.table.get((module, name))
        if found is None:
            raise _Refused(f"{module}.{name}"[:120])
        return _Call(found, self.spend)

    def persistent_load(self, key):
        raise _Refused("an object from elsewhere")

    def spend(self, values):
        """Count what a command copies: one text in the file may be named by each of a million commands."""
        self.left -= sum(map(_size, values))
        if self.left < 0:
            raise ValueError(f"its commands copy more than {FREE} bytes and {RATIO} times its own")

    # the commands that hash what they are given, take room before there is content, or copy it
    def load_setitem(self):
        value, key = self.stack.pop(), self.stack.pop()
        _fill(self.stack[-1], [key, value])

    def load_setitems(self):
        items = self.pop_mark()
        _fill(self.stack[-1], items)

    def load_dict(self):
        items = self.pop_mark()
        self.append(_fill({}, items))

    def load_additems(self):
        items = self.pop_mark()
        if type(self.stack[-1]) is not set:
            raise ValueError("members of something that is no set")
        self.stack[-1].update(map(_key, items))

    def load_frozenset(self):
        items = self.pop_mark()
        self.append(frozenset(map(_key, items)))

    def load_bytearray8(self):
        n, = struct.unpack("<Q", self.read(8))
        content = self.read(min(n, sys.maxsize))
        if len(content) < n:
            raise EOFError(f"{len(content)} of {n} bytes")
        self.append(bytearray(content))

    def load_build(self):
        state = self.stack[-1]
        self.spend(state if isinstance(state, tuple) else (state,))
        super().load_build()

    dispatch = {**pickle._Unpickler.dispatch,
                pickle.SETITEM[0]: load_setitem, pickle.SETITEMS[0]: load_setitems, pickle.DICT[0]: load_dict,
                pickle.ADDITEMS[0]: load_additems, pickle.FROZENSET[0]: load_frozenset,
                pickle.BYTEARRAY8[0]: load_bytearray8, pickle.BUILD[0]: load_build}


def _size(value):
    if isinstance(value, np.ndarray):
        return value.nbytes
    return len(value) if isinstance(value, (str, bytes, bytearray, list, tuple, dict, set, frozenset)) else 0


def _key(value):
    """The value, if it is quick to hash: a tuple of tuples that are all the same takes for ever."""
    parts = value[:LONGEST + 1] if type(value) is tuple else (value,)
    if len(parts) > LONGEST or not all(isinstance(part, (str, bytes, int, float, type(None))) for part in parts):
        raise ValueError(f"a {type(value).__name__} as the key of a dictionary or the member of a set")
    return value


def _fill(target, items):
    if type(target) is not dict:
        raise ValueError("items of something that is no dictionary")
    for key, value in zip(items[::2], items[1::2], strict=True):
        target[_key(key)] = value
    return target


class _Call:
    """A function that a pickle can call and cannot change: setting attributes is one of its commands, too."""

    __slots__ = ("__call", "__spend")

    def __init__(self, function, spend):
        object.__setattr__(self, "_Call__call", function)
        object.__setattr__(self, "_Call__spend", spend)

    def __call__(self, *arguments):
        self.__spend(arguments)
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
            raise _Refused(f"an array of type {code[:40]!r}")
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
        shape, dtype, content = _shape(shape), _plain(dtype), _content(content)
        if len(content) != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"{len(content)} bytes for an array {shape} of {dtype}")
        super().__setstate__((1, shape, dtype, bool(fortran), content))


def _plain(dtype):
    if type(dtype) is not _Dtype:
        raise _Refused("an array without a type")
    return dtype.dtype


def _shape(shape):
    if type(shape) is not tuple or len(shape) > 32 or not all(type(n) is int and 0 <= n < 1 << 63 for n in shape):
        raise ValueError("the shape of an array is no tuple of whole numbers")
    return shape


def _content(content):
    return content.encode("latin1") if isinstance(content, str) else bytes(memoryview(content))


def _scalar(dtype, content):
    return np.frombuffer(_content(content), _plain(dtype))[0]


def _from_buffer(content, dtype, shape, order, *_):
    shape = _shape(shape if isinstance(shape, tuple) else (shape,))
    values = np.frombuffer(_content(content), _plain(dtype)).reshape(shape, order="F" if order == "F" else "C")
    return values.astype(values.dtype.newbyteorder("="), order="K")       # the machine's byte order, as other arrays get


def _encoded(text, encoding):
    """How Python 3 writes bytes for Python 2."""
    if encoding not in ("latin1", "latin-1"):
        raise _Refused("another codec than latin1")
    return text.encode("latin1")


def _copied(kind):
    """bytes or bytearray of content that is there; of a number they would be as long as it says."""
    return lambda content=b"", *_: kind(_content(content))


def _members(kind):
    return lambda members=(): kind(map(_key, members))


def _pairs(pairs=()):
    return {_key(key): value for key, value in (pairs.items() if isinstance(pairs, dict) else pairs)}


def _array(*_):
    return _Array(0, np.uint8)


_NUMPY = {"_reconstruct": _array, "scalar": _scalar, "_frombuffer": _from_buffer}
_KINDS = {"set": _members(set), "frozenset": _members(frozenset), "list": list, "dict": _pairs, "complex": complex,
          "bytes": _copied(bytes), "bytearray": _copied(bytearray)}
TABLE = {
    **{(f"numpy.{core}.{part}", name): call for core in ("core", "_core") for part in ("multiarray", "numeric")
       for name, call in _NUMPY.items()},
    ("numpy", "ndarray"): _array, ("numpy", "dtype"): _Dtype, ("_codecs", "encode"): _encoded,
    **{(module, name): call for module in ("builtins", "__builtin__") for name, call in _KINDS.items()},
}
