"""Image sets: picking, splitting, and a folder on disk that survives whatever happens to its writer."""

import errno
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from simgan_lib.images import ImageSet, random_windows, resized, to_float, to_uint8
from simgan_lib.system.errors import UserError


def numbered(n=7, channels=1, size=(3, 4)):
    """A set whose every image, label and group says which one it is."""
    places = torch.arange(n)
    images = places.to(torch.uint8)[:, None, None, None].expand(n, channels, *size).clone()
    labels = {"gaze": torch.stack([places, -places], -1) / 1024, "parts": images[:, 0].clone()}
    groups = {"day": np.array([f"day{i // 3:02d}" for i in range(n)]), "side": (["left", "right"] * n)[:n]}
    return ImageSet(images, labels, groups, "made for a test")


def which(images):
    """The numbers of the images in a set; all that belongs to them must agree."""
    numbers = images.images[:, 0, 0, 0].tolist()
    assert images.labels["gaze"].tolist() == [[i / 1024, -i / 1024] for i in numbers]
    assert images.labels["parts"][:, 0, 0].tolist() == numbers
    assert list(images.groups["day"]) == [f"day{i // 3:02d}" for i in numbers]
    return numbers


def assert_equal(a, b):
    assert torch.equal(a.images, b.images) and a.source == b.source
    assert set(a.labels) == set(b.labels) and set(a.groups) == set(b.groups)
    for name, values in a.labels.items():
        assert torch.equal(values, b.labels[name]) and values.dtype == b.labels[name].dtype
    for name, names in a.groups.items():
        assert list(names) == list(b.groups[name])


# ---- numbers ----
def test_every_gray_level_survives_float_and_back():
    levels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    floats = to_float(levels)
    assert floats.aminmax() == (-1.0, 1.0) and floats.dtype == torch.float32
    assert torch.equal(to_uint8(floats), levels)
    assert torch.equal(to_uint8(floats.bfloat16().float() * 0 + floats), levels)
    assert levels.flatten()[255] == 255                                   # the input is left alone


def test_random_windows_are_whole_pieces_of_their_own_image_from_everywhere():
    """Pixel (row, column) of channel c of image n is 1000 n + 100 c + 10 row + column: a window tells where it was."""
    n, c, row, column = torch.meshgrid(*map(torch.arange, (200, 2, 5, 7)), indexing="ij")
    found = random_windows(1000 * n + 100 * c + 10 * row + column, (3, 4), torch.Generator().manual_seed(0))
    assert found.shape == (200, 2, 3, 4)
    corner = found[:, :1, :1, :1]
    assert torch.equal(found, corner + (100 * c + 10 * row + column)[:200, :, :3, :4])
    assert torch.equal(corner.flatten() // 1000, torch.arange(200))                          # each of its own image, in order
    assert set((corner.flatten() % 1000).tolist()) == {10 * row + column for row in range(3) for column in range(4)}
    whole = torch.rand(2, 1, 3, 4)
    assert torch.equal(random_windows(whole, (3, 4), torch.Generator()), whole)
    for size in ((4, 4), (3, 0), (2, 5)):
        with pytest.raises(ValueError, match="expected at most .3, 4. and at least 1 pixel a side"):
            random_windows(whole, size, torch.Generator())


def test_values_outside_are_clipped_and_gradients_left_behind():
    assert to_uint8(torch.tensor([[-3.0, 3.0]]).requires_grad_()).tolist() == [[0, 255]]


def test_resized_keeps_a_plane_and_takes_an_empty_set():
    flat = torch.full((2, 3, 36, 60), 77, dtype=torch.uint8)
    assert torch.equal(resized(flat, (35, 55)), torch.full((2, 3, 35, 55), 77, dtype=torch.uint8))
    assert resized(flat[:0], (35, 55)).shape == (0, 3, 35, 55)


# ---- picking ----
@given(st.integers(1, 8), st.data())
def test_what_belongs_to_an_image_goes_with_it(n, data):
    images = numbered(n)
    indices = data.draw(st.lists(st.integers(-n, n - 1), max_size=10))
    expected = [range(n)[i] for i in indices]
    assert which(images[torch.tensor(indices, dtype=torch.long)]) == expected
    assert which(images[np.array(indices, dtype=int)]) == expected
    mask = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    assert which(images[torch.tensor(mask)]) == which(images[np.array(mask)]) == [i for i in range(n) if mask[i]]
    part = slice(*data.draw(st.tuples(st.integers(-n, n), st.integers(-n, n), st.integers(1, 3))))
    assert which(images[part]) == list(range(n))[part]


def test_a_number_picks_a_set_of_one_and_a_loop_ends():
    images = numbered(4)
    assert which(images[2]) == [2] and which(images[-1]) == [3] and which(images[np.int64(1)]) == [1]
    assert [which(one) for one in images] == [[0], [1], [2], [3]]
    for outside in (4, -5):
        with pytest.raises(IndexError):
            images[outside]


def test_shuffling_depends_on_the_generator_alone():
    orders = [which(numbered(20).shuffled(torch.Generator().manual_seed(seed))) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2] and sorted(orders[0]) == list(range(20))


def test_no_day_is_on_both_sides_of_a_split():
    rest, apart = numbered(9).split("day", ["day01"])
    assert which(apart) == [3, 4, 5] and which(rest) == [0, 1, 2, 6, 7, 8]


def test_a_split_by_what_is_not_there():
    with pytest.raises(UserError, match=r"cannot split by 'subject'.*\['day', 'side'\]"):
        numbered().split("subject", ["p00"])
    with pytest.raises(UserError, match="no images of day day07, day09; there are day00, day01, day02"):
        numbered().split("day", ["day01", "day09", "day07"])


def test_what_is_not_an_image_set_is_refused():
    images = numbered(3).images
    for wrong in (images.float(), images[0], images[:, 0]):
        with pytest.raises(ValueError, match="expected uint8"):
            ImageSet(wrong)
    with pytest.raises(ValueError, match="gaze: expected 3 entries"):
        ImageSet(images, {"gaze": torch.zeros(2, 2)})
    with pytest.raises(ValueError, match="day: expected 3 entries"):
        ImageSet(images, {}, {"day": ["day01"]})


def test_a_copy_on_a_device_keeps_everything():
    assert_equal(numbered(), numbered().to("cpu"))


# ---- on disk ----
@given(st.integers(1, 5), st.sampled_from([1, 3]), st.text(max_size=20))
def test_saved_and_loaded_is_the_same(tmp_path_factory, n, channels, source):
    folder = tmp_path_factory.mktemp("set") / "nested" / "set"
    images = ImageSet(numbered(n, channels).images, numbered(n).labels, numbered(n).groups, source)
    images.save(folder)
    assert_equal(images, ImageSet.load(folder))


def test_loading_reads_nothing_and_changes_nothing(tmp_path):
    numbered().save(tmp_path / "set")
    before = (tmp_path / "set" / "images.npy").read_bytes()
    loaded = ImageSet.load(tmp_path / "set")
    assert isinstance(np.load(tmp_path / "set" / "images.npy", mmap_mode="r"), np.memmap)
    mapped = [line for line in open("/proc/self/maps") if "set/images.npy" in line] if sys.platform == "linux" else [1]
    assert mapped, "the images are not memory-mapped"
    loaded.images.fill_(9)
    assert (tmp_path / "set" / "images.npy").read_bytes() == before


def test_saving_again_replaces_even_the_files_that_are_open(tmp_path):
    numbered(7).save(tmp_path / "set")
    loaded = ImageSet.load(tmp_path / "set")
    loaded[torch.tensor([3, 1])].save(tmp_path / "set")
    assert which(ImageSet.load(tmp_path / "set")) == [3, 1] and which(loaded) == list(range(7))
    assert [path.name for path in tmp_path.iterdir()] == ["set"], "something was left behind"


def test_others_may_read_what_was_saved(tmp_path):
    (tmp_path / "plain").mkdir()
    numbered().save(tmp_path / "set")
    assert (tmp_path / "set").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("call", ["mkdir", "fsync", "replace"])
def test_a_full_disk_leaves_the_old_set(tmp_path, monkeypatch, call):
    numbered(5).save(tmp_path / "set")

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(UserError, match="set: could not be written .No space left on device.; what stood there is unchanged"):
            numbered(7).save(tmp_path / "set")
    assert which(ImageSet.load(tmp_path / "set")) == list(range(5))
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_the_second_rename_failing_puts_the_old_set_back(tmp_path, monkeypatch):
    numbered(5).save(tmp_path / "set")
    real, calls = os.replace, []

    def second_fails(a, b):
        calls.append(b)
        if len(calls) == 2:
            raise OSError(errno.EIO, "Input/output error")
        real(a, b)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", second_fails)
        with pytest.raises(UserError, match="what stood there is unchanged"):
            numbered(7).save(tmp_path / "set")
    assert which(ImageSet.load(tmp_path / "set")) == list(range(5))


@pytest.mark.parametrize("at", [1, 2, 3])
def test_killed_while_replacing_loses_nothing(tmp_path, at):
    """A process that dies at its first rename, between the two, or after both: one of the two sets can be loaded."""
    numbered(5).save(tmp_path / "set")
    program = f"""
import os, signal, shutil, sys
import torch
from simgan_lib.images import ImageSet
real, count = os.replace, [0]
def replace(a, b):
    count[0] += 1
    if count[0] == {at}: os.kill(os.getpid(), signal.SIGKILL)
    real(a, b)
    if count[0] == {at} - 1 == 2: os.kill(os.getpid(), signal.SIGKILL)
os.replace = replace
ImageSet(torch.zeros(2, 1, 3, 4, dtype=torch.uint8)).save(sys.argv[1])
"""
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path / "set")], timeout=120)
    assert ended.returncode == -9
    assert len(ImageSet.load(tmp_path / "set")) == (2 if at == 3 else 5)
    numbered(7).save(tmp_path / "set")
    assert which(ImageSet.load(tmp_path / "set")) == list(range(7))


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("here stands something else")
    for folder in (tmp_path / "file" / "set", tmp_path / "file"):
        with pytest.raises(UserError, match="could not be written"):
            numbered().save(folder)
    assert (tmp_path / "file").read_text() == "here stands something else"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def _drop(name):
    return lambda folder: (folder / name).unlink()


def _cut(name):
    return lambda folder: os.truncate(folder / name, (folder / name).stat().st_size // 2)


def _empty(name):
    return lambda folder: os.truncate(folder / name, 0)


def _edit(**changes):
    def edit(folder):
        about = json.loads((folder / "set.json").read_text())
        (folder / "set.json").write_text(json.dumps({**about, **changes}))
    return edit


@pytest.mark.parametrize("damage", [
    *[how(name) for how in (_drop, _cut, _empty) for name in ("set.json", "images.npy", "gaze.npy")],
    _edit(format="another"), _edit(shape=[7, 1, 4, 3]), _edit(groups={"day": ["day01"]}), _edit(labels=None),
    _edit(labels=["gaze", "joints"]), lambda folder: (folder / "set.json").write_text("[1]"),
    lambda folder: (folder / "set.json").write_bytes(b"\xff\xfe\x00"),
    lambda folder: np.save(folder / "images.npy", np.zeros((7, 1, 3, 4))),
    lambda folder: np.save(folder / "gaze.npy", np.array([{}] * 7), allow_pickle=True)])
def test_a_damaged_folder_is_named(tmp_path, damage):
    numbered().save(tmp_path / "set")
    damage(tmp_path / "set")
    with pytest.raises(UserError, match="set: not a complete image set"):
        ImageSet.load(tmp_path / "set")


def test_no_folder_at_all(tmp_path):
    with pytest.raises(UserError, match="nowhere: not a complete image set"):
        ImageSet.load(tmp_path / "nowhere")


@given(st.sampled_from(["set.json", "images.npy", "gaze.npy"]), st.floats(0, 0.999), st.binary(min_size=1, max_size=8))
def test_flipped_bytes_give_a_user_error_or_a_set_of_the_right_shape(tmp_path_factory, name, where, new):
    folder = tmp_path_factory.mktemp("set") / "set"
    numbered().save(folder)
    content = bytearray((folder / name).read_bytes())
    at = int(where * len(content))
    content[at:at + len(new)] = new
    (folder / name).write_bytes(content)
    try:
        loaded = ImageSet.load(folder)
    except UserError:
        return
    assert loaded.images.dtype == torch.uint8 and len(loaded.labels["gaze"]) == len(loaded)


def test_a_place_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("here is no folder")
    with pytest.raises(UserError, match="file/set: could not be written"):
        numbered().save(tmp_path / "file" / "set")
    assert (tmp_path / "file").read_text() == "here is no folder"
