"""Release, grading and feedback of assignments, on nbgrader's folders and gradebook.

python -m coursework.course release [ASSIGNMENT ...]
python -m coursework.course grade SUBMISSIONS [ASSIGNMENT ...]      SUBMISSIONS/student/assignment/any name.ipynb
The course lies in results/coursework: source, release, submitted, marks, autograded, feedback, gradebook.db, exports.
"""

import argparse
import functools
import json
import os
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import nbformat

from simgan_lib.system.errors import UserError, exit_status

from . import parts
from .exports import export
from .grading.marking import Session, mark
from .grading.sandbox import ROOT, Lane

COURSE, HERE, LARGEST = ROOT / "results" / "coursework", Path(__file__).parent, 20 << 20
HIDDEN = [HERE]          # from students' processes, with the course itself


# ---- release ----
def notebook_of(name):
    """The instructor's notebook, with nbgrader's metadata: kinds and names are the source's, points those of the parts."""
    import jupytext
    notebook = jupytext.read(HERE / "source" / name / f"{name}.py")
    points = {part.name: part.points for part in parts.parts_of(name)}
    for cell in notebook.cells:
        kinds = {kind: cell.metadata.pop(kind) for kind in ("answer", "check", "written") if kind in cell.metadata}
        for kind, part in kinds.items():
            worth = cell.metadata.pop("points", 0) if kind == "written" else points.pop(part) if kind == "check" else 0
            cell.metadata["nbgrader"] = {
                "grade_id": f"answer-{part}" if kind == "answer" else part, "grade": kind != "answer", "solution": kind != "check",
                "locked": kind == "check", "task": False, "schema_version": 3, "cell_type": cell.cell_type,
                **({} if kind == "answer" else {"points": worth})}
    if points:
        raise UserError(f"{name}: no cell with check= for the parts {', '.join(points)}")
    notebook.metadata = {"kernelspec": notebook.metadata.get("kernelspec", {})}
    return notebook


def api(course):
    """nbgrader on the folder of a course."""
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import PyFileConfigLoader
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"     # it calls `alembic`
    settings = PyFileConfigLoader(str(HERE / "nbgrader_config.py")).load_config()
    settings.CourseDirectory.root, settings.CourseDirectory.course_id = str(course), "simgan"
    settings.Autograde.autograde_preprocessors[0] = functools.partial(put_marks, course=course)
    found = NbGraderAPI(config=settings)
    found.log_level = "ERROR"
    return found


def _done(result, what):
    if not result["success"]:
        raise UserError(f"nbgrader could not {what}: {(result.get('error') or result.get('log') or '').strip()[-600:]}")


def release(names, course=COURSE):
    """Students' notebooks in course/release/NAME; the instructor's beside them in course/source."""
    for name in names:
        folder = course / "source" / name
        folder.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook_of(name), folder / f"{name}.ipynb")
        _done(api(course).generate_assignment(name), f"release {name}")
        print(course / "release" / name / f"{name}.ipynb", flush=True)


# ---- marks ----
def cells_of(path):
    """[(name, source)] of the code cells that a student wrote or was given; the checks are left out.

    Raises UserError for what is no notebook.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise UserError(f"{path}: larger than {LARGEST >> 20} MB")
        cells = nbformat.read(path, as_version=4).cells
        rows = [(f"cell {place + 1}", cell.metadata.get("nbgrader", {}), "".join(cell.source)) for place, cell in enumerate(cells)
                if cell.cell_type == "code"]
    except (ValueError, AttributeError, KeyError, TypeError, OSError, RecursionError, nbformat.reader.NotJSONError) as error:
        raise UserError(f"{path}: no notebook ({type(error).__name__})") from error
    return [(name, source) for name, kind, source in rows if not (kind.get("grade") and not kind.get("solution"))]


LANE = None              # of this process of the pool


def marks_of(path, name, hidden=(), seed=None):
    """The marks of one submission: {"parts": [...], "isolation", "seconds", "failed": {cell: reason}}."""
    global LANE
    began = time.monotonic()
    LANE = LANE or Lane([*HIDDEN, *hidden])
    session = Session(LANE, cells_of(path))
    try:
        rows = mark(session, parts.parts_of(name), seed)
    finally:
        session.kill()
    return {"parts": rows, "isolation": LANE.isolation, "failed": session.failed, "seconds": round(time.monotonic() - began, 1)}


def put_marks(notebook, resources, course=COURSE):
    """In place of nbgrader's execution: marks and messages become the outputs of the graded cells."""
    of = resources["nbgrader"]
    marks = json.loads((course / "marks" / of["student"] / f"{of['assignment']}.json").read_text())
    rows = {row["name"]: row for row in marks["parts"]}
    for cell in notebook.cells:
        kind = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code":
            cell.outputs = []
        if cell.cell_type == "code" and kind.get("grade") and not kind.get("solution"):
            row = rows.get(kind["grade_id"], {"earned": 0.0, "criteria": []})
            lines = [f"{each['earned']:g} of {each['points']:g}: {each['name']}{each['message'] and ' -- ' + each['message']}"
                     for each in row["criteria"]]
            text = "".join(f"{line}\n" for line in lines)
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text or "not marked\n"),
                            nbformat.v4.new_output("execute_result", execution_count=1,
                                                       data={"text/plain": repr(float(row["earned"]))})]
    return notebook, resources


def submissions_in(folder, names):
    """[(student, assignment, path)].  A renamed notebook is taken if it is the only one in its folder."""
    found = []
    for path in sorted(path for path in Path(folder).glob("*/*") if path.is_dir() and path.name in names):
        notebooks = [path / f"{path.name}.ipynb"] if (path / f"{path.name}.ipynb").exists() else sorted(path.glob("*.ipynb"))
        if len(notebooks) == 1 and notebooks[0].is_file() and not notebooks[0].is_symlink():
            found.append((path.parent.name, path.name, notebooks[0]))
        else:
            print(f"{path}: expected one notebook, found {len(notebooks)}; left out", file=sys.stderr)
    if not found:
        raise UserError(f"{folder}: expected STUDENT/ASSIGNMENT/NAME.ipynb for {', '.join(names)}, found none")
    return found


def grade(folder, names, course=COURSE, jobs=2):
    """Mark all submissions, `jobs` at once; then nbgrader's gradebook and feedback, and exports."""
    rows = submissions_in(folder, names)
    walls = ""
    with ProcessPoolExecutor(jobs) as pool:
        running = {pool.submit(marks_of, path, name, (course, Path(folder))): (student, name, path) for student, name, path in rows}
        for number, future in enumerate(as_completed(running), 1):
            student, name, path = running[future]
            try:
                marks = future.result()
            except UserError as error:
                marks = {"parts": [], "isolation": "", "failed": {"notebook": str(error)}, "seconds": 0}
            walls = marks["isolation"] or walls
            _kept(course, student, name, path, marks)
            earned = sum(row["earned"] for row in marks["parts"])
            trouble = f" ({'; '.join(marks['failed'].values())})" if marks["failed"] else ""
            print(f"{number}/{len(rows)} {student} {name}: {earned:g} of {sum(part.points for part in parts.parts_of(name)):g}, "
                  f"{marks['seconds']} s{trouble}", flush=True)
    print(f"isolation: {walls or 'no submission could be opened'}")
    nbgrader = api(course)
    for student, name, _ in rows:
        result = nbgrader.autograde(name, student)
        if result["success"]:
            result = nbgrader.generate_feedback(name, student)
        if not result["success"]:
            said = (result.get("error") or result.get("log") or "").strip()[-300:]
            print(f"{student} {name}: nbgrader took no marks ({said})", file=sys.stderr)
    export(course, [(student, name) for student, name, _ in rows])


def _kept(course, student, name, path, marks):
    submitted = course / "submitted" / student / name
    (course / "marks" / student).mkdir(parents=True, exist_ok=True)
    (course / "marks" / student / f"{name}.json").write_text(json.dumps(marks, indent=1))
    submitted.mkdir(parents=True, exist_ok=True)
    readable = "notebook" not in marks["failed"]                # else nbgrader gets the empty one, and 0 for it
    shutil.copy(path if readable else course / "release" / name / f"{name}.ipynb", submitted / f"{name}.ipynb")


def main(words=None):
    parser = argparse.ArgumentParser(prog="python -m coursework.course", description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("release", "grade"))
    parser.add_argument("names", nargs="*", metavar="SUBMISSIONS (grade), then ASSIGNMENT", default=[])
    parser.add_argument("--course", type=Path, default=COURSE)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args(words)
    folder, names = (asked.names[:1], asked.names[1:]) if asked.what == "grade" else ([], asked.names)
    unknown = set(names) - set(parts.NAMES)
    if unknown:
        raise UserError(f"no assignment {', '.join(sorted(unknown))}; there are {', '.join(parts.NAMES)}")
    if asked.what == "release":
        release(names or parts.NAMES, asked.course.resolve())
    elif not any(folder):
        raise UserError("grade: which folder of submissions?")
    else:
        grade(folder[0], names or parts.NAMES, asked.course.resolve(), asked.jobs)


if __name__ == "__main__":
    sys.exit(exit_status(main))
