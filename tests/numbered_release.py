"""The smallest of all releases: files of numbers, with a reader as those of simgan_lib.datasets.

Read in worker processes, which find it on the path that tests share.  The environment variable SLOW makes each file
take so many seconds.
"""

import os
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from simgan_lib.images import ImageSet
from simgan_lib.system.errors import UserError

TITLE = "numbered release"


def write(folder, files=6, each=5):
    """File k holds the numbers from k * each on; every seventh number is 0 instead and cannot be used.  Gaze: 1024ths."""
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(files):
        numbers = np.arange(k * each, (k + 1) * each, dtype="<u4")
        numbers[numbers % 7 == 3] = 0
        (folder / f"{k:05d}.bin").write_bytes(numbers.tobytes())
    return folder


def units(folder):
    found = [(str(path),) for path in sorted(Path(folder).glob("*.bin"))]
    if not found:
        raise UserError(f"{folder}: expected numbers, found none")
    return found


def files(unit, **_):
    return [unit[0]]


def read_unit(unit, size=(4, 4)):
    content = Path(unit[0]).read_bytes()
    time.sleep(float(os.environ.get("SLOW", 0)))
    if content == b"die":
        os._exit(9)
    if len(content) % 4:
        raise UserError(f"{unit[0]}: found {len(content)} bytes, expected numbers of 4")
    numbers = np.frombuffer(content, "<u4").astype(np.int64)
    used = torch.from_numpy(numbers[numbers > 0])
    images = (used % 251).to(torch.uint8)[:, None, None, None].expand(-1, 1, *size).contiguous()
    groups = {"file": np.array([Path(unit[0]).stem] * len(used), dtype=str)}
    return ImageSet(images, {"gaze": torch.stack([used, -used], -1) / 1024}, groups), Counter({"zero": len(numbers) - len(used)})
