"""Image sets on disk: written part by part, whole or invisible, and those of before still read."""

import json
import os
import signal
import subprocess
import sys
import time
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from simgan_lib.images import ImageSet, save_parts
from simgan_lib.system import image_sets
from simgan_lib.system.errors import UserError


def part(start, n, channels=1, size=(3, 4)):
    """Images whose pixels, label and groups all say which one it is."""
    places = torch.arange(start, start + n)
    images = (places % 251).to(torch.uint8)[:, None, None, None].expand(n, channels, *size)
    labels = {"gaze": torch.stack([places, -places], -1) / 1024}
    groups = {"day": np.array([f"day{i // 3:02d}" for i in places.tolist()], dtype=str),
              "side": np.array(["left", "right"] * n, dtype=str)[:n]}
    return ImageSet(images, labels, groups)


def parts(lengths):
    return (part(sum(lengths[:number]), length) for number, length in enumerate(lengths))


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def assert_numbers(folder, n):
    read, whole = ImageSet.load(folder), part(0, n)
    assert torch.equal(read.images, whole.images) and torch.equal(read.labels["gaze"], whole.labels["gaze"])
    assert read.groups["day"].tolist() == whole.groups["day"].tolist() and read.source == "numbers"


@given(lengths=st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_parts_read_back_as_one_set(tmp_path_factory, lengths):
    folder = tmp_path_factory.mktemp("sets") / "set"
    assert save_parts(folder, parts(lengths), "numbers") == sum(lengths)
    assert_numbers(folder, sum(lengths))
    assert os.listdir(folder.parent) == ["set"]


def test_parts_are_the_bytes_of_the_whole_as_numpy_writes_them(tmp_path):
    save_parts(tmp_path / "set", parts([4, 3]), "numbers")
    np.save(tmp_path / "a.npy", part(0, 7).images.numpy())
    assert content(tmp_path / "set")["images.npy"] == (tmp_path / "a.npy").read_bytes()


def test_no_more_than_two_parts_are_in_memory(tmp_path):
    seen = []

    def one_by_one():
        for number in range(10):
            images = part(number, 1)
            seen.append(weakref.ref(images.images))
            assert sum(images() is not None for images in seen) <= 2
            yield images
            del images
    assert save_parts(tmp_path / "set", one_by_one(), "numbers") == 10


# ---- sets of before ----
def npy(dtype, shape, numbers):
    """A .npy file, byte by byte: the mark, the length of the header, the header, the numbers."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + numbers


def test_a_set_written_before_is_still_read(tmp_path):
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "images.npy").write_bytes(npy("|u1", (3, 1, 1, 2), bytes([0, 1, 10, 11, 20, 21])))
    (folder / "gaze.npy").write_bytes(npy("<f4", (3, 2), (np.arange(6, dtype="<f4") / 8).tobytes()))
    (folder / "group_day.npy").write_bytes(npy("<u4", (3,), bytes([1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0])))
    (folder / "set.json").write_text('{"format": "simgan-imageset-2", "source": "of old", "shape": [3, 1, 1, 2], "labels": '
                                     '["gaze"], "groups": {"day": ["day01", "day02"]}, "key": {}, "skipped": {}}')
    old = ImageSet.load(folder)
    assert old.images[:, 0, 0].tolist() == [[0, 1], [10, 11], [20, 21]] and old.labels["gaze"][2].tolist() == [0.5, 0.625]
    assert isinstance(old.groups["day"], np.ndarray) and old.groups["day"].tolist() == ["day02", "day01", "day02"]
    assert old.source == "of old"


def test_a_million_images_open_at_once(tmp_path):
    """Their pixels are not read: here they are holes in a file, and would take seconds."""
    n, folder = 1_000_000, tmp_path / "set"
    part(0, 1).save(folder)
    for name, dtype, shape in (("images", "|u1", (n, 1, 35, 55)), ("gaze", "<f4", (n, 2)), ("group_day", "<u4", (n,)),
                               ("group_side", "<u4", (n,))):
        (folder / f"{name}.npy").write_bytes(npy(dtype, shape, b""))
        os.truncate(folder / f"{name}.npy", 128 + int(np.prod(shape)) * np.dtype(dtype).itemsize)
    about = json.loads((folder / "set.json").read_text()) | {"shape": [n, 1, 35, 55]}
    (folder / "set.json").write_text(json.dumps(about))
    begun = time.perf_counter()
    assert ImageSet.load(folder).groups["day"][-1] == "day00"
    assert time.perf_counter() - begun < 1


@pytest.mark.parametrize("damage", [
    lambda at: np.save(at / "gaze.npy", np.float32(3)),
    lambda at: (at / "set.json").write_text((at / "set.json").read_text().replace('["day00", "day01"]', "[]"))])
def test_labels_and_groups_that_belong_to_no_image_are_refused(tmp_path, damage):
    part(0, 4).save(tmp_path / "set")
    damage(tmp_path / "set")
    with pytest.raises(UserError, match="set: not a complete image set"):
        ImageSet.load(tmp_path / "set")


# ---- names and labels ----
ELSEWHERE = ["../notes", "/notes", "..\\notes", "C:notes", "", " ", ".", "a\nb", "aux", "x" * 201, "images"]


@pytest.mark.parametrize("name", ELSEWHERE)
@pytest.mark.parametrize("kind", ["labels", "groups"])
def test_a_name_that_is_no_plain_one_is_neither_read_nor_written(tmp_path, name, kind):
    """It would be a path, or the file of something else."""
    if kind == "groups" and name == "images":
        name = "Day"                                        # beside day, which some disks do not tell apart
    new = {name: torch.zeros(4)} if kind == "labels" else {name: ["x"] * 4}
    good = part(0, 4)
    bad = ImageSet(good.images, good.labels | new, good.groups) if kind == "labels" else ImageSet(
        good.images, good.labels, good.groups | new)
    if not (kind, name) == ("labels", "images"):            # a set cannot even be made with it
        with pytest.raises(UserError, match="set: could not be written: found|occurs twice"):
            bad.save(tmp_path / "set")
    assert not (tmp_path / "set").exists()
    good.save(tmp_path / "set")
    about = json.loads((tmp_path / "set" / "set.json").read_text())
    about["labels"] += [name] * (kind == "labels")
    about["groups"] |= {name: ["x"]} if kind == "groups" else {}
    (tmp_path / "set" / "set.json").write_text(json.dumps(about))
    with pytest.raises(UserError, match="set: not a complete image set .(found|.* occurs twice)"):
        ImageSet.load(tmp_path / "set")


@pytest.mark.parametrize("name", ["size of pupil", "größe", "目", "day-2", "console"])
def test_a_plain_name_is_written_and_read(tmp_path, name):
    ImageSet(part(0, 2).images, {name: torch.zeros(2)}, {name: ["a", "b"]}).save(tmp_path / "set")
    read = ImageSet.load(tmp_path / "set")
    assert list(read.labels) == list(read.groups) == [name]


@pytest.mark.parametrize("label, values, said", [
    ("gaze", [0.0, float("nan")], "radians .* found .0.0, nan"), ("gaze", [1.6, 0.0], "found .1.6"), ("gaze", [0.0, -3.2], "found"),
    ("pupil", [float("inf"), 0.0], "found .inf, 0.0")])
def test_a_label_that_cannot_be_is_named_with_its_image(tmp_path, label, values, said):
    """Far behind: labels are looked at part by part."""
    labels = torch.zeros(70_001, 2)
    labels[70_000] = torch.tensor(values)
    ImageSet(torch.zeros(70_001, 1, 1, 1, dtype=torch.uint8), {label: labels}).save(tmp_path / "set")
    with pytest.raises(UserError, match=f"set: {label} of image 70000: expected finite numbers.*{said}"):
        ImageSet.load(tmp_path / "set")


def test_a_label_of_ones_own_may_be_anything(tmp_path):
    ImageSet(part(0, 2).images, {"iris": torch.zeros(2, 5), "score": torch.tensor([float("nan"), 1e30])}).save(tmp_path / "set")
    assert ImageSet.load(tmp_path / "set").labels["score"][0].isnan()


def test_names_take_no_more_memory_than_the_images(tmp_path):
    """All names of a group take as much as the longest: one of a megabyte would be a terabyte for a million images."""
    n = 100_000
    ImageSet(torch.zeros(n, 1, 1, 1, dtype=torch.uint8), {}, {"day": ["d"] * n}).save(tmp_path / "set")
    about = (tmp_path / "set" / "set.json").read_text()
    (tmp_path / "set" / "set.json").write_text(about.replace('["d"]', json.dumps(["d" * 10_000])))
    with pytest.raises(UserError, match="its names would take 4 GB of memory"):
        ImageSet.load(tmp_path / "set")


def test_names_that_no_image_has_are_refused(tmp_path):
    """As many as one likes would take as much memory as one likes, each."""
    part(0, 4).save(tmp_path / "set")
    about = (tmp_path / "set" / "set.json").read_text()
    (tmp_path / "set" / "set.json").write_text(about.replace('"day00", ', '"day00", "a", "b", "c", '))
    with pytest.raises(UserError, match="not a complete image set .group_day.npy: codes"):
        ImageSet.load(tmp_path / "set")


# ---- kills ----
@pytest.mark.parametrize("at", ["before the first rename", "before the second", "after the second", "while writing"])
def test_killed_and_called_again_gives_the_set_of_one_that_was_not(tmp_path, at):
    """With an old set there: one of the two can always be loaded, and nothing of the killed call is used."""
    ImageSet(torch.zeros(2, 1, 3, 4, dtype=torch.uint8)).save(tmp_path / "set")
    program = f"""
import os, signal, sys
sys.path.insert(0, sys.argv[2])
import test_image_sets as t
real, at, renames = os.replace, {at!r}, []
def die(): os.kill(os.getpid(), signal.SIGKILL)
def replace(a, b):
    renames.append(b)
    if at == ["before the first rename", "before the second"][len(renames) - 1]: die()
    real(a, b)
    if at == "after the second" and len(renames) == 2: die()
def parts():
    yield from t.parts([4])
    if at == "while writing": die()
    yield t.part(4, 3)
os.replace = replace
t.save_parts(sys.argv[1], parts(), "numbers")
"""
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path / "set"), os.path.dirname(__file__)], timeout=120)
    assert ended.returncode == -signal.SIGKILL
    assert len(ImageSet.load(tmp_path / "set")) == (7 if at == "after the second" else 2)
    assert save_parts(tmp_path / "set", parts([4, 3]), "numbers") == 7
    assert_numbers(tmp_path / "set", 7)
    assert os.listdir(tmp_path) == ["set"]


# ---- faults ----
@pytest.mark.parametrize("other, said", [
    (part(4, 2, channels=3), r"images uint8 \(3, 3, 4\), expected uint8 \(1, 3, 4\)"),
    (part(4, 2, size=(5, 4)), r"images uint8 \(1, 5, 4\), expected"),
    (ImageSet(part(4, 2).images, {}, part(4, 2).groups), r"gaze absent, expected float32 \(2,\)"),
    (ImageSet(part(4, 2).images, {"gaze": torch.zeros(2, 2).double()}, part(4, 2).groups), "gaze float64"),
    (ImageSet(part(4, 2).images, {"gaze": torch.zeros(2, 2), "pupil": torch.zeros(2, 2)}, part(4, 2).groups), "pupil float"),
    (ImageSet(part(4, 2).images, part(4, 2).labels, {"day": ["day01"] * 2}), "group_side absent")])
def test_images_of_another_kind_are_refused(tmp_path, other, said):
    with pytest.raises(UserError, match=f"one kind: found {said}"):
        save_parts(tmp_path / "set", [part(0, 4), other], "numbers")
    assert os.listdir(tmp_path) == []


def test_a_limit_on_file_size_makes_a_real_write_fail(tmp_path):
    """The kernel refuses half way through a file: the old set stays, and nothing else."""
    part(0, 2).save(tmp_path / "set")
    program = """
import resource, signal, sys
sys.path.insert(0, sys.argv[2])
import test_image_sets as t
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
try:
    t.save_parts(sys.argv[1], t.parts([100, 100]), "numbers")
except t.UserError as error:
    print(error)
"""
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path / "set"), os.path.dirname(__file__)],
                           capture_output=True, text=True, timeout=120)
    assert ended.stdout.startswith(f"{tmp_path / 'set'}: could not be written (File too large)"), ended.stderr
    assert len(ImageSet.load(tmp_path / "set")) == 2 and os.listdir(tmp_path) == ["set"]


def test_a_folder_with_other_files_is_not_replaced(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(UserError, match="thesis: could not be written: a folder with other files"):
        part(0, 2).save(tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "years of work"
    assert os.listdir(tmp_path) == ["thesis"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_folder_is_named(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UserError, match="set: could not be written .Permission denied"):
            part(0, 2).save(tmp_path / "set")
    finally:
        tmp_path.chmod(0o700)


def test_a_second_writer_is_kept_away(tmp_path):
    def slow():
        yield part(0, 4)
        with pytest.raises(UserError, match="another process is at work"):
            part(0, 2).save(tmp_path / "set")
    save_parts(tmp_path / "set", slow(), "numbers")
    assert_numbers(tmp_path / "set", 4)


def test_a_set_without_parts_is_not_written(tmp_path):
    with pytest.raises(UserError, match="no image was found"):
        save_parts(tmp_path / "set", [], "nothing")
    assert os.listdir(tmp_path) == []


# ---- pieces ----
def test_a_piece_is_read_back_and_its_note_without_it(tmp_path):
    arrays, groups = {"images": part(0, 3).images.numpy(), "gaze": np.zeros((3, 2))}, {"file": ["a", "b", "b"]}
    image_sets.save_piece(tmp_path / "a.npz", arrays, groups, {"n": 3})
    read, read_groups = image_sets.read_piece(tmp_path / "a.npz")
    assert image_sets.read_notes([tmp_path / "a.npz"]) == [{"n": 3}] and read_groups["file"].tolist() == ["a", "b", "b"]
    assert read.keys() == arrays.keys() and all(np.array_equal(read[name], arrays[name]) for name in arrays)


def test_a_piece_does_not_wait_for_the_disk_but_the_finished_set_does(tmp_path, monkeypatch):
    waited = []
    monkeypatch.setattr(os, "fsync", waited.append)
    image_sets.save_piece(tmp_path / "a.npz", {}, {}, {"n": 0})
    assert not waited
    part(0, 2).save(tmp_path / "set")
    assert len(waited) == 5                                 # images, gaze, two groups, set.json


def test_pieces_that_a_power_cut_emptied_go_all_at_once(tmp_path):
    """Else each of them would cost a call."""
    pieces = [tmp_path / f"{name}.npz" for name in "abc"]
    image_sets.save_piece(pieces[1], {}, {}, {"n": 0})
    pieces[0].touch()
    pieces[2].touch()
    with pytest.raises(UserError, match="a damaged piece"):
        image_sets.read_notes(pieces)
    assert os.listdir(tmp_path) == ["b.npz"]


def test_pieces_outlive_an_error_and_end_with_the_work(tmp_path):
    with pytest.raises(KeyboardInterrupt), image_sets.work_place(tmp_path / "set") as place:
        image_sets.save_piece(place / "a.npz", {}, {}, {"n": 0})
        raise KeyboardInterrupt
    assert image_sets.read_notes([place / "a.npz"]) == [{"n": 0}]
    with image_sets.work_place(tmp_path / "set"):
        pass
    assert os.listdir(tmp_path) == []
