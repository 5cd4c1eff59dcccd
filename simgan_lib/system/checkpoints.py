"""Checkpoints: one file, written whole or not at all, checked when read.  No code in it is ever run.

Two kinds:
- a network that is handed on (`save_module`): a safetensors file with JSON in its header that says what it is;
- the state of a run (`save_state`), which only the run itself reads: what `torch.save` writes, behind a digest.
`torch.load` reads a state with `weights_only`, which builds tensors and plain values and calls nothing else.  Three
promises, each held by a test:
- a run killed while it writes, or a full disk, leaves the previous checkpoint as it was;
- a file that was cut short or changed by one bit is refused by name, not loaded;
- what is read is what was written, bit for bit.  A state keeps floats, tuples, dtypes and memory layout too.
"""

import hashlib
import io
import json
import zipfile
from pathlib import Path

import torch
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes

from .device import check_memory
from .errors import UserError
from .files import plain_file, reading, write_whole

FORMAT = "simgan-checkpoint-1"
NO_DIGEST = "0" * 64  # stands in the file while its digest is computed
STATE = b"simgan-state-2\n"  # a state's first line; the second is the digest of all that follows
NOT_OURS = "its digest fits, so somebody wrote it like this"
PLAIN = (bool, int, float, str)


def save_state(path, state, previous=None):
    """Write a nested state: dicts, lists, tuples, tensors, numbers, strings, None.  All or nothing.

    Fit for {"refiner": refiner.state_dict(), "optimizer": optimizer.state_dict(), "random": g.get_state(), "step": 7}.
    previous: where the file that stood there before is kept, see `run_file`.
    Raises TypeError, naming the place, for anything else in it; UserError as `save_checkpoint` does.
    Taught in: notebook 05.
    """
    stream = io.BytesIO()
    torch.save(_plain(state), stream)
    content = stream.getbuffer()
    write_whole(path, [STATE, _digest(content), content], previous=previous)


def load_state(path):
    """The nested state that `save_state` wrote, tensors on the CPU.

    Raises UserError, naming the file, if it is missing, cut short, changed, or no state that this version wrote.
    """
    return state_in(state_bytes(path), path)


def state_bytes(path):
    """All bytes of a state's file.  UserError if it is missing, cannot be read, or does not fit into the memory."""
    return _content(path, "state of a run")


def state_in(content, path):
    """The nested state in the bytes of a file, which errors call `path`, as `load_state` gives it."""
    content = memoryview(content)
    start = len(STATE) + len(_digest(b""))
    said, content = bytes(content[:start]), content[start:]
    if not said.startswith(STATE):
        raise UserError(f"{path}: found no state of a run, or one of an earlier version, expected a file that begins with "
                        f"{STATE.decode().strip()}")
    if said != STATE + _digest(content):
        raise UserError(f"{path}: damaged checkpoint: the content's SHA-256 is not that of the file's second line")
    with reading(path, "state of tensors and plain values", NOT_OURS):
        if sum(entry.file_size for entry in zipfile.ZipFile(io.BytesIO(content)).infolist()) > len(content):
            raise ValueError("packed, as no state is")      # a few bytes that become gigabytes
        return torch.load(io.BytesIO(content), weights_only=True)


def _content(path, kind):
    """All bytes of a file that fits into the memory.  Raises UserError for any other, and for what is no plain file."""
    with reading(path, kind):
        check_memory(plain_file(Path(path)).stat().st_size, "cpu", f"{path}: the file")
        return Path(path).read_bytes()


def _digest(content):
    return hashlib.sha256(content).hexdigest().encode() + b"\n"


def _plain(value, place="the state"):
    """The same nested value in builtin types, which `torch.load` is sure to read; tensors on the CPU."""
    if torch.is_tensor(value):
        host = value.detach().cpu()
        return host if host.untyped_storage().nbytes() == host.nbytes else host.clone()  # a view would keep its whole
    if isinstance(value, dict):
        if not all(key is None or isinstance(key, PLAIN) for key in value):
            raise TypeError(f"{place}: keys must be strings or numbers, found {list(value)}")
        return {key: _plain(item, f"{place}/{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_plain(item, f"{place}/{i}") for i, item in enumerate(value)]
        return items if isinstance(value, list) else tuple(items)
    for kind in PLAIN:
        if isinstance(value, kind):
            return kind(value)  # numpy's float64 is a float, yet not one that `weights_only` reads
    if value is not None:
        raise TypeError(f"{place}: cannot be kept: {type(value).__name__}")


def save_checkpoint(path, tensors, about):
    """Write tensors and what there is to say about them to one safetensors file, all or nothing.

    path: file to write or to replace; its folder is made.  tensors: {name: tensor}, any dtype, shape and device.
    about: dict of JSON values.
    Raises UserError if it cannot be written (no space, no permission): what stood there before still stands.
    """
    header = {"format": FORMAT, "sha256": NO_DIGEST, "about": about}
    # One metadata entry, because safetensors leaves the order of several open: the same content is the same bytes.
    content = tensors_to_bytes({name: _apart(value) for name, value in tensors.items()}, {"simgan": json.dumps(header)})
    write_whole(path, [content.replace(NO_DIGEST.encode(), hashlib.sha256(content).hexdigest().encode(), 1)])


def load_checkpoint(path):
    """(tensors, about) as `save_checkpoint` got them, tensors contiguous and on the CPU.

    Raises UserError, naming the file and what was found and expected, if it is missing, cut short, changed, or no
    checkpoint of this kit.
    """
    content = _content(path, "checkpoint")
    header = _checked_header(path, content)
    with reading(path, "safetensors file", NOT_OURS):
        return tensors_from_bytes(content), header["about"]


def check_finite(weights, who, error=UserError):
    """Raises `error` if one of the weights {name: tensor} is not finite: such a network is neither saved nor used."""
    for name, value in weights.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise error(f"{who} has weights that are not finite numbers ({name}), and is neither kept nor used")


def save_module(path, module, card):
    """Write a network's weights with its card: JSON that says how it was made and what it was measured to do.

    Raises UserError if a weight is not finite; what stood there before still stands.
    """
    check_finite(module.state_dict(), f"{path}: the network")
    save_checkpoint(path, module.state_dict(), {"card": card})


def load_module(path, module):
    """Fill `module` with the weights in the file, return their card.  A module on the device meta comes to the CPU.

    Raises UserError, leaving `module` as it was, if the file's tensors are not those of `module`, by name, shape and dtype,
    or if one is not finite.
    """
    tensors, about = load_checkpoint(path)
    wanted, found = ({name: (tuple(value.shape), value.dtype) for name, value in state.items()}
                     for state in (module.state_dict(), tensors))
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            raise UserError(f"{path}: weights of another network: {name} is {_kind(found.get(name), 'absent')} in the file, "
                            f"expected {_kind(wanted.get(name), 'no such tensor')}")
    check_finite(tensors, f"{path}: the network")
    if any(value.is_meta for value in module.state_dict().values()):
        module.to_empty(device="cpu")
    module.load_state_dict(tensors)
    return about.get("card", {}) if isinstance(about, dict) else {}


def _kind(kind, absent):
    return f"{kind[0]} {kind[1]}" if kind else absent


def _apart(value):
    """The tensor on the CPU, contiguous and sharing memory with no other, as safetensors wants it."""
    return value.detach().cpu().clone(memory_format=torch.contiguous_format)


def _checked_header(path, content):
    """The kit's part of the header of a file's content, after checking length and digest of the whole."""
    try:
        data_start = 8 + int.from_bytes(content[:8], "little")
        entries = json.loads(content[8:data_start])
        header = json.loads(entries.pop("__metadata__")["simgan"])
        expected = data_start + max([entry["data_offsets"][1] for entry in entries.values()], default=0)
        as_hashed = content.replace(header["sha256"].encode(), NO_DIGEST.encode(), 1)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise UserError(f"{path}: no checkpoint of this kit, or a damaged one: found {len(content)} bytes without a "
                        f"readable header, expected a safetensors file written by simgan_lib") from error
    if len(content) != expected:
        raise UserError(f"{path}: damaged checkpoint: found {len(content)} bytes, expected {expected}")
    if (digest := hashlib.sha256(as_hashed).hexdigest()) != header["sha256"]:
        raise UserError(f"{path}: damaged checkpoint: found SHA-256 {digest[:12]}..., expected {header['sha256'][:12]!r}... as its "
                        "header says")
    if header.get("format") != FORMAT:
        raise UserError(f"{path}: found a checkpoint of format {header.get('format')!r}, expected {FORMAT!r}")
    return header
