"""Run the notebooks and write their outputs:  python notebooks/build.py [NN ...] [--force]   or  --check.

Each notebook is two files: NN_name.py (percent format, what is written and reviewed) and NN_name.ipynb (made here, what
people open).  The same script gives the same file: no time stamps, no random cell names, no widget state, no versions.
Two digests are kept in the notebook: of the code that made the outputs, so that `--check` and the tests see stale ones;
and of all cells, so that a build sees what was edited in the notebook alone, and does not write over it.
"""

import argparse
import hashlib
import json
import os
import sys
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

FOLDER = Path(__file__).resolve().parent
CELL_SECONDS = 900
MOST_LINES = 25           # of code in a cell
MOST_BYTES = 400_000      # of outputs in a notebook
WIDGET = "application/vnd.jupyter.widget-view+json"  # names a model that exists only while the kernel runs
KEPT = "tags", "lines_to_next_cell"                  # of a cell's metadata; the second: how the script spaces its cells
METADATA = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"}}


class Refused(Exception):
    """A notebook that cannot be built; the text says why."""


def scripts(wanted=()):
    """The scripts of the notebooks, all or those whose names begin with one of the wanted numbers."""
    found = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
    for start in wanted:
        if not any(path.name.startswith(start) for path in found):
            raise Refused(f"no notebook begins with {start!r}; there are {', '.join(path.stem for path in found)}")
    return [path for path in found if not wanted or path.name.startswith(tuple(wanted))]


def read_script(path):
    """The notebook that a script describes: no outputs, and cells named by number."""
    notebook = jupytext.read(path, fmt="py:percent")
    for i, cell in enumerate(notebook.cells):
        cell.id = f"{path.name[:2]}-{i:02d}"
    return notebook


def read_notebook(path):
    """The notebook that was built from a script.  Raises Refused if it cannot be read."""
    built = path.with_suffix(".ipynb")
    try:
        return nbformat.read(built, as_version=4)
    except ValueError as error:                  # not JSON: half a file, marks of a merge
        raise Refused(f"{built.name} cannot be read; --force writes it anew") from error


def digests(notebook):
    """SHA-256 of the code cells' text, in order, and of all cells."""
    cells = described(notebook)
    parts = {"code": [source for kind, source, _ in cells if kind == "code"], "cells": cells}
    return {f"{name}_sha256": hashlib.sha256(json.dumps(part).encode()).hexdigest() for name, part in parts.items()}


def lost(path):
    """What a build would lose, since it was edited in the notebook and is not in the script: a phrase, empty if nothing."""
    if not path.with_suffix(".ipynb").exists():
        return ""
    notebook, script = read_notebook(path), described(read_script(path))
    cells, made = described(notebook), notebook.metadata.get("simgan", {})
    if cells == script or made.get("cells_sha256", made.get("code_sha256")) in digests(notebook).values():
        return ""                                # the same, or as it was built (an older build kept the code's digest alone)
    new = [repr(source.splitlines()[0]) for kind, source, tags in cells if (kind, source, tags) not in script]
    return f"{len(new)} of its cells: {', '.join(new)}" if new else "the order of its cells"


def build(path, force=False):
    """Run one script, write its notebook beside it.  Raises Refused, and then the old one still stands.

    force: write over a notebook that was edited, or that cannot be read.
    """
    if not force and (edited := lost(path)):
        raise Refused(f"{path.stem}.ipynb was edited, and {path.name} lacks {edited}; to keep the notebook's, jupytext --to "
                      f"py:percent notebooks/{path.stem}.ipynb; to keep the script's, --force")
    notebook = read_script(path)
    for cell in notebook.cells:
        if cell.cell_type == "code" and len(cell.source.splitlines()) > MOST_LINES:
            raise Refused(f"a cell has more than {MOST_LINES} lines: {cell.source.splitlines()[0]}")
    run(notebook)
    for cell in notebook.cells:
        tidy(cell)
    notebook.metadata = nbformat.from_dict(METADATA | {"simgan": digests(notebook)})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.validate(notebook)
    size = output_bytes(notebook)
    if size > MOST_BYTES:
        raise Refused(f"{size:,} bytes of outputs, at most {MOST_BYTES:,} fit a repository: fewer or smaller pictures")
    unfinished = path.with_suffix(".unfinished")
    nbformat.write(notebook, unfinished)
    os.replace(unfinished, path.with_suffix(".ipynb"))
    return size


def run(notebook):
    """Fill in the outputs, in this environment, from the notebooks' folder."""
    environment = os.environ | {"SIMGAN_PROFILE": "quick", "PYTHONHASHSEED": "0", "PYTHONPATH": str(FOLDER.parent)}
    environment.pop("SIMGAN_SAMPLES", None)      # what is committed shows no image, and no number, of real data
    client = NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3", record_timing=False,
                            store_widget_state=False, resources={"metadata": {"path": str(FOLDER)}})
    try:
        client.execute(env=environment)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise Refused(str(error)) from error


def tidy(cell):
    """Leave of a cell what the same code gives again tomorrow.  Raises Refused for warnings, paths of the machine."""
    if cell.cell_type != "code":
        return
    cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k in KEPT})
    for output in cell.outputs:
        output.get("data", {}).pop(WIDGET, None)
        if output.output_type == "stream" and output.name == "stderr":
            raise Refused(f"a cell writes warnings: {output.text.strip()}")
        shown = json.dumps(output.get("data", {}).get("text/plain", output.get("text", "")))
        if str(FOLDER.parent) in shown or str(Path.home()) + os.sep in shown:
            raise Refused(f"a cell shows a path of this machine: {shown}")
    cell.outputs = merged(cell.outputs)


def merged(outputs):
    """Pieces of printed text put together: how it was cut depends on the moment."""
    kept = []
    for output in outputs:
        if kept and output.output_type == "stream" == kept[-1].output_type and output.name == kept[-1].name:
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


def output_bytes(notebook):
    return sum(len(json.dumps(cell.outputs)) for cell in notebook.cells if cell.cell_type == "code")


def problems(path):
    """What is out of step between a script and its notebook: a list of sentences, empty if all is well."""
    built = path.with_suffix(".ipynb")
    if not built.exists():
        return [f"{built.name} has not been built"]
    script, notebook = read_script(path), read_notebook(path)
    found = []
    if described(script) != described(notebook):
        found.append(f"{built.name} and {path.name} have different cells")
    if notebook.metadata.get("simgan", {}).get("code_sha256") != digests(script)["code_sha256"]:
        found.append(f"{built.name} shows outputs of other code")
    return [f"{sentence}: python notebooks/build.py {path.name[:2]}" for sentence in found]


def described(notebook):
    return [(cell.cell_type, cell.source.rstrip(), cell.metadata.get("tags", [])) for cell in notebook.cells if cell.source.strip()]


def as_committed(model, **_):
    """For Jupyter, which saves a notebook and its script: what it notes of the machine (kernel, versions) is left out."""
    if model["type"] == "notebook" and "simgan" in model["content"]["metadata"]:
        notebook = nbformat.from_dict(model["content"])
        made = notebook.metadata.simgan | {"cells_sha256": digests(notebook)["cells_sha256"]}
        model["content"]["metadata"] = METADATA | {"simgan": made}


def main(arguments=None):
    """Returns the exit status: 0, 1 for a notebook that fails or is out of step, 2 for one that does not exist."""
    parser = argparse.ArgumentParser(description="Run the notebooks and write their outputs.")
    parser.add_argument("number", nargs="*", help="notebooks to build, by the start of their names; all by default")
    parser.add_argument("--force", action="store_true", help="write over notebooks that were edited")
    parser.add_argument("--check", action="store_true", help="build nothing, only say what is out of step")
    options = parser.parse_args(arguments)
    try:
        chosen = scripts(options.number)
    except Refused as error:
        print(error, file=sys.stderr)
        return 2
    return max([check(path) if options.check else built(path, options.force) for path in chosen], default=0)


def check(path):
    try:
        found = problems(path)
    except Refused as error:
        found = [str(error)]
    print("\n".join(found) or f"{path.stem}: in step")
    return int(bool(found))


def built(path, force):
    start = time.perf_counter()
    print(f"{path.stem}: ", end="", flush=True)
    try:
        size = build(path, force)
    except Refused as error:
        print(f"not built: {error}")
        return 1
    print(f"{time.perf_counter() - start:.0f} s, {size / 1000:.0f} kB of outputs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
