"""Inputs that mean harm, or were damaged: how a command is given one, and what must hold of its end.

A test file has generators, one a kind: each takes a numpy generator and yields many `Hostile`.  `params` makes pytest's
parameters of them: a share of each kind runs always, the rest with `pytest -m long tests/test_hostile_NAME.py`.

    KINDS = [broken_tables, ...]

    @pytest.mark.parametrize("hostile", params(KINDS))
    def test_it_ends_in_one_line_or_in_what_is_right(tmp_path, hostile):
        ends_well(hostile, tmp_path)
"""

import multiprocessing
import os
import re
import runpy
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

SCRIPTS = Path(__file__).parents[1] / "data_scripts"
SECONDS = 60                      # until a command counts as one that hangs; each takes about one
MEGABYTES = 800                   # that it may take more than it has once the libraries are loaded
SHARE = 16                        # of so many of a kind, one runs always
LOADED = ["torch", "scipy.io", "h5py", "PIL.Image", "simgan_lib.__main__", "simgan_lib.datasets.tools.conversion",
          "simgan_lib.pretrained", "simgan_lib.training", "simgan_lib.figures.contact_sheet"]
TOLD = re.compile(r"^(?:[\w. -]+: )?error: ", re.MULTILINE)             # ours, or argparse's after its usage
CONTROL = re.compile(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f]")         # what a name could tell a terminal; a bar says \r


@dataclass(frozen=True)
class Hostile:
    """One input.

    name    what is wrong with it.
    make    make(folder) writes it there and gives the command's words: "kit", then those of `python -m simgan_lib`; or the
            name of a program of data_scripts, then its own.
    status  how it may end.
    right   right(folder, output) is called if it ends with status 0: asserts that what was accepted is right.
    """

    name: str
    make: Callable
    status: tuple = (0, 2)
    right: Callable = lambda folder, output: None


def params(kinds, seed=0):
    """pytest's parameters of the members of all kinds; all but every `SHARE`th of a kind are long."""
    return [pytest.param(hostile, id=f"{kind.__name__}: {hostile.name}"[:90], marks=() if number % SHARE == 0 else pytest.mark.long)
            for kind in kinds for number, hostile in enumerate(kind(np.random.default_rng(seed)))]


def ends_well(hostile, folder):
    """Give the command its input: it ends in time and within its memory, with one line or with what is right."""
    words = [str(word) for word in hostile.make(folder)]
    status, output, errors, megabytes = ended(words, folder)
    said = f"{' '.join(words)}\nstatus {status}, {megabytes} MB more\n{output[-1000:]}\n{errors[-2000:]}"
    told = TOLD.findall(errors.replace("\r", "\n"))
    assert status in hostile.status, said
    assert "Traceback" not in errors and len(told) == (status == 2) and not CONTROL.search(output + errors), said
    assert megabytes < MEGABYTES and "memory does not suffice" not in errors, said
    if status == 0:
        hostile.right(folder, output)


def ended(words, folder):
    """(status, output, errors, MB of memory more than at its start) of a command; a status of None: it hung."""
    context = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
    if sys.platform == "linux":
        context.set_forkserver_preload(LOADED)              # else every command would load torch for itself
    ours, theirs = context.Pipe(duplex=False)
    paths = [str(folder / f"hostile.{name}") for name in ("out", "err")]
    process = context.Process(target=_command, args=(words, str(folder), paths, theirs), daemon=False)
    process.start()
    theirs.close()
    process.join(SECONDS)
    status = process.exitcode
    if status is None:
        process.kill()
        process.join()
    texts = [Path(path).read_text(encoding="utf-8", errors="replace") for path in paths]
    return status, *texts, ours.recv() if ours.poll() else 0


def _command(words, folder, paths, pipe):
    for number, path in enumerate(paths, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.chdir(folder)
    import torch
    torch.set_num_threads(1)
    before, name = _peak(), words[0]
    try:
        if name == "kit":
            from simgan_lib.__main__ import main
            status = main(words[1:])
        else:
            sys.path.insert(0, str(SCRIPTS))
            release = runpy.run_path(str(SCRIPTS / f"{name}.py"), run_name="imported")["RELEASE"]
            status = sys.modules["_program"].run(release, words[1:])
    except SystemExit as end:                               # of a parser that does not know a word
        status = end.code
    sys.stdout.flush()
    pipe.send(_peak() - before)
    sys.exit(status)


def _peak():
    """MB of memory that this process has held at most; 0 where nobody counts."""
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1 << (20 if sys.platform == "darwin" else 10))
