"""What every notebook uses: the line that says how it runs, scoped randomness, figures that can be heard, progress.

Nothing here teaches; it keeps such things out of the lessons.
"""

import contextlib
import html
import importlib.util
import io
import os
import platform
import time
from typing import NamedTuple

import ipywidgets
import numpy
import torch
from IPython.display import display

from .. import __version__
from ..figures import picture
from ..system.errors import UserError
from ..training import PRESETS
from .widgets import show_widget

# On GitHub; notebooks link to it and, on Colab, install from it: `make fork` writes it, here and there.  An owner with an
# underscore cannot exist there, so nobody installs a stranger's package before the kit is published.
REPOSITORY = "OWNER_UNSET/simgan-kit"
NEEDED = {"numpy": "numpy", "scipy": "scipy", "skimage": "scikit-image", "matplotlib": "matplotlib",
          "ipywidgets": "ipywidgets", "safetensors": "safetensors", "pandas": "pandas", "jinja2": "jinja2"}
EVERY = 0.1               # seconds between two updates of a progress bar


class Setup(NamedTuple):
    """How a notebook runs: `profile` is "quick", "full" or "paper"; `device` a torch.device."""

    profile: str
    device: torch.device


def setup(profile=None):
    """Choose profile and device, print both and the versions in one line.  Returns Setup(profile, device).

    profile: default is the environment variable SIMGAN_PROFILE, else "quick".
    Raises UserError for an unknown profile, or if a package is missing that the kit needs.
    """
    profile = profile or os.environ.get("SIMGAN_PROFILE") or "quick"
    if profile not in PRESETS:
        raise UserError(f"profile: expected one of {', '.join(PRESETS)}, found {profile!r} "
                        f"(the environment variable SIMGAN_PROFILE chooses it)")
    missing = [package for module, package in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise UserError(f"missing packages: pip install {' '.join(missing)}")
    # On a GPU `quick` would spend more time starting kernels than computing, and give other digits than the text says.
    device = torch.device("cuda" if torch.cuda.is_available() and profile != "quick" else "cpu")
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    print(f"profile {profile} · {device.type} ({name}) · Python {platform.python_version()} · "
          f"torch {torch.__version__} · numpy {numpy.__version__} · kit {__version__}")
    return Setup(profile, device)


@contextlib.contextmanager
def seeded(seed, device="cpu"):
    """A block with its own randomness: yields a torch.Generator, seeds torch's global one too, and puts that back.

    So a new cell above changes nothing in the figure below.

    >>> with seeded(7):
    ...     a = torch.rand(1)
    >>> with seeded(7):
    ...     b = torch.rand(1)
    >>> bool(a == b)
    True
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield torch.Generator(device).manual_seed(seed)


def show(figure, alternative):
    """Show a figure with its alternative text, which is also what a plain text reader (and a test) gets to see.

    Made for figure functions:  show(*montage_figure(...)).  As HTML: JupyterLab and saved pages give an image/png no
    alternative text, whatever its metadata say.
    """
    display({"text/html": picture(figure, alternative), "text/plain": alternative}, raw=True)


@contextlib.contextmanager
def wide():
    """A block that prints long lines.  On a narrow page they scroll and do not wrap, so that columns stay columns."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            yield
    finally:
        text, style = printed.getvalue().rstrip(), "white-space: pre; overflow-x: auto; font-family: monospace"
        display({"text/html": f'<pre style="{style}">{html.escape(text)}</pre>', "text/plain": text}, raw=True)


def progress(steps, what, total=None):
    """Go through `steps` under a progress bar with the time left.  total: their number, if they have no `len`."""
    total = len(steps) if total is None else total
    bar, label = ipywidgets.IntProgress(0, 0, max(total, 1), description=what), ipywidgets.Label()
    bar.style.description_width = "initial"
    show_widget(ipywidgets.HBox([bar, label]), f"{what}: {total} steps")
    start, last = time.perf_counter(), 0.0
    for done, step in enumerate(steps, 1):
        yield step
        seconds = time.perf_counter() - start
        if seconds - last >= EVERY or done >= total:            # a message to the browser costs more than a small step
            bar.value, last = done, seconds
            label.value = f"{done} of {total}, {seconds / done * (total - done):.0f} s left" if done < total else f"{seconds:.0f} s"
