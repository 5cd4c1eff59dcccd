"""Marking of assignments: a share of the bank of answers, what crosses the pipe, and what a release holds.

The whole bank: make test-coursework.
"""

import csv
import os
import re
import shutil
import subprocess
import sys

import pytest
import torch

if sys.platform != "linux":
    pytest.skip("students' processes are limited in Linux's way", allow_module_level=True)

from coursework import answers, bank, course, parts
from coursework.grading import wire
from coursework.grading.marking import Session, mark
from coursework.grading.sandbox import WAYS, Lane, TimeUp, deadline
from coursework.grading.wire import Lost

SHARE = 9                 # every ninth answer


@pytest.fixture(scope="module")
def lane():
    with Lane(hidden=["coursework"]) as lane:
        yield lane


@pytest.fixture
def peer(lane):
    yield lane.start()
    lane.end()


# ---- the bank ----
@pytest.mark.parametrize("name", answers.NAMES)
def test_every_part_has_its_bank(name):
    assert {part.name for part in parts.parts_of(name)} == set(answers.bank_of(name))
    for part, (right, wrong) in answers.bank_of(name).items():
        assert len(right) >= 4 and len(wrong) >= 12, f"{part}: {len(right)} right, {len(wrong)} wrong"


@pytest.mark.parametrize("name", answers.NAMES)
def test_the_first_page_and_the_instructors_page_say_how_many_points_there_are(name):
    source = (course.HERE / "source" / name / f"{name}.py").read_text()
    marked = sum(part.points for part in parts.parts_of(name))
    written = sum(map(int, re.findall(r'written="\w+" points=(\d+)', source)))
    assert f"| **Points** | {marked + written}: {marked} marked by program, {written} by a person |" in source
    assert re.search(rf"^\| `{name}` \| .* \| {marked}, {written} \|", (course.HERE / "README.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", answers.NAMES)
def test_a_share_of_the_bank_is_marked_as_it_should_be(lane, name):
    counts, found = bank.failures(lane, name, SHARE)
    assert all(counts.values()) and not found, "\n".join(found)


# ---- the pipe ----
def test_arguments_results_and_gradients_pass_in_both_directions(peer):
    assert peer.ask("cell", "def f(x, other):\n    return [other(x) * 2, {'n': x.dtype}]") is None
    x = torch.tensor([1.0, 3.0], requires_grad=True)
    (y, kinds) = peer.ask("find", "f")[1](x, lambda z: z ** 2)
    assert y.tolist() == [2, 18] and kinds == {"n": torch.float32}
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == [4, 12]


def test_what_is_done_to_a_shared_tensor_is_seen_on_both_sides(peer):
    peer.ask("cell", "kept = []\ndef f(x):\n    kept.append(x); x += 1\ndef g():\n    return kept[0].sum()")
    x = torch.zeros(2)
    peer.ask("find", "f")[1](x)
    assert x.tolist() == [1, 1]
    x.fill_(7)
    assert peer.ask("find", "g")[1]() == 14


def test_nothing_but_public_names_of_what_was_lent_can_be_asked_of_the_grader(peer):
    class Secret:
        shown, _hidden = 1, 2

    peer.ask("cell", "def f(x):\n    return [x.shown, x.__name__, type(x).__name__]\ndef g(x):\n"
                     "    return x._peer.ask('get', x, '_hidden')")
    assert peer.ask("find", "f")[1](Secret()) == [1, "Given", "Remote"]
    with pytest.raises(AttributeError, match="_hidden"):
        peer.ask("find", "g")[1](Secret())


@pytest.mark.parametrize("frame", [{"tree": {"new": 3}}, {"tree": 1, "sizes": [-1]}, {"tree": 1, "sizes": [2 ** 40]}, []])
def test_nonsense_in_the_pipe_is_refused(frame):
    import json
    import struct
    receive, send = os.pipe()
    text = json.dumps(frame).encode()
    os.write(send, struct.pack(">I", len(text)) + text)
    with pytest.raises(wire.WireError):
        wire.read_frame(receive)


def test_numbers_that_do_not_fit_their_shape_are_refused():
    with pytest.raises(ValueError):
        wire.from_numbers(["torch", "float32", [3], 0], [b"1234"])
    with pytest.raises(ValueError):
        wire.from_numbers(["numpy", "|O8", [1], 0], [b"12345678"])


# ---- walls ----
def test_a_process_that_hangs_or_dies_is_ended_and_the_next_one_is_fresh(lane):
    peer = lane.start()
    with pytest.raises(TimeUp), deadline(1):
        peer.ask("cell", "import os\nif os.fork() == 0:\n    os.setsid()\nwhile True: pass")
    peer = lane.start()
    with pytest.raises(Lost):
        peer.ask("cell", "import os; os._exit(0)")
    assert lane.start().ask("find", "os") == [False, None]


def test_walls_that_are_said_to_stand_do_stand(lane, peer, tmp_path):
    said = peer.ask("cell", "kept = bytearray(20 * 1024 ** 3)")
    assert said.startswith("MemoryError")
    if lane.state["covered"]:
        assert "No such file" in peer.ask("cell", f"open({str(course.HERE / 'parts' / 'history_buffer.py')!r})")
        assert peer.ask("cell", f"open({str(tmp_path / 'x')!r}, 'w')") is not None
    if lane.state["offline"]:
        assert peer.ask("cell", "import socket; socket.create_connection(('192.0.2.1', 80), 2)").startswith("OSError")


def test_the_strongest_walls_that_the_system_gives_are_taken(lane):
    given = [way for way, command in WAYS.items() if way != "limits alone" and shutil.which(command[0])
             and not subprocess.run([*command, "true"], capture_output=True).returncode]
    assert lane.way == (given or ["limits alone"])[0], lane.isolation


def test_where_no_namespace_can_be_had_it_is_said():
    with Lane(ways={"limits alone": []}) as lane:
        assert "NO real wall" in lane.isolation or "no network" in lane.isolation
        assert lane.start().ask("cell", "1 + 1") is None


# ---- hidden buffers look alike ----
def test_broken_and_right_buffers_show_the_same_names():
    from coursework.parts.history_buffer import BROKEN, RIGHT
    names = [{name for name in dir(kind) if not name.startswith("_")} for kind in [*RIGHT.values(), *BROKEN.values()]]
    assert all(each == names[0] for each in names)


# ---- release ----
@pytest.mark.parametrize("name", parts.NAMES)
def test_a_release_holds_no_solution_no_hidden_test_and_no_output(name, tmp_path, monkeypatch):
    pytest.importorskip("nbgrader", reason="nbgrader needs Python 3.11 and the extra coursework")
    monkeypatch.setenv("PATH", os.defpath)                    # make calls the environment's Python by its path alone
    course.release([name], tmp_path)
    text = (tmp_path / "release" / name / f"{name}.ipynb").read_text()
    assert "BEGIN SOLUTION" not in text and "Marking guide" not in text and "Model answer" not in text
    assert not any(cell.get("outputs") for cell in course.nbformat.reads(text, 4).cells)
    hidden = set()
    for cell in course.notebook_of(name).cells:
        if "BEGIN SOLUTION" in cell.source:
            inside = cell.source.split("BEGIN SOLUTION")[1].split("END SOLUTION")[0].strip("# \n").splitlines()
            hidden |= {line.strip() for line in inside if len(line.strip()) > 30}
    hidden |= {line.strip() for line in (course.HERE / "parts" / f"{name}.py").read_text().splitlines()
               if len(line.strip()) > 40 and not line.startswith(("from ", "import "))}
    assert hidden and not [line for line in hidden if line.replace('"', '\\"') in text]


def solved(name, path):
    """Write the instructor's notebook, model solutions in it, as a student's submission."""
    path.parent.mkdir(parents=True)
    course.nbformat.write(course.notebook_of(name), path)
    return path


@pytest.mark.parametrize("name", answers.NAMES)
def test_the_model_solution_gets_full_marks(lane, name, tmp_path):
    found = mark(Session(lane, course.cells_of(solved(name, tmp_path / "student" / "n.ipynb"))), parts.parts_of(name))
    lane.end()
    assert [row["earned"] for row in found] == [part.points for part in parts.parts_of(name)], found


def test_marks_reach_the_gradebook_the_feedback_and_the_exports(tmp_path, capsys):
    """One right submission under another file's name, one whose second part is wrong, and one that is no notebook."""
    pytest.importorskip("nbgrader", reason="nbgrader needs Python 3.11 and the extra coursework")
    from nbgrader.api import Gradebook
    name, made, handed = "forgetting", tmp_path / "course", tmp_path / "handed"
    course.release([name], made)
    solved(name, handed / "ada" / name / "my last version.ipynb")
    wrong = solved(name, handed / "bob" / name / f"{name}.ipynb")
    wrong.write_text(wrong.read_text().replace("accuracy[k:last, k].max()", "accuracy[k:last, k].mean()"))
    (handed / "eve" / name).mkdir(parents=True)
    (handed / "eve" / name / f"{name}.ipynb").write_text("{")
    course.grade(handed, [name], made, jobs=1)
    with Gradebook(f"sqlite:///{made / 'gradebook.db'}") as book:
        scores = {who: book.find_submission(name, who).score for who in ("ada", "bob", "eve")}
    assert scores == {"ada": 15, "bob": 12, "eve": 0}
    assert "wrong values" in (made / "feedback" / "bob" / name / f"{name}.html").read_text()
    rows = list(csv.DictReader((made / "exports" / "canvas.csv").open()))
    assert {row["Student"]: float(row[name]) for row in rows} == {"ada": 15, "bob": 12, "eve": 0}
    said = capsys.readouterr().out
    assert "no notebook" in said and "isolation: " in said
