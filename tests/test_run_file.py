"""A run whose newest state is damaged goes on from the one before, and no kill leaves it without a whole one."""

import os
import signal
import sys
from contextlib import suppress

import pytest
import torch

from simgan_lib.system.checkpoints import load_state, save_state
from simgan_lib.system.errors import UserError
from simgan_lib.system.run_file import RunFile

CHANGING = {"open", "os.rename", "os.remove", "os.link", "shutil.copyfile"}       # what changes files


@pytest.fixture
def file(tmp_path):
    """A file with the states of steps 1 and 2."""
    found = RunFile(tmp_path / "run.state")
    for step in (1, 2):
        found.save(state(step))
    return found


def state(step):
    return {"step": step, "weights": torch.full((100,), float(step))}


def taken_up(file):
    """The step of the state that is taken up, of all its weights too; None if there is none."""
    found = []
    there = RunFile(file.path).take_up(found.append)
    assert there == bool(found) and all(torch.equal(each["weights"], state(each["step"])["weights"]) for each in found)
    return found[0]["step"] if found else None


def cut(content):
    return content[:len(content) // 2]


def flipped(content, at=-1):
    return bytes(each ^ 1 if i == at % len(content) else each for i, each in enumerate(content))


DAMAGES = {"cut": cut, "nothing left": lambda content: b"", "a bit of the first line": lambda content: flipped(content, 3),
           "a bit of the digest": lambda content: flipped(content, 30), "a bit of the last byte": flipped,
           "zeros, as after a power cut": lambda content: bytes(len(content))}


def test_the_state_before_stands_beside_the_newest(file):
    assert (load_state(file.path)["step"], load_state(file.previous)["step"]) == (2, 1)
    assert sorted(os.listdir(file.path.parent)) == [file.path.name, file.previous.name] == ["run.state", "run.state.previous"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_state_is_passed_over_in_one_line_and_replaced_by_the_next(file, capsys, damage):
    file.path.write_bytes(damaged := DAMAGES[damage](file.path.read_bytes()))
    found, again = [], RunFile(file.path)
    assert again.take_up(found.append) and found[0]["step"] == 1
    said, = capsys.readouterr().err.splitlines()
    assert said.startswith(f"note: {file.path}: ") and said.endswith(f"; the run goes on from the state before it, {file.previous}")
    assert file.path.read_bytes() == damaged and load_state(file.previous)["step"] == 1, "nothing is changed yet"
    again.save(state(2))
    assert (load_state(file.path)["step"], load_state(file.previous)["step"]) == (2, 1), "a damaged one becomes no previous one"
    again.save(state(3))
    assert (load_state(file.path)["step"], load_state(file.previous)["step"]) == (3, 2)


def test_where_both_are_damaged_both_are_named_and_stay(file):
    for path in (file.path, file.previous):
        path.write_bytes(cut(path.read_bytes()))
    before = {path: path.read_bytes() for path in (file.path, file.previous)}
    with pytest.raises(UserError, match=r"run.state: damaged .*, and run.state.previous beside it .*; delete it to start anew$"):
        taken_up(file)
    assert {path: path.read_bytes() for path in before} == before


def test_a_damaged_state_with_none_before_it_is_refused(tmp_path):
    file = RunFile(tmp_path / "run.state")
    file.save(state(1))
    file.path.write_bytes(cut(file.path.read_bytes()))
    with pytest.raises(UserError, match="run.state: damaged checkpoint: .*; delete it to start anew"):
        taken_up(file)


@pytest.mark.parametrize("refusal, said", [(UserError("belongs to another run"), "run.state: belongs to another run; delete it"),
                                           (KeyError("run"), "run.state: not a readable state of a run.*another program's")])
def test_a_whole_state_that_the_run_refuses_is_no_damage(file, refusal, said):
    seen = []

    def restore(found):
        seen.append(found["step"])
        raise refusal
    with pytest.raises(UserError, match=said):
        RunFile(file.path).take_up(restore)
    assert seen == [2], "the one before it is not tried"


def test_who_deletes_the_file_starts_anew_and_is_told_of_the_state_before(file, capsys):
    file.path.unlink()
    assert taken_up(file) is None
    said, = capsys.readouterr().err.splitlines()
    assert said == f"note: {file.previous}: is not taken up, for run.state beside it is gone; this run begins anew"


def test_the_state_before_is_never_that_of_a_run_that_was_deleted(file):
    file.path.unlink()
    anew = RunFile(file.path)
    anew.save(state(7))
    assert not anew.previous.exists()
    anew.path.write_bytes(anew.path.read_bytes()[:-1])
    with pytest.raises(UserError, match="damaged"):
        taken_up(RunFile(file.path))


def test_a_run_that_is_over_leaves_neither(file):
    file.remove()
    file.remove()
    assert os.listdir(file.path.parent) == []


def test_a_link_stays_one_and_the_states_lie_where_it_points(tmp_path):
    (tmp_path / "scratch").mkdir()
    (tmp_path / "run.state").symlink_to(tmp_path / "scratch" / "large.state")
    file = RunFile(tmp_path / "run.state")
    for step in (1, 2):
        file.save(state(step))
    assert os.listdir(tmp_path / "scratch") and (tmp_path / "run.state").is_symlink()
    assert (load_state(tmp_path / "run.state")["step"], load_state(tmp_path / "scratch" / "large.state.previous")["step"]) == (2, 1)


def test_a_disk_without_space_leaves_both_as_they_were(file, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        file.save(state(3))
    assert (load_state(file.path)["step"], load_state(file.previous)["step"]) == (2, 1)


def no_links(*_):
    raise OSError(95, "Operation not supported")


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_killed_at_any_change_of_a_file_a_whole_state_is_there(file, monkeypatch, links):
    """Real kills, before each change of a file in turn, on file systems with and without hard links."""
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    before, seen = {path: path.read_bytes() for path in (file.path, file.previous)}, []
    while True:
        for path, content in before.items():
            path.unlink(missing_ok=True)
            path.write_bytes(content)
        status = ended_by(file, at=len(seen) + 1)
        with suppress(UserError):                     # half a copy, which the kill left
            assert load_state(file.previous)["step"] in (1, 2)
        assert load_state(file.path)["step"] == (3 if status == 0 else taken_up(file)), "it stands whole at its own place"
        if status == 0:
            break
        seen.append(taken_up(file))
        RunFile(file.path).save(state(3))
        assert load_state(file.path)["step"] == 3 and load_state(file.previous)["step"] in (2, 3)
        assert len(os.listdir(file.path.parent)) == 2, "what the kill left is cleared away"
    assert len(seen) >= 5 and set(seen) <= {2, 3} and seen[0] == 2, seen


def ended_by(file, at):
    """The exit status of a process that saves the third state, and is killed before its `at`-th change of a file."""
    pid = os.fork()
    if pid == 0:
        changes = 0

        def watched(event, given):
            nonlocal changes
            if event in CHANGING and (event != "open" or given[2] & (os.O_WRONLY | os.O_RDWR)) and "run.state" in str(given[0]):
                changes += 1
                if changes == at:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(watched)
        file.save(state(3))
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status


def test_a_state_alone_has_none_before_it(tmp_path):
    """Stages are written once: only runs keep two."""
    for step in (1, 2):
        save_state(tmp_path / "stage.state", state(step))
    assert os.listdir(tmp_path) == ["stage.state"]
