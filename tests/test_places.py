"""Where something may be written is asked before the work, kept from other processes, and told in one line."""

import errno
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
import torch

from simgan_lib.images import ImageSet
from simgan_lib.system import places
from simgan_lib.system.errors import UserError
from simgan_lib.system.files import write_whole
from simgan_lib.system.image_sets import check_place
from simgan_lib.system.places import checked, claimed, locked


def some_images(n=3):
    return ImageSet(torch.arange(n, dtype=torch.uint8)[:, None, None, None].expand(n, 1, 3, 4))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with a folder, a file, a pipe and links in it."""
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("folder", "thesis.txt").write_text("years of work")
    Path("file").write_text("kept")
    os.mkfifo("pipe")
    for name, to in {"loop": "loop", "to_folder": "folder", "to_pipe": "pipe", "to_device": os.devnull, "to_file": "file",
                     "to_nothing": "folder/new"}.items():
        os.symlink(to, name)
    return tmp_path


NO_PLACE = ["", " ", "/", "file/below", "x" * 300, "x" * 250, "new/" + "x" * 250, "new/" + "x" * 300 + "/y", "a/" * 2100 + "y",
            "loop", "pipe", "to_pipe", os.devnull, "to_device", "zero\0byte"]
NO_FILE, NO_FOLDER = [*NO_PLACE, ".", "..", "folder", "to_folder", "new/", "folder/.."], [*NO_PLACE, "file", "to_file"]


@pytest.mark.parametrize("folder, name", [(False, name) for name in NO_FILE] + [(True, name) for name in NO_FOLDER])
def test_what_is_no_place_to_write_to_is_told_and_nothing_changes(here, folder, name):
    before = sorted(here.rglob("*"))
    for ask in (checked, lambda *words: claimed(*words).__enter__()):
        with pytest.raises(UserError, match="could not be written"):
            ask(name, folder)
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize("name", ["new", "new/deep/er", "file", "to_file", "to_nothing", "x" * 230, "a.b.c"])
def test_a_place_to_write_to_is_left_as_it_was(here, name):
    before = sorted(here.rglob("*"))
    assert checked(name) == Path(os.path.realpath(name)) and sorted(here.rglob("*")) == before


@pytest.mark.parametrize("name", [name for name in NO_PLACE if name != " "] + ["folder", "to_folder", "pipe"])
def test_no_writer_puts_a_file_in_the_place_of_something_else(here, name):
    before = sorted(here.rglob("*"))
    with pytest.raises(UserError, match="could not be written"):
        write_whole(name, [b"new"])
    assert [path for path in sorted(here.rglob("*")) if path.name != "new"] == before


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_disk_that_cannot_be_written_is_told_with_its_reason(tmp_path, monkeypatch, code):
    def refuse(dir):
        raise OSError(code, os.strerror(code))
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(UserError, match=f"new: could not be written .{os.strerror(code)}"):
        checked(tmp_path / "new")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
@pytest.mark.parametrize("name, folder", [("file", False), ("folder", True)])
def test_what_is_read_only_is_not_replaced(here, name, folder):
    os.chmod(name, 0o500)
    with pytest.raises(UserError, match="read-only"):
        checked(name, folder)


# ---- links ----
@pytest.mark.parametrize("link, target", [("to_file", "file"), ("to_nothing", "folder/new")])
def test_a_file_is_written_through_a_link_which_stays_one(here, link, target):
    write_whole(link, [b"new"])
    assert Path(link).is_symlink() and Path(target).read_bytes() == b"new"


def test_an_image_set_is_written_through_a_link_which_stays_one(here):
    some_images(2).save("far/set")
    os.symlink("far/set", "link")
    some_images(5).save("link")
    assert Path("link").is_symlink() and len(ImageSet.load("far/set")) == len(ImageSet.load("link")) == 5
    assert os.listdir("far") == ["set"]


# ---- image sets ----
def test_a_set_beside_which_something_else_lies_is_not_replaced(tmp_path):
    some_images().save(tmp_path / "set")
    (tmp_path / "set" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="other files stands there, such as notes.txt"):
        some_images(5).save(tmp_path / "set")
    assert (tmp_path / "set" / "notes.txt").exists() and len(ImageSet.load(tmp_path / "set")) == 3


@pytest.mark.parametrize("name", [".", "..", "folder/..", "folder/../.."])
def test_no_set_takes_the_place_of_the_folder_one_is_in(here, name):
    with pytest.raises(UserError, match="the folder that this runs in, or one above"):
        check_place(name)


def test_a_disk_is_no_set(tmp_path, monkeypatch):
    (tmp_path / "disk").mkdir()
    monkeypatch.setattr(Path, "is_mount", lambda path: path.name == "disk")
    with pytest.raises(UserError, match="a disk of its own"):
        check_place(tmp_path / "disk")


# ---- one process at a time ----
@pytest.mark.parametrize("folder", [False, True])
def test_a_place_is_claimed_once_and_free_afterwards(here, folder):
    with claimed("new/x", folder), pytest.raises(UserError, match="new/x: another process is at work there"):
        claimed("new/x", folder).__enter__()
    with claimed("new/x", folder):
        pass
    assert not Path("new").exists()
    with claimed("new/x", folder):
        Path("new/y").touch()
    assert os.listdir("new") == ["y"]


def test_two_names_of_one_file_are_one_place(here):
    with claimed("to_file"), pytest.raises(UserError, match="another process"), claimed("file"):
        pass


def test_names_that_differ_behind_a_dot_are_two_places(here):
    with claimed("lambda0.1"), claimed("lambda0.5"), claimed("lambda0"):
        pass


def test_who_may_wait_comes_after_the_other(tmp_path):
    first, order = claimed(tmp_path / "x"), []
    first.__enter__()
    timer = threading.Timer(0.3, lambda: (order.append("first"), first.__exit__(None, None, None)))
    timer.start()
    with claimed(tmp_path / "x", wait=60):
        order.append("second")
    timer.join()
    assert order == ["first", "second"]


HOLD = """
import sys
from simgan_lib.system.places import claimed
with claimed(sys.argv[1]):
    print("held", flush=True)
    input()
"""


def test_a_killed_process_holds_nothing(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "x")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True, cwd=Path(__file__).parents[1]) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="another process is at work there"), claimed(tmp_path / "x"):
            pass
        other.send_signal(signal.SIGKILL)
    with claimed(tmp_path / "x"):
        pass
    assert os.listdir(tmp_path) == []


def test_a_lock_that_was_deleted_meanwhile_is_no_lock(tmp_path, monkeypatch):
    """The one before deletes its lock when it ends: who opened it just before then holds a file that nobody else sees."""
    real, opened = places.hold, []

    def hold_late(file):
        opened.append(file)
        if len(opened) == 1:
            (tmp_path / "lock").unlink()
        real(file)
    monkeypatch.setattr(places, "hold", hold_late)
    with locked(tmp_path / "lock") as file:
        assert os.path.samestat(os.fstat(file.fileno()), os.stat(tmp_path / "lock")) and len(opened) == 2


# ---- other machines ----
@pytest.fixture
def no_locks(monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")
    monkeypatch.setattr(places.fcntl, "flock", refuse)
    places._say_once.cache_clear()


def test_a_file_system_without_locks_says_so_once_and_works(tmp_path, no_locks, capsys):
    (tmp_path / ".x.12.unfinished").touch()               # perhaps of a process that lives
    for content in (b"1", b"2"):
        with claimed(tmp_path / "x") as path:
            write_whole(path, [content])
    some_images().save(tmp_path / "set")
    assert (tmp_path / "x").read_bytes() == b"2" and len(ImageSet.load(tmp_path / "set")) == 3
    assert sorted(os.listdir(tmp_path)) == [".x.12.unfinished", "set", "x"]
    said, = capsys.readouterr().err.splitlines()
    assert said.startswith(f"note: {tmp_path}: no file can be locked there")


class Windows:
    """msvcrt, as far as it is used."""

    LK_NBLCK = 2

    @staticmethod
    def locking(number, mode, n, fcntl=places.fcntl):
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PermissionError(errno.EACCES, "Permission denied") from None


def test_on_windows_a_second_process_is_kept_away_and_leftovers_block_nothing(tmp_path, monkeypatch):
    """There, asking whether a process lives would end it, or raise an OSError of no kind that Linux has."""
    monkeypatch.setattr(places, "fcntl", None)
    monkeypatch.setattr(places, "msvcrt", Windows, raising=False)
    monkeypatch.setattr(os, "kill", None)
    (tmp_path / ".x.4242.unfinished").write_bytes(b"left by a killed run")
    write_whole(tmp_path / "x", [b"new"])
    assert os.listdir(tmp_path) == ["x"]
    with claimed(tmp_path / "y"), pytest.raises(UserError, match="another process is at work there"), claimed(tmp_path / "y"):
        pass
