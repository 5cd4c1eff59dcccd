"""MATLAB 5 files read within bounds: what they may inflate to, and what they may claim, is checked before scipy reads them.

A file is a header of 128 bytes and elements of (type, bytes, content); an element is a variable, or one that zlib packed.
A variable says its class and its dimensions.  A few bytes can inflate to gigabytes, dimensions that nothing fills make
scipy take room for all they claim, and a type that there is not makes it read memory that is not its own: none is believed.
"""

import io
import math
import struct
import zlib
from pathlib import Path

import scipy.io

from ..system.errors import UserError
from ..system.files import plain_file, reading

SMALL, RATIO = 1 << 26, 20        # bytes that any file may inflate to, and how many times its own; crops and joints: below 10
CELLS = 1 << 20                   # values within cells and structs, over the whole file
DEPTH, DIMENSIONS = 8, 32         # of structs within structs; of an array
HEADER, PIECE = 128, 1 << 16
MATRIX, COMPRESSED = 14, 15       # types of elements
INT8, INT32, UINT32 = 1, 5, 6     # types of their parts
BYTES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}       # of one number, by its type
TEXTS = (1, 2, 4, 16, 17, 18)
CELL, STRUCT, CHAR, NUMBERS = 1, 2, 4, range(6, 16)          # classes of variables
COMPLEX = 0x800                   # a flag beside the class


def load_matlab(path, names, **options):
    """{name: value} of the variables of these names, as scipy.io.loadmat gives them.  options: for loadmat.

    All of the file is checked, so that a cut is found wherever it is.  Raises UserError if the file is missing or damaged,
    of MATLAB 7.3, inflates to more than 64 MiB and 20 times its size, or has variables that claim more than they hold.
    """
    with reading(path, "MATLAB 5 file"):
        return scipy.io.loadmat(_plain(path, names), variable_names=names, **options)


def _plain(path, names):
    """The file as a stream, without compression, and without the variables that are not asked for."""
    content = Path(plain_file(path)).read_bytes()
    if b"\x89HDF\r\n" in (content[:6], content[512:518]):
        raise UserError(f"{path}: is a file of MATLAB 7.3 (HDF5), expected MATLAB 5; in MATLAB, load it and save it with -v7")
    order = {b"IM": "<", b"MI": ">"}.get(content[HEADER - 2:HEADER])
    if order is None:
        raise ValueError("no header of MATLAB 5")
    plain, view, at = io.BytesIO(), memoryview(content), HEADER
    plain.write(view[:HEADER])
    left = max(SMALL, RATIO * len(content))
    while at < len(content):
        kind, size = struct.unpack_from(order + "II", content, at)
        start, begin, at = at, plain.tell(), at + 8 + size
        if at > len(content) or kind not in (MATRIX, COMPRESSED):
            raise ValueError(f"an element of type {kind} and {size} bytes")
        for piece in _inflated(view[start + 8:at]) if kind == COMPRESSED else [view[start:at]]:
            left -= len(piece)
            if left < 0:
                raise UserError(f"{path}: inflates to more than {SMALL} bytes and {RATIO} times its own; it was not read, and "
                                "the file is not to be trusted: fetch it again from its own page")
            plain.write(piece)
        if _Variable(plain.getbuffer()[begin:], order).name not in names:
            plain.seek(begin)
            plain.truncate()
    plain.seek(0)
    return plain


def _inflated(packed):
    """Pieces of at most PIECE bytes."""
    unpack, rest, at = zlib.decompressobj(), b"", 0
    while not unpack.eof:
        if not rest:
            rest, at = packed[at:at + PIECE], at + PIECE
        piece = unpack.decompress(rest, PIECE)
        rest = unpack.unconsumed_tail
        if not (piece or rest or unpack.eof) and at >= len(packed):
            raise EOFError("compressed content is cut short")
        yield piece


class _Variable:
    """Walks through one variable: every value that it claims must be there, in the parts and the types that scipy expects."""

    def __init__(self, content, order):
        self.content, self.order, self.cells, self._unpack = content, order, 0, struct.Struct(order + "II").unpack_from
        kind, size = self._unpack(content, 0)
        if kind != MATRIX or size != len(content) - 8:
            raise ValueError(f"a variable of type {kind} and {size} bytes, of which {len(content) - 8} are there")
        self.name = bytes(self._matrix(0, 0)).decode("latin1")

    def _part(self, at, types):
        """(type, start, bytes, where the next one is); up to four bytes may stand within the tag."""
        kind, size = self._unpack(self.content, at)
        kind, start, size, after = ((kind & 0xFFFF, at + 4, kind >> 16, at + 8) if kind >> 16 else
                                    (kind, at + 8, size, at + 8 + (size + 7 & ~7)))
        if kind not in types or start + size > len(self.content):
            raise ValueError(f"a part of type {kind} and {size} bytes")
        return kind, start, size, after

    def _matrix(self, at, depth):
        """The name of the variable that begins here."""
        kind, size = self._unpack(self.content, at)
        if kind != MATRIX or depth > DEPTH:
            raise ValueError(f"a value of type {kind}, {depth} deep")
        if not size:
            return b""
        _, flags, _, at = self._part(at + 8, (UINT32,))
        _, start, size, at = self._part(at, (INT32,))
        self._check(size, size in range(8, 4 * DIMENSIONS + 1, 4), "bytes of dimensions")
        count = math.prod(struct.unpack_from(f"{self.order}{size // 4}I", self.content, start))
        _, start, size, at = self._part(at, (INT8,))
        name, flags = self.content[start:start + size], self._unpack(self.content, flags)[0]
        group = flags & 0xFF
        if group in (CELL, STRUCT):
            self._values(at, count, group, depth)
        elif group == CHAR:
            self._check(count, count <= self._part(at, TEXTS)[2], "letters")
        else:
            self._check(group, group in NUMBERS, "as a class")
            for _ in range(2 if flags & COMPLEX else 1):
                kind, _, size, at = self._part(at, BYTES)
                self._check(count, count * BYTES[kind] == size, "numbers")
        return name

    @staticmethod
    def _check(found, right, what):
        if not right:
            raise ValueError(f"{found} {what}, which cannot be")

    def _values(self, at, count, group, depth):
        if group == STRUCT:
            _, start, _, at = self._part(at, (INT32,))
            longest = struct.unpack_from(self.order + "i", self.content, start)[0]
            self._check(longest, longest > 0, "letters a name")
            _, _, size, at = self._part(at, (INT8,))
            count *= size // longest
        self.cells += count
        self._check(self.cells, self.cells <= CELLS, "values in cells")
        for _ in range(count):
            self._matrix(at, depth + 1)
            at += 8 + self._unpack(self.content, at)[1]
