"""Which device, number format and memory: the only module that asks the machine what it can do."""

import ctypes
import os
import sys
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from .errors import UserError, printable
from .files import in_bytes

CPU_FLAGS = {"amx_bf16", "avx512_bf16"}  # the flags of a CPU that multiplies bfloat16 in hardware


def _cpu_flags(path="/proc/cpuinfo"):
    """The CPU's feature flags as Linux lists them; empty where there is no such list."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    return set(next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), []))


@lru_cache(None)
def cpu_has_bf16():
    """Whether this CPU multiplies bfloat16 in hardware (AMX or AVX512-BF16).  Elsewhere bf16 is slower than float32."""
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        ask = getattr(torch.cpu, name, None)  # private: may be gone in another release of torch
        if ask is not None and ask():
            return True
    return bool(CPU_FLAGS & _cpu_flags())


def autocast_for(device):
    """A context: networks compute in bfloat16 if `device` does so in hardware; elsewhere it changes nothing.

    Weights, optimizer state and losses stay float32; bfloat16 has float32's range, so no loss scaling is needed.
    """
    kind = torch.device(device).type
    if kind == "cpu":
        able = cpu_has_bf16()
    else:
        able = kind == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.autocast(kind, dtype=torch.bfloat16) if able else nullcontext()


def keep_freed_memory():
    """Ask the C library to keep large freed blocks: a third faster on CPUs, where each step frees what the next needs.

    By default glibc gives every block above 128 KiB back to the system and gets it again, zeroed, page by page.
    Does nothing on systems without glibc.
    """
    if os.name != "posix" or not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"):
        return
    libc = ctypes.CDLL(None)
    m_trim_threshold, m_mmap_max = -1, -4       # of malloc.h
    libc.mallopt(m_mmap_max, 0)
    libc.mallopt(m_trim_threshold, 2**31 - 1)


def resident(images, device):
    """The tensor on `device` if it takes at most half of the memory that is free there; else where it is.

    A batch drawn from resident data costs no copy from the host.
    """
    device = torch.device(device)
    if device.type == "cuda" and images.nbytes > torch.cuda.mem_get_info(device)[0] // 2:
        return images
    return images.to(device)


def resolve_device(name="auto"):
    """'auto' (a GPU where torch sees one, Apple's if it `agrees`, else the CPU), 'cpu', 'cuda', 'cuda:1', 'mps' -> torch.device.

    Raises UserError for a name torch does not know and for a device that is not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() and agrees("mps") else "cpu")
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise UserError(f"unknown device {name!r}; use auto, cpu, cuda or cuda:N") from error
    if device.type == "cuda" and not (device.index or 0) < torch.cuda.device_count():
        seen = f"sees only {torch.cuda.device_count()}" if torch.cuda.is_available() else "sees none"
        raise UserError(f"a GPU was asked for ({name}) but torch {seen}; use --device cpu")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UserError(f"a GPU was asked for ({name}) but torch sees none; use --device cpu")
    if device.type not in ("cpu", "cuda", "mps") or device.type != "cuda" and device.index:
        raise UserError(f"unknown device {name!r}; use auto, cpu, cuda or cuda:N")
    return device


@lru_cache(None)
def agrees(device):
    """Whether a first step of training on the device has the CPU's loss, gradients and weights, to a thousandth of the largest.

    If not, a note says why.
    """
    try:
        pairs = [(a.detach().cpu(), b.detach()) for a, b in zip(_first_step(device), _first_step("cpu"))]
        apart = torch.stack([(a - b).abs().max() / b.abs().max() for a, b in pairs]).max().item()
        said = f"a first step there differs from the CPU's by {100 * apart:.1g} %"
    except (RuntimeError, TypeError) as error:               # what torch raises for operations that a device lacks
        apart, said = float("inf"), f"a first step there failed ({error})"
    if not apart <= 1e-3:                                    # so it is, too, if something is not a number
        print(printable(f"note: {said}; the CPU computes (--device {device} takes it all the same)"), file=sys.stderr)
    return apart <= 1e-3


def _first_step(device):
    """[loss, gradients, weights, their mean] of one step of a small network, with the training loop's kinds of operation."""
    on_cpu = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1, padding_mode="reflect"), nn.ReLU(inplace=True),
                                nn.Conv2d(8, 8, 3, 2, 1), nn.MaxPool2d(3, 1, 1), nn.Conv2d(8, 2, 1))
    network = network.to(device, memory_format=torch.channels_last)
    images = torch.randint(256, (16, 1, 12, 16), generator=on_cpu, dtype=torch.uint8).to(device)
    drawn = torch.randn(16, 1, 3, 4, generator=on_cpu).to(device)
    generator = torch.Generator(device).manual_seed(0)       # devices draw other numbers: it has to work, no more
    order = torch.randperm(16, generator=generator, device=device).argsort().sort().values
    light = F.interpolate(drawn, size=images.shape[2:], mode="bicubic", align_corners=True)
    batch = (images[order].float().div_(127.5).sub_(1) + light).tanh().contiguous(memory_format=torch.channels_last)
    weights = list(network.parameters())
    optimizer = torch.optim.Adam(weights, 1e-2, eps=1.0, fused=True)        # eps: steps as long as gradients are large
    logits = F.linear(network(batch).permute(0, 2, 3, 1), torch.eye(2, device=device)).permute(0, 3, 1, 2)
    loss = F.log_softmax(logits, 1)[:, 0].sum((1, 2)).mean() + (logits - 1).abs().flatten(1).sum(1).mean()
    loss.backward()
    gradients = [each.grad.clone() for each in weights]
    optimizer.step()
    mean = [torch.zeros_like(each) for each in weights]
    torch._foreach_lerp_(mean, [each.detach() for each in weights], 0.5)
    return [loss, *gradients, *weights, *mean]


def memory_limit():
    """Bytes that this process may call its own: the machine's memory, or its limit (`ulimit -d`) if that is less."""
    try:
        import resource  # not on Windows
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        own = resource.getrlimit(resource.RLIMIT_DATA)[0]
        return machine if own == resource.RLIM_INFINITY else min(machine, own)
    except (ImportError, ValueError, OSError):
        return 8 << 30  # not asked in vain: a machine of today has as much


def check_memory(needed, device, what):
    """UserError if `what` takes more bytes than there are on the device: now, not when the system ends the process."""
    device = torch.device(device)
    limit = torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else memory_limit()
    if needed > limit:
        raise UserError(f"{what} takes at least {in_bytes(needed)} of memory, and there are {in_bytes(limit)}")
