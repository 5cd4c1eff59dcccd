"""Checkpoints: one file, written whole or not at all, checked when read, with no pickle in it.

A checkpoint is a safetensors file: tensors, and JSON in its header that says what they are.  Reading one never runs
code, unlike `torch.load` of a pickle.  Three promises, each held by a test:
- a run killed while it writes, or a full disk, leaves the previous checkpoint as it was;
- a file that was cut short or changed by one bit is refused by name, not loaded;
- what is read is what was written, bit for bit, floats, tuples, dtypes and memory layout included.
"""

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes

from .errors import UserError
from .files import write_whole

FORMAT = "simgan-checkpoint-1"
NO_DIGEST = "0" * 64  # stands in the file while its digest is computed
PLAIN = (bool, int, float, str, type(None))


def save_checkpoint(path, tensors, about):
    """Write tensors and what there is to say about them to one file, all or nothing.

    path: file to write or to replace; its folder is made.  tensors: {name: tensor}, any dtype, shape and device.
    about: dict of JSON values (tuples come back as lists; for exactness use `save_state`).
    Raises UserError if it cannot be written (no space, no permission): what stood there before still stands.
    Taught in: notebook 05.
    """
    path = Path(path)
    header = {"format": FORMAT, "sha256": NO_DIGEST, "channels_last": _channels_last(tensors), "about": about}
    # One metadata entry, because safetensors leaves the order of several open: the same content is the same bytes.
    content = tensors_to_bytes(_on_host(tensors), {"simgan": json.dumps(header)})
    start, end = _digest_place(content)
    digest = hashlib.sha256(content).hexdigest().encode()
    view = memoryview(content)
    write_whole(path, [view[:start], digest, view[end:]])


def load_checkpoint(path):
    """(tensors, about) as `save_checkpoint` got them, tensors on the CPU.

    Raises UserError, naming the file and what was found and expected, if it is missing, cut short, changed, or no
    checkpoint of this kit.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: no checkpoint can be read there ({error.strerror})") from error
    header = _checked_header(path, content)
    try:
        tensors = tensors_from_bytes(content)
    except SafetensorError as error:  # unreachable by accident: the digest fits, so somebody wrote it like this
        raise UserError(f"{path}: damaged checkpoint ({error}); expected a safetensors file") from error
    for name in header["channels_last"]:
        laid_out = torch.empty_like(tensors[name], memory_format=torch.channels_last)
        tensors[name] = laid_out.copy_(tensors[name])
    return tensors, header["about"]


def save_state(path, state):
    """`save_checkpoint` for a nested state: dicts, lists, tuples, tensors, numbers, strings, None.

    Fit for {"refiner": refiner.state_dict(), "optimizer": optimizer.state_dict(), "random": g.get_state(), "step": 7}.
    """
    tensors, outline = flatten(state)
    save_checkpoint(path, tensors, {"state": outline})


def load_state(path):
    """The nested state that `save_state` wrote.  Raises UserError as `load_checkpoint` does."""
    tensors, about = load_checkpoint(path)
    if "state" not in about:
        holds = ", ".join(sorted(about)) or "nothing"
        raise UserError(f"{path}: found a checkpoint that holds {holds}, expected one of a training state")
    return unflatten(tensors, about["state"])


def save_module(path, module, card):
    """Write a network's weights with its card: JSON that says how it was made and what it was measured to do."""
    save_checkpoint(path, module.state_dict(), {"card": card})


def load_module(path, module):
    """Fill `module` with the weights in the file, return their card.

    Raises UserError, leaving `module` as it was, if the file's tensors are not those of `module`, by name and shape.
    """
    tensors, about = load_checkpoint(path)
    wanted = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            raise UserError(f"{path}: weights of another network: {name} is {found.get(name, 'absent')} in the file, "
                            f"expected {wanted.get(name, 'no such tensor')}")
    module.load_state_dict(tensors)
    return about.get("card", {})


def flatten(nested):
    """Tensors and JSON apart: (tensors {name: tensor}, outline), the outline saying where each tensor belongs.

    Raises TypeError, with the place, for what is neither dict, list, tuple, tensor, number, string nor None.

    >>> flatten({"step": 3, "betas": (0.5, 0.9)})
    ({}, {'step': 3, 'betas': {'$tuple': [0.5, 0.9]}})
    """
    tensors = {}
    return tensors, _outline(nested, "", tensors)


def _outline(value, place, tensors):
    if torch.is_tensor(value):
        name = place or "value"
        while name in tensors:  # {"a/b": t, "a": {"b": u}} would call two tensors the same
            name += "'"
        tensors[name] = value
        return {"$tensor": name}
    if isinstance(value, dict):
        items = [(key, _outline(item, f"{place}/{key}".lstrip("/"), tensors)) for key, item in value.items()]
        if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return dict(items)
        if not all(isinstance(key, PLAIN) for key in value):
            raise TypeError(f"{place or 'the state'}: keys must be strings or numbers, found {list(value)}")
        return {"$dict": [list(item) for item in items]}  # JSON keys are strings, those of optimizers are numbers
    if isinstance(value, (list, tuple)):
        items = [_outline(item, f"{place}/{i}".lstrip("/"), tensors) for i, item in enumerate(value)]
        return items if isinstance(value, list) else {"$tuple": items}
    if not isinstance(value, PLAIN):
        raise TypeError(f"{place or 'the state'}: cannot be kept without pickle: {type(value).__name__}")
    return value


def unflatten(tensors, outline):
    """The inverse of `flatten`, exactly: `unflatten(*flatten(x))` is x again."""
    if isinstance(outline, list):
        return [unflatten(tensors, item) for item in outline]
    if not isinstance(outline, dict):
        return outline
    if "$tensor" in outline:
        return tensors[outline["$tensor"]]
    if "$tuple" in outline:
        return tuple(unflatten(tensors, item) for item in outline["$tuple"])
    if "$dict" in outline:
        return {key: unflatten(tensors, item) for key, item in outline["$dict"]}
    return {key: unflatten(tensors, item) for key, item in outline.items()}


def _on_host(tensors):
    """CPU, contiguous, and no two sharing memory, as safetensors wants them."""
    seen, apart = set(), {}
    for name, value in tensors.items():
        host = value.detach().cpu().contiguous()
        storage = host.untyped_storage().data_ptr()
        apart[name] = host.clone() if storage in seen else host
        seen.add(storage)
    return apart


def _channels_last(tensors):
    """Names of the tensors laid out NHWC.  Kept, because sums may differ in the last bit with the layout.

    The strides are asked too: with one channel a tensor is contiguous either way, yet PyTorch goes by its strides.
    """
    return [name for name, value in tensors.items() if value.ndim == 4 and value.stride() != _plain_strides(value)
            and value.is_contiguous(memory_format=torch.channels_last)]


def _plain_strides(value):
    """The strides of a contiguous tensor of this shape; a meta tensor takes no memory."""
    return torch.empty(value.shape, device="meta").stride()


def _digest_place(content):
    """(start, end) of the digest's 64 digits, which follow the first "sha256" of the header (its quotes escaped)."""
    mark = rb"\"sha256\": \""
    start = content.index(mark) + len(mark)
    return start, start + len(NO_DIGEST)


def _checked_header(path, content):
    """The kit's part of the header of a file's content, after checking length and digest of the whole."""
    try:
        data_start = 8 + int.from_bytes(content[:8], "little")
        entries = json.loads(content[8:data_start])
        expected = data_start + max([entry["data_offsets"][1] for name, entry in entries.items()
                                     if name != "__metadata__"], default=0)
        header = json.loads(entries["__metadata__"]["simgan"])
        start, end = _digest_place(content)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise UserError(f"{path}: no checkpoint of this kit, or a damaged one: found {len(content)} bytes without a "
                        f"readable header, expected a safetensors file written by simgan_lib") from error
    if len(content) != expected:
        raise UserError(f"{path}: damaged checkpoint: found {len(content)} bytes, expected {expected}")
    view = memoryview(content)
    digest = hashlib.sha256(view[:start])
    digest.update(NO_DIGEST.encode())
    digest.update(view[end:])
    if digest.hexdigest() != bytes(view[start:end]).decode("ascii", "replace"):
        raise UserError(f"{path}: damaged checkpoint: found SHA-256 {digest.hexdigest()[:12]}..., expected "
                        f"{bytes(view[start:start + 12]).decode('ascii', 'replace')}... as its header says")
    if header.get("format") != FORMAT:
        raise UserError(f"{path}: found a checkpoint of format {header.get('format')!r}, expected {FORMAT!r}")
    return header
