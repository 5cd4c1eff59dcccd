"""Processes that work on one thing together, each with its rank, as `torchrun` starts them.  Used by: parallel, experiments.runs.

What they send each other are bytes and numbers, never pickles.
"""

import hashlib
import os
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist

from .device import resolve_device
from .errors import UserError
from .places import claimed


@dataclass(frozen=True)
class Ranks:
    """This process's number among `size` processes, and what they tell each other.  Alone, each gets back what it gave.

    A method that speaks of all ranks is called by all of them, in the same order; who calls it waits for the others.
    Tensors on the CPU travel by gloo, those on a GPU by NCCL.  UserError if another rank is gone.
    """

    rank: int = 0
    size: int = 1

    @property
    def first(self):
        """Whether this is the one that writes files and talks to people."""
        return self.rank == 0

    def claimed(self, path):
        """A context: the path, which the first rank keeps other processes away from, as `places.claimed` does."""
        return claimed(path) if self.first else nullcontext(Path(path))

    def averaged(self, tensors):
        """The means over all ranks of a list of float tensors, of the same shapes and type everywhere.  One message for all."""
        if self.size == 1:
            return tensors
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        with _together():
            dist.all_reduce(flat)
        parts = (flat / self.size).split([tensor.numel() for tensor in tensors])
        return [part.view(tensor.shape) for part, tensor in zip(parts, tensors)]

    def gathered(self, tensor):
        """What all ranks gave, (n, ...) each, in the order of ranks: (size * n, ...), the same everywhere."""
        if self.size == 1:
            return tensor
        tensor = tensor.contiguous()
        parts = [torch.empty_like(tensor) for _ in range(self.size)]
        with _together():
            dist.all_gather(parts, tensor)
        return torch.cat(parts)

    def any(self, flag):
        """Whether it is so on one rank at least."""
        return bool(self.gathered(torch.tensor([flag], dtype=torch.uint8)).any())

    def agree(self, value, what, error=UserError):
        """Raises `error`, on all ranks, unless the text `value` is the same everywhere; `what` says of what it tells."""
        digest = torch.frombuffer(bytearray(hashlib.sha256(value.encode()).digest()), dtype=torch.uint8)[None]
        others = (self.gathered(digest) != self.from_first(digest)).any(1).nonzero().flatten().tolist()
        if others:
            raise error(f"{what}: of rank 0 and of rank {others[0]} they differ, expected the same on all ranks")

    def from_first(self, tensor):
        """A tensor of the first rank, of the shape and type of this rank's own."""
        if self.size == 1:
            return tensor
        received = tensor.clone()
        with _together():
            dist.broadcast(received, 0)
        return received

    def bytes_from_first(self, content):
        """The first rank's bytes, in place of whatever the others gave."""
        length = self.from_first(torch.tensor([len(content)]))
        mine = bytearray(content if self.first else length.item())
        return self.from_first(torch.frombuffer(mine, dtype=torch.uint8)).numpy().tobytes() if mine else b""


ALONE = Ranks()


@contextmanager
def joined(device="auto"):
    """(Ranks, torch.device) of this process: its place among those that were started with it; in a plain run it is alone.

    They are started by torchrun, or by another launcher that sets WORLD_SIZE, RANK, LOCAL_RANK, MASTER_ADDR and MASTER_PORT.
    device: as for `resolve_device`; auto and cuda are the GPU of the process's number on its machine.
    Raises UserError for a device that is not one a rank, and if the other processes are not reached.
    """
    if os.environ.get("WORLD_SIZE", "1") == "1":
        yield ALONE, resolve_device(device)
        return
    own = _own_device(device)
    if not dist.is_available():
        raise UserError("several processes were started, and this build of torch has no torch.distributed; start one")
    with _together("the other ranks cannot be reached"):
        dist.init_process_group("cpu:gloo,cuda:nccl" if own.type == "cuda" else "gloo")
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size()), own
    finally:
        dist.destroy_process_group()


def _own_device(name):
    """The device of this one of a machine's processes."""
    kind = resolve_device(name)
    if name == "auto" and kind.type != "cuda":             # such as Apple's GPU, of which there is one
        kind = torch.device("cpu")
    if kind.type not in ("cpu", "cuda") or kind.index is not None:
        raise UserError(f"device {name!r}: several ranks cannot share it; use auto, cpu or cuda, which is one GPU a rank")
    if kind.type == "cpu":
        return kind
    own = resolve_device(f"cuda:{os.environ.get('LOCAL_RANK', 0)}")
    torch.cuda.set_device(own)
    return own


@contextmanager
def _together(says="another rank is gone, whose own line says why"):
    """A UserError for what torch raises when a connection breaks or does not come about, or a variable is missing."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        raise UserError(f"{says} ({str(error).strip().splitlines()[0][:200]})") from error
