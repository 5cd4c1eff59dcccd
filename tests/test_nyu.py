"""The reader of NYU's hands: on releases written here, on damaged ones, on the real sample."""

import numpy as np
import pytest
import scipy.io
import torch
from PIL import Image
from releases import write_nyu

from simgan_lib.datasets.nyu import CUBES, JOINTS, persons, read_joints, read_nyu, read_unit, units
from simgan_lib.hands import Crop
from simgan_lib.system.errors import UserError

FIRST = "test/depth_1_0000001.png"


@pytest.mark.parametrize("text", [False, True])
def test_hands_are_cut_out_with_their_joints(tmp_path, text):
    hands = read_nyu(write_nyu(tmp_path, text=text))
    assert hands.images.shape == (3, 1, 224, 224) and hands.labels["joints"].shape == (3, len(JOINTS), 3)
    assert hands.groups["view"].tolist() == ["1"] * 3 and hands.groups["split"].tolist() == ["test"] * 3
    z = hands.labels["joints"][..., 2]
    assert z.mean(1).abs().max() < 1e-2 and z.abs().max() < 150                # mm from the cube's centre
    assert (hands.images == 255).float().mean() > 0.2                          # the wall is behind the cube


@pytest.mark.parametrize("size", [(224, 224), (96, 128)])
def test_joints_lie_on_the_depth_that_is_seen(tmp_path, size):
    hands = read_nyu(write_nyu(tmp_path), size=size)
    for image, joints in zip(hands.images, hands.labels["joints"]):
        x, y = joints[:, :2].round().long().unbind(1)
        seen = (image[0, y, x].float() / 255 - 0.5) * 300                      # mm behind the cube's centre
        assert (joints[:, 2] - seen).sub(5).abs().max() < 3                    # written 5 mm below the skin


def test_both_forms_of_the_joints_say_the_same(tmp_path):
    a, b = (read_nyu(write_nyu(tmp_path / str(text), text=text)) for text in (False, True))
    torch.testing.assert_close(a.labels["joints"], b.labels["joints"], atol=2e-2, rtol=0)
    torch.testing.assert_close(a.images, b.images)


def test_the_fourteen_joints_of_the_field_in_their_order_each_of_its_camera_and_frame(tmp_path):
    """Joint k lies k mm deeper than the first; cameras and frames are told apart by where the hand is."""
    k = np.arange(36)
    joints = np.zeros((2, 3, 36, 3))
    for camera in range(2):
        for frame in range(3):
            u, v = 200 + 4 * k + 60 * camera, 150 + 2 * k + 30 * frame
            joints[camera, frame] = np.c_[u, v, 600 + k]
            mm = np.full((480, 640), 600)
            mm[(v.min() + v.max()) // 2:] = 650                  # below the middle it is deeper, on the right deeper still
            mm[:, (u.min() + u.max()) // 2:] = 700
            picture = np.stack([0 * mm, mm // 256, mm % 256], -1).astype(np.uint8)
            (tmp_path / "test").mkdir(exist_ok=True)
            Image.fromarray(picture).save(tmp_path / "test" / f"depth_{camera + 1}_{frame + 1:07d}.png")
    scipy.io.savemat(tmp_path / "test" / "joint_data.mat", {"joint_uvd": joints})
    chosen = torch.tensor([0, 3, 6, 9, 12, 15, 18, 21, 24, 25, 27, 30, 31, 32])                # their mean: 18.071
    hands = read_nyu(tmp_path, size=(100, 150))
    assert hands.groups["view"].tolist() == ["1"] * 3 + ["2"] * 3
    x, y, z = hands.labels["joints"].unbind(2)
    torch.testing.assert_close(z, (chosen - 18.0714).expand(6, -1).float(), atol=1e-3, rtol=0)
    # 300 mm are 150 px across and 100 px down; at 618.07 mm one pixel of the camera is 1.05 mm.
    apart = 1.0511 * chosen
    torch.testing.assert_close(x - x[:, :1], (apart * 4 / 2).expand(6, -1).float(), atol=0.05, rtol=0)
    torch.testing.assert_close(y - y[:, :1], (apart * 2 / 3).expand(6, -1).float(), atol=0.1, rtol=0)
    # The cube's middle is the mean of the points, not of their pixels: deeper ones count for more.
    of_chosen = joints[:, :, chosen]
    middle = (of_chosen[..., :2] * of_chosen[..., 2:]).mean(2) / of_chosen[..., 2:].mean(2)
    seen = (joints[:, :, 0, :2] - middle) * 1.0511 / [2, 3] + [74.5, 49.5]
    torch.testing.assert_close(torch.stack([x[:, 0], y[:, 0]], 1), torch.from_numpy(seen.reshape(6, 2)).float(), atol=0.05, rtol=0)
    for image in hands.images[:, 0].double():                     # mm behind the cube's middle, of 300, in gray levels of 255
        for part, mm in ((image[:45, :70], 600), (image[55:, :70], 650), (image[:, 80:], 700)):
            assert ((part - 255 * ((mm - 618.07) / 300 + 0.5)).abs() < 1).all()


def test_renderings_are_read_in_the_place_of_pictures(tmp_path):
    for path in write_nyu(tmp_path).glob("test/depth_*"):
        black(path.with_name(f"synth{path.name}"))
    hands, skipped = read_unit(*units(tmp_path, rendered=True))
    assert len(hands) == 0 and sum(skipped.values()) == 3 and len(read_nyu(tmp_path)) == 3


def test_a_smaller_cube_shows_the_hand_larger(tmp_path):
    write_nyu(tmp_path)
    spread = [read_nyu(tmp_path, cube=cube).labels["joints"][0, :, 0].std().item() for cube in (300.0, 200.0)]
    assert spread[1] == pytest.approx(1.5 * spread[0], rel=0.02)


def test_joints_of_a_crop_find_back_into_the_camera_s_picture(tmp_path):
    write_nyu(tmp_path)
    for options in ({}, {"centre": "mass", "cube": 220.0, "size": (60, 90)}):
        hands = read_nyu(tmp_path, **options)
        places = Crop.of(hands).places(hands.labels["joints"])
        torch.testing.assert_close(places.float(), torch.from_numpy(read_joints(tmp_path)[0]), atol=1e-3, rtol=0)
    assert hands.labels["cube"][:, 3].tolist() == [220.0] * 3


def write_wall(path, near, code, at=(250, 140), wall=None):
    """A picture of a hand of 60x80 px at (u, v), `near` mm away, on its right a strip of 60 px of which the camera says `code`."""
    mm = np.full((480, 640), wall or code)
    u, v = at
    mm[v - 40:v + 40, u - 30:u + 30] = near
    mm[v - 40:v + 40, u + 30:u + 90] = code
    Image.fromarray(np.stack([0 * mm, mm // 256, mm % 256], -1).astype(np.uint8)).save(path)


@pytest.mark.parametrize("centre", ["joints", "mass"])
@pytest.mark.parametrize("code", [0, 2001])
def test_what_has_no_depth_is_told_by_its_code_and_is_no_part_of_a_hand_that_is_as_far(tmp_path, code, centre):
    """A hand 1,900 mm away: the far side of its cube is at 2,050 mm, so "2001 mm" would lie within it, a hand's breadth behind."""
    write_nyu(tmp_path, frames=1)
    write_wall(tmp_path / FIRST, 1900, code, wall=4000)
    joints = np.zeros((1, 1, 36, 3))
    joints[..., :] = 250, 140, 1900
    scipy.io.savemat(tmp_path / "test" / "joint_data.mat", {"joint_uvd": joints})
    hands = read_nyu(tmp_path, size=(150, 150), centre=centre)                    # 2 mm, 0.619 px of the camera, a pixel
    assert hands.labels["cube"][0].tolist() == pytest.approx([250, 140, 1900, 300], abs=0.6)
    row = hands.images[0, 0, 75]
    assert row[30:120].tolist() == [128] * 90 and (row[125:] == 255).all() and (row[:25] == 255).all()


def test_a_surface_at_2002_mm_is_a_surface(tmp_path):
    write_nyu(tmp_path, frames=1)
    write_wall(tmp_path / FIRST, 2002, 0)
    joints = np.zeros((1, 1, 36, 3))
    joints[..., :] = 250, 140, 2002
    scipy.io.savemat(tmp_path / "test" / "joint_data.mat", {"joint_uvd": joints})
    assert read_nyu(tmp_path, size=(150, 150)).images[0, 0, 75, 75] == 128


def test_a_cube_around_the_mass_needs_no_joints_to_find_its_place(tmp_path):
    """The hand of the release's frames is (u - 60, u + 60) x (v - 70, v + 70) around (250 + 20 k, 220), and slanted."""
    write_nyu(tmp_path)
    found = read_nyu(tmp_path, centre="mass").labels["cube"]
    path = tmp_path / "test" / "joint_data.mat"
    known = scipy.io.loadmat(path)["joint_uvd"] + [50, 60, 0]
    scipy.io.savemat(path, {"joint_uvd": known})
    again = read_nyu(tmp_path, centre="mass").labels["cube"]
    torch.testing.assert_close(found, again)
    u, v, z, _ = found.unbind(1)
    assert (u - torch.tensor([250, 270, 290])).abs().max() < 2 and (v - 220).abs().max() < 0.1
    assert (z - torch.tensor([700, 730, 760])).abs().max() < 2


@pytest.mark.parametrize("frame, person", [(1, "1"), (2440, "1"), (2441, "2"), (3136, "2"), (3137, "3"), (8252, "3")])
def test_the_test_set_has_three_persons(frame, person):
    assert persons([frame]).tolist() == [person] and persons(torch.tensor([frame])).tolist() == [person]


def test_each_picture_names_its_frame_and_person_and_cubes_follow_the_person(tmp_path):
    """Three frames, listed as 2,440, 2,441 and 3,137: the last of the first person, and the first of the others."""
    write_nyu(tmp_path, text=True)
    numbers = [2440, 2441, 3137]
    (tmp_path / "nyu_test_list.txt").write_text("".join(f"test/depth_1_{number:07d}.png\n" for number in numbers))
    for k, number in enumerate(numbers):
        (tmp_path / "test" / f"depth_1_{k + 1:07d}.png").rename(tmp_path / "test" / f"depth_1_{number:07d}.png")
    hands = read_nyu(tmp_path, cube={"1": 300.0, "2": 250.0, "3": 200.0})
    assert hands.groups["frame"].tolist() == ["0002440", "0002441", "0003137"]
    assert hands.groups["person"].tolist() == ["1", "2", "3"]
    assert hands.labels["cube"][:, 3].tolist() == [300, 250, 200]
    spread = [read_nyu(tmp_path, cube=cube).labels["joints"][2].std(0) for cube in (300.0, 200.0)]
    torch.testing.assert_close(hands.labels["joints"][2].std(0), spread[1])
    assert (spread[1] / spread[0]).tolist() == pytest.approx([1.5, 1.5, 1], abs=1e-3)


def test_all_that_was_trained_on_is_one_person_whatever_the_frame(tmp_path):
    path = write_nyu(tmp_path, frames=1, part="train") / "train"
    joints = np.repeat(scipy.io.loadmat(path / "joint_data.mat")["joint_uvd"][:1], 2500, axis=1)
    scipy.io.savemat(path / "joint_data.mat", {"joint_uvd": joints}, do_compression=True)
    (path / "depth_1_0000001.png").rename(path / "depth_1_0002500.png")
    hands, _ = read_unit(units(tmp_path, "train")[-1])
    assert (hands.groups["frame"].tolist(), hands.groups["person"].tolist()) == (["0002500"], ["1"])


def test_a_larger_cube_has_less_contrast(tmp_path):
    """Twice the cube on twice the pixels: in its middle the same pixels, whose levels are half as far from the middle."""
    write_nyu(tmp_path, frames=1)
    near = read_nyu(tmp_path).images[0, 0].double() - 127.5
    far = read_nyu(tmp_path, size=(448, 448), cube=600.0).images[0, 0, 112:336, 112:336].double() - 127.5
    hand = near.abs() < 60
    assert hand.sum() > 1000 and (near[hand] - 2 * far[hand]).abs().max() <= 1.5               # gray levels are rounded


@pytest.mark.parametrize("deeper, there", [(149, True), (151, False)])
def test_a_surface_behind_the_cube_around_the_joints_is_no_hand(tmp_path, deeper, there):
    write_nyu(tmp_path, frames=1)
    joints = np.zeros((1, 1, 36, 3))
    joints[..., :] = 250, 140, 1000
    scipy.io.savemat(tmp_path / "test" / "joint_data.mat", {"joint_uvd": joints})
    write_wall(tmp_path / FIRST, 1000 + deeper, 0)
    hands, skipped = read_unit(*units(tmp_path))
    assert len(hands) == there
    assert list(skipped) == ([] if there else ["without a hand in the cube: depth_1_0000001.png"])


def test_cubes_follow_the_bones_from_wrist_to_palm():
    """81.3, 70.6 and 67.3 mm."""
    assert [CUBES[person] for person in "123"] == pytest.approx([300, 300 * 70.6 / 81.3, 300 * 67.3 / 81.3], abs=0.1)


def gray(path):
    Image.fromarray(np.full((480, 640, 3), 7, np.uint8)).save(path)


def black(path):
    Image.fromarray(np.array([[[0, 0, 1]]], np.uint8).repeat(480, 0).repeat(640, 1)).save(path)


PICTURES = {
    "missing": (lambda path: path.unlink(), "picture missing"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:400]), "picture unreadable"),
    "web page": (lambda path: path.write_bytes(b"<!DOCTYPE html>"), "picture unreadable"),
    "of another size": (lambda path: Image.new("RGB", (320, 240), (0, 3, 1)).save(path), "not 480x640"),
    "gray": (gray, "gray, not depth"),
    "without a hand": (black, "without a hand in the cube"),
}


@pytest.mark.parametrize("damage, reason", PICTURES.values(), ids=PICTURES)
def test_a_faulty_picture_is_left_out_and_counted(tmp_path, damage, reason):
    damage(write_nyu(tmp_path) / FIRST)
    hands, skipped = read_unit(*units(tmp_path))
    assert len(hands) == 2 and list(skipped) == [f"{reason}: depth_1_0000001.png"]


def test_joints_that_are_none_are_counted(tmp_path):
    path = write_nyu(tmp_path) / "test" / "joint_data.mat"
    joints = scipy.io.loadmat(path)["joint_uvd"]
    joints[0, 1, 3] = np.nan
    scipy.io.savemat(path, {"joint_uvd": joints})
    assert "2 of 3, 1 without joints left out" in read_nyu(tmp_path).source


MATRICES = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:2000]),
    "web page": lambda path: path.write_bytes(b"<!DOCTYPE html>" * 20),
    "empty": lambda path: path.write_bytes(b""),
    "other keys": lambda path: scipy.io.savemat(path, {"joints": np.zeros((3, 3, 36, 3))}),
    "other shape": lambda path: scipy.io.savemat(path, {"joint_uvd": np.zeros((3, 3, 14, 3))}),
    "other type": lambda path: scipy.io.savemat(path, {"joint_uvd": np.zeros((3, 3, 36, 3), np.int32)}),
}


@pytest.mark.parametrize("damage", MATRICES.values(), ids=MATRICES)
def test_a_damaged_file_of_joints_is_refused_by_name(tmp_path, damage):
    path = write_nyu(tmp_path) / "test" / "joint_data.mat"
    damage(path)
    with pytest.raises(UserError, match="joint_data.mat"):
        units(tmp_path)


TEXTS = {"fewer lines": lambda text: text[:text.rindex("\n", 0, -1) + 1], "words": lambda text: text.replace(".", "x", 3),
         "fewer numbers": lambda text: "\n".join(line.rsplit(" ", 1)[0] for line in text.splitlines())}


@pytest.mark.parametrize("change", TEXTS.values(), ids=TEXTS)
def test_a_damaged_text_of_joints_is_refused_by_name(tmp_path, change):
    path = write_nyu(tmp_path, text=True) / "nyu_test_groundtruth_label.txt"
    path.write_text(change(path.read_text()))
    with pytest.raises(UserError, match="nyu_test_groundtruth_label.txt"):
        units(tmp_path)


def test_a_list_that_names_a_frame_twice_is_refused(tmp_path):
    path = write_nyu(tmp_path, text=True) / "nyu_test_list.txt"
    path.write_text(path.read_text().replace("depth_1_0000002", "depth_1_0000001"))
    with pytest.raises(UserError, match="nyu_test_list.txt: expected frames .* each once"):
        units(tmp_path)


@pytest.mark.parametrize("place, value", [(0, 1e30), (1, -1e9), (2, 1e6)])
def test_joints_that_no_camera_sees_are_none(tmp_path, place, value):
    path = write_nyu(tmp_path) / "test" / "joint_data.mat"
    known = scipy.io.loadmat(path)["joint_uvd"]
    known[0, 1, 3, place] = value
    scipy.io.savemat(path, {"joint_uvd": known})
    assert "2 of 3, 1 without joints left out" in read_nyu(tmp_path).source


@pytest.mark.parametrize("frame", [0, 9_999_999])
def test_a_list_of_frames_that_no_release_has_is_refused_by_name(tmp_path, frame):
    """Room is taken up to the last frame: its number alone would take gigabytes."""
    path = write_nyu(tmp_path, text=True) / "nyu_test_list.txt"
    path.write_text(path.read_text().replace("depth_1_0000002", f"depth_1_{frame:07d}"))
    with pytest.raises(UserError, match=f"nyu_test_list.txt: expected frames 1 to .* {frame}"):
        units(tmp_path)


@pytest.mark.parametrize("options, words", [({"part": "dev"}, "expected part"), ({"views": [4]}, "expected part"),
                                            ({"views": [2]}, "found them of"), ({"part": "train"}, "found no train")])
def test_a_part_that_is_not_there_is_refused(tmp_path, options, words):
    with pytest.raises(UserError, match=words):
        units(write_nyu(tmp_path), **options)


@pytest.mark.parametrize("cube", [0.0, float("nan"), -1.0, CUBES | {"2": -3}, "300", None])
def test_a_cube_that_is_none_is_refused(tmp_path, cube):
    with pytest.raises(UserError, match="^cube: expected positive numbers of mm, found"):
        read_nyu(write_nyu(tmp_path), cube=cube)


@pytest.mark.parametrize("size", [(0, 0), (-2, 4), (5,), 3, None, "ab", (float("nan"), 3), (3.5, 4), (10**6, 10**6)])
def test_a_size_that_is_none_is_refused_before_anything_is_read(tmp_path, size):
    with pytest.raises(UserError, match=r"^size: expected \(rows, columns\), a whole number from 1 to 4,096 each, found"):
        read_nyu(write_nyu(tmp_path), size=size)


def test_cubes_that_miss_a_person_and_centres_that_are_none_are_refused(tmp_path):
    write_nyu(tmp_path)
    for options, words in (({"cube": {"1": 300.0, "3": 250.0}}, "cube: expected a number of mm for each of the persons 1, 2, 3"),
                           ({"centre": "palm"}, "centre: expected joints or mass, found 'palm'")):
        with pytest.raises(UserError, match=words):
            read_nyu(tmp_path, **options)


@pytest.mark.parametrize("frames", [[0], [8253], [1, -5], [1.0], ["1"]])
def test_frames_that_the_test_set_does_not_have_are_nobody_s(frames):
    with pytest.raises(UserError, match="expected whole numbers from 1 to 8,252, found"):
        persons(frames)


def test_a_picture_without_a_surface_has_no_mass(tmp_path):
    write_wall(write_nyu(tmp_path) / FIRST, 0, 2001)
    hands, skipped = read_unit(*units(tmp_path), centre="mass")
    assert len(hands) == 2 and list(skipped) == ["without a hand: depth_1_0000001.png"]


def test_no_joints_at_all_is_named(tmp_path):
    (write_nyu(tmp_path) / "test" / "joint_data.mat").unlink()
    with pytest.raises(UserError, match="expected joint_data.mat or"):
        units(tmp_path)


def test_joints_of_the_real_frame_lie_on_the_hand(samples):
    """Bones lie a finger's depth below the skin, and a joint may be hidden behind another finger."""
    hands = read_nyu(samples / "NYU")
    assert len(hands) == 1
    joints = hands.labels["joints"][0]
    x, y = joints[:, :2].round().long().unbind(1)
    seen = (hands.images[0, 0, y, x].float() / 255 - 0.5) * 300
    assert ((joints[:, 2] - seen).abs() < 30).float().mean() > 0.8, (joints[:, 2] - seen).tolist()


def test_the_mass_of_the_real_frame_is_by_the_palm_and_all_joints_are_in_its_cube(samples):
    hands = read_nyu(samples / "NYU", centre="mass")
    joints, half = hands.labels["joints"][0], hands.images.shape[3] / 2
    x, y, z = ((joints[13] - torch.tensor([half, half, 0])) * torch.tensor([300 / 224, 300 / 224, 1])).tolist()
    assert (x**2 + y**2 + z**2)**0.5 < 30                                                              # mm
    assert joints[:, :2].min() >= 0 and joints[:, :2].max() <= 223 and joints[:, 2].abs().max() < 150


def test_what_has_no_depth_in_the_real_frame_is_white(samples):
    """In a cube of 3 m 2,001 mm would have the gray level 233, as a surface there has."""
    hands = read_nyu(samples / "NYU", cube=3000.0)
    pixels = np.asarray(Image.open(samples / "NYU" / "test" / "depth_1_0000001.png").convert("RGB")).astype(int)
    columns, rows = (each[0].numpy() for each in Crop.of(hands).pixels())
    inside = np.outer((rows >= 0) & (rows < 480), (columns >= 0) & (columns < 640))
    missing = (256 * pixels[..., 1] + pixels[..., 2])[np.ix_(rows.clip(0, 479), columns.clip(0, 639))] == 2001
    assert (missing & inside).sum() > 1000 and (hands.images[0, 0].numpy()[missing & inside] == 255).all()
