"""The reader of MPIIGaze's crops: on files written here in the release's layout, and on real samples."""

import math
from collections import Counter

import numpy as np
import pytest
import scipy.io
import torch

from simgan_lib.datasets import base
from simgan_lib.datasets.mpiigaze import evaluation_list, read_mpiigaze, read_unit, units
from simgan_lib.gaze import angular_error_deg, gaze_angles, gaze_vector
from simgan_lib.simulators import release
from simgan_lib.simulators.release import write_day, write_release
from simgan_lib.system.errors import UserError

DAY = "Data/Normalized/p00/day01.mat"


def eye(n, seed=0):
    """n crops with gaze within 20 degrees; the left half of each image is darker than the right one."""
    random = np.random.default_rng(seed)
    image = random.integers(120, 256, (n, 36, 60), dtype=np.uint8)
    image[:, :, :30] //= 4
    angles = torch.from_numpy(random.uniform(-0.35, 0.35, (n, 2)))
    return {"image": image, "gaze": gaze_vector(angles).numpy(), "pose": np.zeros((n, 3))}


@pytest.fixture(name="release")
def written(tmp_path):
    write_day(tmp_path / DAY, eye(3, 0), eye(3, 1))
    write_day(tmp_path / "Data/Normalized/p00/day04.mat", eye(2, 2), eye(2, 3))
    write_day(tmp_path / "Data/Normalized/p11/day01.mat", eye(4, 4), eye(4, 5))
    return tmp_path


@pytest.mark.parametrize("part, n", [(".", 18), ("Data", 18), ("Data/Normalized", 18), ("Data/Normalized/p00", 10)])
def test_release_normalised_folder_and_subject_can_be_named(release, part, n):
    eyes = read_mpiigaze(release / part)
    assert eyes.images.shape == (n, 1, 35, 55) and eyes.images.dtype == torch.uint8
    assert eyes.labels["gaze"].shape == (n, 2) and eyes.labels["gaze"].dtype == torch.float32
    assert set(zip(eyes.groups["subject"], eyes.groups["day"])) >= {("p00", "day01"), ("p00", "day04")}


def test_subject_folder_may_be_the_current_one(release, monkeypatch):
    monkeypatch.chdir(release / "Data/Normalized/p11")
    assert set(read_mpiigaze(".").groups["subject"]) == {"p11"}


def test_groups_belong_to_their_images(release):
    eyes = read_mpiigaze(release, size=(36, 60))
    chosen = (eyes.groups["subject"] == "p00") & (eyes.groups["day"] == "day04") & (eyes.groups["side"] == "left")
    torch.testing.assert_close(eyes[chosen].images[:, 0], torch.from_numpy(eye(2, 2)["image"]))


def test_right_eyes_are_mirrored_with_their_yaw(release):
    eyes = read_mpiigaze(release, size=(36, 60))
    right = eyes[(eyes.groups["subject"] == "p11") & (eyes.groups["side"] == "right")]
    written = eye(4, 5)
    torch.testing.assert_close(right.images[:, 0], torch.from_numpy(written["image"]).flip(-1))
    x, y, z = torch.from_numpy(written["gaze"]).unbind(-1)
    seen_in_the_mirror = torch.stack([-x, y, z], -1).float()
    torch.testing.assert_close(gaze_vector(right.labels["gaze"]), seen_in_the_mirror, atol=1e-6, rtol=0)


def test_looking_down_is_negative_pitch_and_to_the_left_positive_yaw(tmp_path):
    down, left = [0, math.sin(0.2), -math.cos(0.2)], [-math.sin(0.3), 0, -math.cos(0.3)]
    day = {**eye(2), "gaze": np.array([down, left])}
    write_day(tmp_path / DAY, day, eye(2))
    gaze = read_mpiigaze(tmp_path, sides=["left"]).labels["gaze"]
    torch.testing.assert_close(gaze, torch.tensor([[-0.2, 0.0], [0.0, 0.3]]), atol=1e-6, rtol=0)


def test_crops_are_scaled_as_a_whole_not_cut(tmp_path):
    """A light spot in the lower right of 36 x 60 pixels stays there: at (31.1, 50.4) of 35 x 55."""
    day = eye(1)
    day["image"][:] = 20
    day["image"][0, 31:34, 54:57] = 250
    write_day(tmp_path / DAY, day, day)
    left, right = read_mpiigaze(tmp_path).images[:, 0].double() - 20
    for image, place in ((left, (31.1, 50.4)), (right, (31.1, 54 - 50.4))):
        found = [(image.sum(1 - axis) * torch.arange(image.shape[axis])).sum() / image.sum() for axis in (0, 1)]
        assert found == pytest.approx(place, abs=0.05)


def test_the_written_release_has_left_eyes_as_drawn_and_right_ones_mirrored_picture_and_gaze(tmp_path, monkeypatch):
    drawn, really = [], release.render
    monkeypatch.setattr(release, "render", lambda *given: drawn.append(really(*given)) or drawn[-1])
    monkeypatch.setattr(release, "photograph", lambda images, generator, parts: images)
    path, = write_release(tmp_path, days=1, bursts=2).rglob("day01.mat")
    day = scipy.io.loadmat(path, simplify_cells=True)["data"]
    for side, seen, step, signs in (("left", drawn[0], 1, [1, 1, 1]), ("right", drawn[1], -1, [-1, 1, 1])):
        there = day[side]["image"].any((1, 2))
        assert there.sum() > 8
        np.testing.assert_array_equal(day[side]["image"][there], seen.images.numpy()[there, 0, :, ::step])
        np.testing.assert_allclose(day[side]["gaze"][there], gaze_vector(seen.labels["gaze"]).numpy()[there] * signs, atol=1e-6)


def test_the_written_release_has_bursts_of_one_eye_and_frames_without(tmp_path):
    path, = write_release(tmp_path, days=1, bursts=30).rglob("day01.mat")
    stored, read = scipy.io.loadmat(path, simplify_cells=True)["data"], read_mpiigaze(tmp_path, size=(36, 60), mirror=False)
    for name, side in stored.items():
        missing = ~side["image"].any((1, 2))
        assert 0 < missing.mean() < 0.15 and (np.isnan(side["gaze"]).any(1) == missing).all()
        there = read[read.groups["side"] == name]
        np.testing.assert_array_equal(there.images[:, 0].numpy(), side["image"][~missing])
        np.testing.assert_allclose(gaze_vector(there.labels["gaze"]).numpy(), side["gaze"][~missing], atol=1e-6)
        angles = torch.rad2deg(gaze_angles(torch.from_numpy(side["gaze"]))).view(30, 6, 2)
        within, between = (angles - angles.nanmean(1, keepdim=True)), angles.nanmean(1)
        assert within.square().nanmean().sqrt() < 1 < 5 < between.std(0).min()
        frames = side["image"].reshape(30, 6, -1).astype(float)
        neighbours, others = np.abs(frames[:, 0] - frames[:, 1]).mean(1), np.abs(frames[:-1, 0] - frames[1:, 0]).mean(1)
        assert np.median(neighbours) < 0.32 * np.median(others)       # measured: 0.17 to 0.23; skin of another eye: 0.42


def test_frames_may_have_names_of_their_own(tmp_path, lists):
    write_day(tmp_path / DAY, eye(2), eye(2, 1), names=["0003.jpg", "0007.jpg"])
    eyes = read_mpiigaze(tmp_path, size=(36, 60), sides=("right",), mirror=False, listed=lists)      # lists day01/0003.jpg right
    torch.testing.assert_close(eyes.images[:, 0], torch.from_numpy(eye(2, 1)["image"][:1]))


def test_days_of_the_written_release_are_named_as_the_release_does(tmp_path):
    write_release(tmp_path, days=2, bursts=1, subject="p03")
    assert [path for path, in units(tmp_path)] == [str(tmp_path / f"Data/Normalized/p03/day0{day}.mat") for day in (1, 2)]
    day = scipy.io.loadmat(tmp_path / "Data/Normalized/p03/day01.mat", simplify_cells=True)
    assert set(day["data"]) == {"left", "right"} and set(day["data"]["left"]) == {"image", "gaze", "pose"}
    assert day["filenames"].tolist() == [f"{frame:04d}.jpg" for frame in range(1, 7)]


def test_one_side_can_be_asked_for(release):
    assert set(read_mpiigaze(release, sides=("right",)).groups["side"]) == {"right"}
    with pytest.raises(UserError, match="middle"):
        read_mpiigaze(release, sides=("left", "middle"))


def test_empty_crops_and_those_without_a_gaze_are_left_out_and_counted(tmp_path):
    left, right = eye(4, 0), eye(4, 1)
    left["image"][1] = 0
    left["gaze"][2] = np.nan
    right["gaze"][3] = 0
    write_day(tmp_path / DAY, left, right)
    eyes = read_mpiigaze(tmp_path, size=(36, 60))
    assert len(eyes) == 5 and "5 of 8, 1 empty, 2 no gaze" in eyes.source
    assert eyes.labels["gaze"].isfinite().all()
    torch.testing.assert_close(eyes.images[1, 0], torch.from_numpy(left["image"][3]))
    left["gaze"][3] = 1e200                            # squared, no number any more
    right["gaze"][:2] = [0, 131, 0]                    # what a decimal comma makes of 0,131
    write_day(tmp_path / DAY, left, right)
    assert "2 of 8, 1 empty, 5 no gaze" in read_mpiigaze(tmp_path).source
    write_day(tmp_path / DAY, {k: v * 0 for k, v in left.items()}, {k: v * 0 for k, v in right.items()})
    with pytest.raises(UserError, match="none of the 8 records there can be used .8 empty"):
        read_mpiigaze(tmp_path)


def test_a_day_of_one_image_and_a_day_without(tmp_path):
    one = {k: v[0] for k, v in eye(1).items()}                       # first axis lost, as MATLAB does to a last one
    write_day(tmp_path / DAY, eye(1), one)
    nothing = {"image": np.zeros((0, 0)), "gaze": np.zeros((0, 0)), "pose": np.zeros((0, 0))}   # MATLAB's []
    write_day(tmp_path / "Data/Normalized/p00/day02.mat", nothing, nothing)
    eyes = read_mpiigaze(tmp_path)
    assert len(eyes) == 2 and eyes.groups["side"].tolist() == ["left", "right"]


def test_missing_folder_and_folder_without_crops(tmp_path):
    with pytest.raises(UserError, match="nowhere: no such folder"):
        read_mpiigaze(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"expected MPIIGaze's release, .* Data/Normalized/p\*/day\*\.mat"):
        read_mpiigaze(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_named(release, share):
    path = release / "Data/Normalized/p11/day01.mat"
    content = path.read_bytes()
    path.write_bytes(content[:int(share * len(content))])
    with pytest.raises(UserError, match="p11/day01.mat"):
        read_mpiigaze(release)


def test_something_else_than_matlab_is_named(release):
    path = release / "Data/Normalized/p11/day01.mat"
    for content in (b"<html>404</html>" * 100, b"\x89HDF\r\n\x1a\n" + b"\0" * 600, bytes(range(256)) * 8):
        path.write_bytes(content)
        with pytest.raises(UserError, match="p11/day01.mat.*"):
            read_mpiigaze(release)


@pytest.mark.parametrize("change", [
    {"image": np.zeros((3, 60, 36), np.uint8)}, {"image": np.zeros((36, 60, 3), np.uint8)},
    {"image": np.zeros((3, 36, 60))}, {"image": np.zeros((3, 36, 60, 3), np.uint8)}, {"image": np.zeros((0, 0))},
    {"gaze": np.zeros((3, 2))}, {"gaze": np.zeros((2, 3))}, {"gaze": np.zeros((3, 3, 1, 2))}])
def test_another_shape_is_named(tmp_path, change):
    write_day(tmp_path / DAY, eye(3), {**eye(3), **change})
    with pytest.raises(UserError, match=r"day01.mat: data.right has .*expected uint8 \(n, 36, 60\)"):
        read_mpiigaze(tmp_path)


def test_missing_fields_are_named(tmp_path):
    write_day(tmp_path / DAY, eye(3), {"image": eye(3)["image"]})
    with pytest.raises(UserError, match="day01.mat: has no data.right.image and .gaze"):
        read_mpiigaze(tmp_path)
    scipy.io.savemat(tmp_path / DAY, {"data": np.zeros(3)})
    with pytest.raises(UserError, match="day01.mat: has no data.left"):
        read_mpiigaze(tmp_path)
    scipy.io.savemat(tmp_path / DAY, {"other": np.zeros(3)})
    with pytest.raises(UserError, match="day01.mat: has no `data`"):
        read_mpiigaze(tmp_path)


def test_real_samples(samples):
    eyes = read_mpiigaze(samples / "MPIIGaze")
    assert len(eyes) == 2018 and len(set(eyes.groups["day"])) == 26 and set(eyes.groups["subject"]) == {"p00"}
    low, high = eyes.labels["gaze"].rad2deg().aminmax(dim=0)
    torch.testing.assert_close(low, torch.tensor([-16.7, -16.8]), atol=0.1, rtol=0)
    torch.testing.assert_close(high, torch.tensor([1.6, 15.9]), atol=0.1, rtol=0)
    straight = torch.zeros_like(eyes.labels["gaze"])
    assert 10.5 < angular_error_deg(eyes.labels["gaze"], straight).mean() < 11.7


def test_real_pupils_lie_where_the_gaze_points(samples):
    """Dark pixels' centre of mass against the labels: a wrong mirror or sign would turn a correlation round."""
    eyes = read_mpiigaze(samples / "MPIIGaze")
    for side in ("left", "right"):
        part = eyes[eyes.groups["side"] == side]
        middle = part.images[:, 0, 10:28, 12:43].float()
        dark = (middle < middle.flatten(1).quantile(0.15, dim=1)[:, None, None]).float()
        x = (dark * torch.arange(31)).sum((1, 2)) / dark.sum((1, 2))
        y = (dark * torch.arange(18)[:, None]).sum((1, 2)) / dark.sum((1, 2))
        pitch, yaw = part.labels["gaze"].unbind(-1)
        assert torch.corrcoef(torch.stack([x, yaw]))[0, 1] < -0.5
        assert torch.corrcoef(torch.stack([y, pitch]))[0, 1] < -0.3


# ---- pieces, lists, landmarks ----------------------------------------------------------------------------------------

def test_pieces_together_are_the_whole(release):
    whole, parts = read_mpiigaze(release), [read_unit(unit)[0] for unit in units(release)]
    assert len(parts) == 3
    torch.testing.assert_close(torch.cat([part.images for part in parts]), whole.images)
    assert [day for part in parts for day in part.groups["day"]] == whole.groups["day"].tolist()


@pytest.mark.parametrize("part, told", [(".", ["4 not read: day09.txt, notes, p12.zip, ..."]),
                                        ("Data/Normalized/p00", ["2 not read: day09.txt, notes"])])
def test_what_lies_beside_the_days_and_is_not_read_is_counted_and_named(release, part, told):
    """Not what lies elsewhere in the release, such as whole frames."""
    (release / "Data/Original").mkdir()
    (release / "Data/Normalized/p00/notes").mkdir()
    for name in ("p00/day09.txt", "p00/.hidden", "p12.zip", "readme"):
        (release / "Data/Normalized" / name).write_text("x")
    found = [read_unit(unit) for unit in units(release / part)]
    assert base.told(sum((skipped for _, skipped in found), Counter())) == told
    eyes, plain = read_mpiigaze(release / part), told[0].split(":")[0]
    assert eyes.source.startswith("MPIIGaze, normalised crops of p00") and eyes.source.endswith(f", {plain} left out")


def test_right_eyes_can_be_left_as_they_are(release):
    stored, in_the_mirror = (read_mpiigaze(release, (36, 60), ("right",), mirror) for mirror in (False, True))
    torch.testing.assert_close(stored.images.flip(-1), in_the_mirror.images)
    torch.testing.assert_close(stored.labels["gaze"][:, 1], -in_the_mirror.labels["gaze"][:, 1])
    assert "mirrored" in in_the_mirror.source and "mirrored" not in stored.source


@pytest.fixture
def lists(tmp_path):
    folder = tmp_path / "Evaluation Subset" / "sample list for eye image"
    folder.mkdir(parents=True)
    (folder / "p00.txt").write_text("day01/0002.jpg left\nday01/0003.jpg right\nday99/0001.jpg left\n")
    (folder / "p11.txt").write_text("day01/0001.jpg right\n")
    return folder.parent


def test_only_listed_eyes_are_taken_and_the_others_counted(release, lists):
    eyes = read_mpiigaze(release, size=(36, 60), listed=lists)
    assert list(zip(eyes.groups["subject"], eyes.groups["day"], eyes.groups["side"])) == [
        ("p00", "day01", "left"), ("p00", "day01", "right"), ("p11", "day01", "right")]
    torch.testing.assert_close(eyes.images[0, 0], torch.from_numpy(eye(3, 0)["image"][1]))
    assert "3 of 18, 15 not listed" in eyes.source


@pytest.mark.parametrize("content, words", [("day01/0002.jpg middle\n", "expected lines like"), ("day01 left\n", "expected lines"),
                                            (b"\xff\xfe\x00", "not a readable list")])
def test_a_damaged_list_is_refused_by_name(lists, content, words):
    path = lists / "sample list for eye image" / "p05.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=words) as caught:
        evaluation_list(lists, "p05")
    assert "p05.txt" in str(caught.value)


def test_a_missing_list_is_named(release, lists):
    (lists / "sample list for eye image" / "p11.txt").unlink()
    with pytest.raises(UserError, match="p11.txt"):
        read_mpiigaze(release, listed=lists)


def test_the_real_lists(samples):
    """The sample was rebuilt from the Evaluation Subset: all of it is listed."""
    folder = samples / "MPIIGaze"
    eyes, listed = read_mpiigaze(folder), read_mpiigaze(folder, listed=folder / "Evaluation Subset")
    assert len(listed) == len(eyes) > 1000
