"""How a number came about: the code, the machine and the versions behind it."""

import os
import platform
import subprocess
from pathlib import Path

import numpy as np
import torch

from .. import __version__
from ..system import digests

# The code that a kept number depends on: what lies in these folders, and these files.  The images of a domain are covered by
# its fingerprint, so readers do not count; nor do figures, pages and notebooks.
FOLDERS = (".", "system", "simulators", "evaluation")
FILES = tuple(f"experiments/{name}.py" for name in ("domains", "pipeline", "runs", "trial"))


def code_digest(*more):
    """Digest of the code that results depend on, without comments and docstrings: a result of other code is not taken.

    A new file in one of the FOLDERS, or of `more` folders, counts from its first day.
    """
    kit = Path(__file__).parents[1]
    return digests.code_digest([*(file for folder in (*FOLDERS, *more) for file in sorted((kit / folder).glob("[!_]*.py"))),
                                *(kit / file for file in FILES)])


def about(device, command):
    """What every run says of how it came about.  command: what to type for the same numbers."""
    return {"command": command, "commit": commit(), "hardware": hardware(device), "versions": versions()}


def hardware(device):
    """What the numbers were measured on, without naming the machine."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads of {os.cpu_count()} cores"


def versions():
    return {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__, "kit": __version__}


def commit():
    """The commit of the checkout, with a + if files were changed since; None outside a checkout."""
    def git(*words):
        return subprocess.run(["git", *words], cwd=Path(__file__).parent, capture_output=True, text=True, check=True).stdout
    try:
        return git("rev-parse", "--short", "HEAD").strip() + ("+" if git("status", "--porcelain").strip() else "")
    except (OSError, subprocess.CalledProcessError):
        return None
