"""Values across a pipe: a frame is JSON, and the raw numbers that it points at.  Nothing is ever unpickled.

frame = length of the JSON (4 bytes, big end first), JSON {"tree", "sizes"}, then blobs of these sizes.
In a tree, JSON's own values stand for themselves; everything else is an object with one key, which says what it is.
What has no such form (`refer` and `resolve` of the caller) travels as a name.
"""

import json
import os
import re
import struct
from fractions import Fraction

import numpy as np
import torch

LARGEST_TREE, LARGEST_BLOBS, DEEPEST = 8 << 20, 256 << 20, 50      # bytes, bytes, levels
CONSTANTS = {"Ellipsis": ..., "NotImplemented": NotImplemented}
TORCH = {name: getattr(torch, name) for name in (
    "float64", "float32", "float16", "bfloat16", "complex64", "complex128", "int64", "int32", "int16", "int8", "uint8", "bool")}
NUMPY = re.compile(r"[<|][fiubc]\d{1,2}")


class WireError(Exception):
    """What came over the pipe is no message."""


class Lost(BaseException):
    """The other process has gone.  No Exception: nothing on the way up may take it for a student's error."""


def write_frame(fd, tree, blobs):
    """Raises WireError if the frame is too large, Lost if nobody reads any more."""
    text = json.dumps({"tree": tree, "sizes": [len(blob) for blob in blobs]}).encode()
    if len(text) > LARGEST_TREE or sum(map(len, blobs)) > LARGEST_BLOBS:
        raise WireError(f"a value of {(len(text) + sum(map(len, blobs))) >> 20} MB is too large to be handed over")
    frame = memoryview(b"".join([struct.pack(">I", len(text)), text, *blobs]))
    try:
        while frame:
            frame = frame[os.write(fd, frame):]
    except OSError as error:
        raise Lost from error


def read_frame(fd):
    """Returns (tree, blobs).  Raises WireError for what is no frame, Lost at the end of the stream."""
    length, = struct.unpack(">I", _read(fd, 4))
    if length > LARGEST_TREE:
        raise WireError("a message is too long")
    try:
        frame = json.loads(_read(fd, length))
        tree, sizes = frame["tree"], frame["sizes"]
        if not all(type(size) is int and size >= 0 for size in sizes) or sum(sizes) > LARGEST_BLOBS:
            raise WireError("a message is too long")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise WireError("a message is no JSON of ours") from error
    return tree, [_read(fd, size) for size in sizes]


def _read(fd, size):
    parts = []
    while size:
        part = os.read(fd, min(size, 1 << 20))
        if not part:
            raise Lost
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def encode(value, blobs, refer):
    """The tree of a value; numbers of arrays are appended to `blobs`."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, dict):
        return {"dict": [[encode(key, blobs, refer), encode(item, blobs, refer)] for key, item in dict.items(value)]}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = [encode(item, blobs, refer) for item in value]
        return items if isinstance(value, list) else {"tuple" if isinstance(value, tuple) else "set": items}
    if isinstance(value, Fraction):
        return {"fraction": [int(value.numerator), int(value.denominator)]}
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if isinstance(value, np.generic) and value.dtype.kind in "fiubc":
        return {"scalar": numbers(value, blobs)}
    for name, constant in CONSTANTS.items():
        if value is constant:
            return {"constant": name}
    return refer(value, blobs)


def decode(tree, blobs, resolve, depth=0):
    """The value of a tree.  Raises WireError for what no encoder of ours writes."""
    if depth > DEEPEST:
        raise WireError("a value is nested too deeply")
    if not isinstance(tree, (list, dict)):
        return tree
    inside = [decode(item, blobs, resolve, depth + 1) for item in tree] if isinstance(tree, list) else None
    if inside is not None:
        return inside
    try:
        (kind, body), *more = tree.items()
        if more or kind not in DECODERS:
            return resolve(tree, blobs)
        return DECODERS[kind](body, lambda item: decode(item, blobs, resolve, depth + 1), blobs)
    except (ValueError, TypeError, KeyError, IndexError, ZeroDivisionError, OverflowError) as error:
        raise WireError(f"a value cannot be read ({error})") from error


DECODERS = {
    "dict": lambda body, inner, blobs: {inner(key): inner(item) for key, item in body},
    "tuple": lambda body, inner, blobs: tuple(map(inner, body)),
    "set": lambda body, inner, blobs: set(map(inner, body)),
    "fraction": lambda body, inner, blobs: Fraction(*body),
    "dtype": lambda body, inner, blobs: TORCH[body],
    "scalar": lambda body, inner, blobs: from_numbers(body, blobs)[()],
    "constant": lambda body, inner, blobs: CONSTANTS[body],
}


def numbers(value, blobs):
    """[library, type, shape, place among the blobs] of a tensor or an array."""
    if isinstance(value, torch.Tensor):
        kept = pure(value)
        kind, shape = ["torch", str(kept.dtype).removeprefix("torch.")], list(kept.shape)
        blob = raw(kept).tobytes() if kept.numel() else b""
    else:
        kept = np.asarray(value)
        kept = kept.astype(kept.dtype.newbyteorder("<"))
        kind, shape, blob = ["numpy", kept.dtype.str], list(kept.shape), kept.tobytes()
    blobs.append(blob)
    return [*kind, shape, len(blobs) - 1]


def from_numbers(body, blobs):
    """The tensor or the array.  Raises ValueError or KeyError if type, shape and bytes do not fit together."""
    library, kind, shape, place = body
    blob = bytearray(blobs[place])
    if library == "torch":
        flat = torch.frombuffer(blob, dtype=TORCH[kind]) if blob else torch.empty(0, dtype=TORCH[kind])
    elif NUMPY.fullmatch(kind):
        flat = np.frombuffer(blob, dtype=kind)
    else:
        raise ValueError(f"no type of numbers: {kind}")
    if not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("no shape")
    try:
        return flat.reshape(shape)
    except RuntimeError as error:
        raise ValueError("the shape does not fit") from error


def raw(tensor):
    """The bytes of a pure tensor, as an array that shares them."""
    return tensor.reshape(-1).view(torch.uint8).numpy() if tensor.numel() else np.empty(0, np.uint8)


def pure(tensor):
    """The same numbers as a dense CPU tensor of torch's own class, without a graph: a subclass may answer as it likes."""
    if type(tensor) is torch.Tensor and tensor.layout == torch.strided and tensor.is_cpu and tensor.is_contiguous() \
            and not tensor.is_conj() and not tensor.is_neg():
        return tensor.detach()
    with torch._C.DisableTorchFunctionSubclass(), torch.no_grad():
        plain = torch.Tensor.as_subclass(torch.Tensor.detach(tensor), torch.Tensor)
        plain = plain.to_dense() if plain.layout != torch.strided else plain
        return plain.cpu().resolve_conj().resolve_neg().contiguous()
