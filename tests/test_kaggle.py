"""The reader of the Kaggle pair gaze.h5 and real_gaze.h5."""

import json
import os
import tracemalloc

import h5py
import numpy as np
import pytest
import torch
from releases import write_kaggle

from simgan_lib.datasets import kaggle
from simgan_lib.datasets.base import by_reason
from simgan_lib.datasets.kaggle import read_kaggle, read_unit, units
from simgan_lib.gaze import gaze_vector
from simgan_lib.system.errors import UserError

LOOK = np.array([0.3, 0.2, -0.93])


def reasons(folder, **options):
    unit, = units(folder)
    return {reason: n for reason, (n, _) in by_reason(read_unit(unit, **options)[1]).items()}


def test_synthetic_eyes_have_a_gaze_and_real_ones_have_none(tmp_path):
    write_kaggle(tmp_path)
    synthetic, real = read_kaggle(tmp_path), read_kaggle(tmp_path, "real")
    assert synthetic.images.shape == real.images.shape == (12, 1, 35, 55) and synthetic.images.dtype == torch.uint8
    assert synthetic.labels["gaze"].shape == (12, 2) and not real.labels
    assert set(synthetic.groups["file"]) == {"gaze.h5"} and set(real.groups["file"]) == {"real_gaze.h5"}
    assert synthetic.source == "Kaggle eye-gaze: 12 of 12"


def test_pictures_come_back_as_written(tmp_path):
    images = np.random.default_rng(0).integers(1, 256, (5, 35, 55), dtype=np.uint8)
    read = read_kaggle(write_kaggle(tmp_path, images=images)).images
    np.testing.assert_array_equal(read[:, 0].numpy(), images)
    np.testing.assert_array_equal(read_kaggle(write_kaggle(tmp_path, images=images.astype(float))).images.numpy(), read.numpy())


@pytest.mark.parametrize("stored", [
    lambda look: look[None].repeat(3, 0), lambda look: np.c_[look[None].repeat(3, 0), np.zeros(3)],
    lambda look: np.array([json.dumps(look.tolist())] * 3, dtype="S"),
    lambda look: {f"{i:05d}": look for i in range(3)},
    lambda look: {f"{i:05d}": f"({look[0]}, {look[1]}, {look[2]}, 0.0)" for i in range(3)},
    lambda look: {f"{i:05d}": json.dumps(look.tolist()) for i in range(3)},
], ids=["3 columns", "4 columns", "texts", "group", "UnityEyes' texts", "json texts"])
def test_gaze_is_read_however_it_is_stored(tmp_path, stored):
    eyes = read_kaggle(write_kaggle(tmp_path, 3, look_vec=stored(LOOK)))
    expected = torch.tensor([LOOK[0], -LOOK[1], LOOK[2]]).float() / np.linalg.norm(LOOK)     # y up there, down here
    torch.testing.assert_close(gaze_vector(eyes.labels["gaze"]), expected.expand(3, 3).float(), atol=1e-5, rtol=0)


def test_each_gaze_belongs_to_its_picture_across_units(tmp_path, monkeypatch):
    monkeypatch.setattr(kaggle, "BLOCK", 4)
    n = 11
    images = np.arange(1, n + 1, dtype=np.uint8)[:, None, None] * np.ones((n, 35, 55), np.uint8)
    looks = np.stack([np.linspace(-0.4, 0.4, n), np.zeros(n), -np.ones(n)], 1)
    images[6] = 0                                      # the gaze of a skipped picture is skipped, too
    write_kaggle(tmp_path, images=images, look_vec=looks)
    assert [unit[1:] for unit in units(tmp_path)] == [(0, 4), (4, 8), (8, 11)]
    eyes = read_kaggle(tmp_path)
    number = eyes.images[:, 0, 0, 0].numpy().astype(int) - 1
    assert number.tolist() == [i for i in range(n) if i != 6]
    np.testing.assert_allclose(eyes.labels["gaze"][:, 1], -np.arctan2(looks[number, 0], 1), atol=1e-6)


MILLIONS = (3_000_000, 35, 55)


@pytest.mark.parametrize("chunks", [None, (256, 35, 55), (1, 35, 55)], ids=str)
def test_an_array_of_millions_of_pictures_is_read_row_by_row(tmp_path, chunks):
    with h5py.File(tmp_path / "gaze.h5", "w") as file:
        pictures = file.create_dataset("image", MILLIONS, np.uint8, chunks=chunks, fillvalue=3)     # never all written
        if chunks:
            pictures[4096:4099] = np.arange(7, 10, dtype=np.uint8)[:, None, None]
    eyes, skipped = read_unit(units(tmp_path)[1])
    assert len(eyes) == 4096 and not skipped
    assert eyes.images[:4, 0, 0, 0].tolist() == ([7, 8, 9, 3] if chunks else [3] * 4)


@pytest.mark.parametrize("claim", [
    {"shape": (1 << 31, 1), "chunks": (1 << 20, 1), "compression": "gzip"}, {"shape": (1 << 15, 1 << 15)},
    {"shape": (35, 55), "chunks": (1 << 14, 1 << 14), "maxshape": (None, None), "compression": "gzip"},
    {"shape": (1 << 13, 1 << 13), "dtype": "f8"}, {"shape": (4, 4), "dtype": "S99999999"},
], ids=["long", "never written", "in a huge piece", "numbers", "texts"])
def test_pictures_that_claim_gigabytes_are_skipped(tmp_path, claim):
    """Some kilobytes of file each; read as they are, gigabytes of memory."""
    with h5py.File(write_kaggle(tmp_path, 3) / "gaze.h5", "a") as file:
        del file["image/00001"], file["look_vec"]
        file["image"].create_dataset("00001", **{"dtype": np.uint8} | claim)
    tracemalloc.start()
    try:
        assert reasons(tmp_path) == {"larger than any picture": 1}
        assert tracemalloc.get_traced_memory()[1] < kaggle.LARGEST
    finally:
        tracemalloc.stop()


def test_an_array_in_huge_pieces_is_skipped(tmp_path):
    with h5py.File(tmp_path / "gaze.h5", "w") as file:
        file.create_dataset("image", (50_000, 35, 55), np.uint8, chunks=(50_000, 35, 55), compression="gzip")
    assert by_reason(read_unit(units(tmp_path)[0])[1]) == {"larger than any picture": (4096, ["0", "1", "2"])}


def test_pictures_in_one_array_are_read_as_well(tmp_path):
    with h5py.File(tmp_path / "gaze.h5", "w") as file:
        file["image"] = np.full((4, 35, 55), 9, np.uint8)
    assert len(read_kaggle(tmp_path)) == 4


def test_size_is_what_is_asked_for(tmp_path):
    assert read_kaggle(write_kaggle(tmp_path, 2), size=(36, 60)).images.shape == (2, 1, 36, 60)


def one_bad(bad):
    return [np.full((35, 55), 7, np.uint8), bad, np.full((35, 55), 8, np.uint8)]


@pytest.mark.parametrize("bad, reason", [
    (np.zeros((35, 55), np.uint8), "empty"), (np.ones((35, 55, 3), np.uint8), "not a gray picture"),
    (np.ones((0, 55), np.uint8), "not a gray picture"), (np.array("text", "S"), "not a gray picture"),
    (np.full((35, 55), np.nan), "not grays of 0 to 255"), (np.full((35, 55), 300.0), "not grays of 0 to 255"),
    (np.full((35, 55), -1, np.int16), "not grays of 0 to 255"), (np.full((35, 55), 0.5), "not grays of 0 to 255"),
])
def test_unusable_pictures_are_skipped_and_the_rest_is_read(tmp_path, bad, reason):
    write_kaggle(tmp_path, images=one_bad(bad))
    assert reasons(tmp_path) == {reason: 1}
    assert read_kaggle(tmp_path).images[:, 0, 0, 0].tolist() == [7, 8]


@pytest.mark.parametrize("bad", [[np.nan, 0, -1], [0, 0, 0], [np.inf, 0, 0], "", "(a, b, c)", "[0.1, 0.2]", [1.0], 3.0])
def test_pictures_without_a_gaze_are_skipped(tmp_path, bad):
    write_kaggle(tmp_path, 3, look_vec={"00000": LOOK, "00001": bad, "00002": LOOK})
    assert reasons(tmp_path) == {"no gaze": 1}
    assert not reasons(tmp_path, gaze=False)


def test_a_picture_without_its_look_vec_is_skipped(tmp_path):
    write_kaggle(tmp_path, 3, look_vec={"00000": LOOK, "00002": LOOK})
    assert reasons(tmp_path) == {"not a plain array": 1}


@pytest.mark.parametrize("looks", [np.zeros((12, 2)), np.zeros((11, 3)), np.zeros(12), np.array(["x"] * 5, dtype="S")],
                         ids=["2 columns", "a row missing", "numbers in a row", "texts missing"])
def test_look_vec_of_another_build_is_said_and_can_be_left_alone(tmp_path, looks):
    write_kaggle(tmp_path, look_vec=looks)
    with pytest.raises(UserError, match=r"gaze\.h5: expected look_vec with 12 rows .* found") as caught:
        read_kaggle(tmp_path)
    assert str(looks.shape) in str(caught.value)
    assert len(read_kaggle(tmp_path, gaze=False)) == 12


@pytest.mark.parametrize("content, said", [
    ({}, "found nothing"), ({"pictures": np.ones(3)}, "found pictures"), ({"image": np.ones((3, 4))}, r"found `image` \(3, 4\)"),
    ({"image": np.ones((0, 35, 55))}, "found none"),
])
def test_a_file_built_differently_says_what_was_found(tmp_path, content, said):
    with h5py.File(tmp_path / "gaze.h5", "w") as file:
        for name, value in content.items():
            file[name] = value
    with pytest.raises(UserError, match=rf"gaze\.h5: .*{said}"):
        units(tmp_path)


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><html>log in</html>", b"\x89HDF\r\n\x1a\n", os.urandom(4096)],
                         ids=["empty", "HTML", "head only", "noise"])
def test_what_is_no_hdf5_is_one_line(tmp_path, content):
    (tmp_path / "gaze.h5").write_bytes(content)
    with pytest.raises(UserError, match=r"gaze\.h5: not a readable HDF5 file") as caught:
        units(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_file_cut_short_is_one_line(tmp_path, share):
    path = write_kaggle(tmp_path) / "gaze.h5"
    unit, = units(tmp_path)
    path.write_bytes(path.read_bytes()[:int(share * path.stat().st_size)])
    for read in (lambda: units(tmp_path), lambda: read_unit(unit)):
        with pytest.raises(UserError, match=r"gaze\.h5: not a readable HDF5 file"):
            read()


@pytest.mark.parametrize("seed", range(6))
def test_flipped_bits_give_pictures_or_one_line(tmp_path, seed):
    path = write_kaggle(tmp_path, 3) / "gaze.h5"
    whole, random = path.read_bytes(), np.random.default_rng(seed)
    for _ in range(15):
        damaged = bytearray(whole)
        for at in random.integers(0, 8192, 20):        # where the structure is, not the pixels
            damaged[at] ^= 1 << random.integers(8)
        path.write_bytes(damaged)
        try:
            assert read_kaggle(tmp_path).images.shape[1:] == (1, 35, 55)
        except UserError as error:
            assert str(tmp_path) in str(error) and "\n" not in str(error)


def test_pictures_that_lie_in_other_files_are_not_fetched(tmp_path):
    (tmp_path / "secret").write_bytes(b"s" * (35 * 55))
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["secret"] = np.full((35, 55), 115, np.uint8)
    with h5py.File(tmp_path / "gaze.h5", "w") as file:
        file["image/0"] = np.full((35, 55), 9, np.uint8)
        file["image/1"] = h5py.ExternalLink("other.h5", "secret")
        file["image"].create_dataset("2", (35, 55), np.uint8, external=[(str(tmp_path / "secret"), 0, 35 * 55)])
    assert reasons(tmp_path) == {"not a plain array": 2}


@pytest.mark.parametrize("folder, which, said", [("", "real", "blank"), ("none", "real", "no such folder"),
                                                 (".", "real", "real_gaze.h5"), (".", "both", "found 'both'")])
def test_missing_files_are_one_line(tmp_path, monkeypatch, folder, which, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=said):
        units(folder, which)


def test_a_file_of_unusable_pictures_keeps_shape_and_names(tmp_path):
    write_kaggle(tmp_path, images=np.zeros((3, 35, 55), np.uint8))
    unit, = units(tmp_path)
    images, skipped = read_unit(unit)
    assert images.images.shape == (0, 1, 35, 55) and images.labels["gaze"].shape == (0, 2) and sum(skipped.values()) == 3
    with pytest.raises(UserError, match="none of the 3 records"):
        read_kaggle(tmp_path)


def test_folders_may_have_other_letters_and_blanks(tmp_path):
    assert len(read_kaggle(write_kaggle(tmp_path / "ä 中 folder", 2))) == 2
