"""The hand simulator: where joints are seen, the depth of its shapes, what is hidden, which hands are drawn."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from simgan_lib.datasets.nyu import read_nyu
from simgan_lib.hands import JOINT_NAMES, Crop, projected, unprojected
from simgan_lib.images import ImageSet
from simgan_lib.simulators import hands as simulator
from simgan_lib.simulators.hand_model import EVALUATED, PARTS, SPHERES, spheres
from simgan_lib.simulators.hand_prior import HAND, STATES, HandPrior, collides, default_hands, draw_hands
from simgan_lib.simulators.hands import depth_of, joints_of, render_hands, simulate_hands
from simgan_lib.simulators.parameters import Range
from simgan_lib.simulators.ray_casting import boxes, cast
from simgan_lib.system.errors import UserError

BACKGROUND, FOREARM, PALM, LITTLE, RING, MIDDLE, INDEX, THUMB = range(len(PARTS))
STRAIGHT = {name: 0.0 for name in HAND if name.endswith(("mcp", "pip", "ip", "abduction", "opposition", "flexion", "deviation"))}

OPEN = {**STRAIGHT, "thumb_abduction": 40.0}


def drawn(n, seed=0, **fixed):
    return draw_hands(n, torch.Generator().manual_seed(seed)).with_values(**fixed)


def joint(hands, name):
    """A joint's point in camera coordinates, mm (N, 3)."""
    return unprojected(joints_of(hands))[:, JOINT_NAMES.index(name)]


def seen_by(rays, centres, radii, *shapes):
    """Depth that rays (K, 3) see of one scene, and the number of the shape (K,)."""
    everywhere = torch.ones(1, len(shapes), 1, dtype=torch.bool)
    depth, shape = cast(torch.tensor(rays)[None, None], everywhere, torch.tensor(centres)[None], torch.tensor(radii)[None], shapes)
    return depth[0, 0], shape[0, 0]


# ---- the camera and the cube ----
def test_a_point_is_seen_where_the_camera_of_nyu_sees_it():
    point = torch.tensor([100.0, -50.0, 800.0])
    place = projected(point)                       # 588.03 / 8 + 320, 240 - 587.07 / 16
    torch.testing.assert_close(place, torch.tensor([393.50375, 203.308125, 800.0]))
    torch.testing.assert_close(unprojected(place), point)


def test_another_camera_sees_it_elsewhere():
    point, camera = torch.tensor([100.0, -50.0, 800.0]), ((400.0, 200.0), (50.0, 60.0))
    assert projected(point, *camera).tolist() == [100.0, 47.5, 800.0]                # 400 / 8 + 50, 60 - 200 / 16
    assert unprojected(torch.tensor([100.0, 47.5, 800.0]), *camera).tolist() == point.tolist()


def test_the_cube_around_two_joints():
    """At 700 mm, a cube of 300 mm is 252.01 px wide and 251.60 px high: 5.0402 and 2.5160 px for one of 50 x 100."""
    joints = torch.tensor([[[400.0, 200.0, 700.0], [420.0, 230.0, 700.0]]])
    crop = Crop.around(joints, (100, 50))
    torch.testing.assert_close(crop.middle, torch.tensor([[410.0, 215.0, 700.0]]))
    columns, rows = crop.pixels()
    assert columns.shape == (1, 50) and rows.shape == (1, 100)
    assert columns[0, [0, 24, 25, 49]].tolist() == [287, 407, 413, 533]          # 410 - 24.5 * 5.0402 = 286.5..., 407.48, 412.52
    assert rows[0, [0, 99]].tolist() == [90, 340]                                # 215 - 49.5 * 2.5160 = 90.46, 339.54
    expected = torch.tensor([[[24.5 - 10 / 5.0403, 49.5 - 15 / 2.5160, 0.0], [24.5 + 10 / 5.0403, 49.5 + 15 / 2.5160, 0.0]]])
    torch.testing.assert_close(crop.joints(joints), expected, atol=1e-3, rtol=0)


def test_gray_levels_say_where_in_the_cube():
    crop = Crop(torch.tensor([[320.0, 240.0, 700.0]]), (1, 5))
    mm = torch.tensor([[[540.0, 550.0, 641.0, 821.0, torch.inf]]])
    assert crop.image(mm)[0, 0].tolist() == [0, 0, 77, 230, 255]                 # 255 (641 - 550) / 300 = 77.35


# ---- rays and shapes ----
def test_a_sphere_is_seen_where_the_ray_enters_it():
    rays = [[0.0, 0.0, 1.0], [0.05, 0.0, 1.0], [0.11, 0.0, 1.0]]
    depth, shape = seen_by(rays, [[0.0, 0.0, 500.0]], [50.0], (0, 0))
    # On the second ray 1.0025 z^2 - 1000 z + 247500 = 0; the third passes 54.7 mm from the centre.
    torch.testing.assert_close(depth, torch.tensor([450.0, 455.488, torch.inf]), atol=0.02, rtol=0)
    assert shape.tolist() == [0, 0, 1]


def test_a_round_cone_across_the_view():
    """Radii 30 and 10, 120 mm apart: half way, its skin is 20 / cos(asin(1 / 6)) = 20.284 mm before the axis."""
    depth, _ = seen_by([[0.0, 0.0, 1.0], [0.0, 0.05, 1.0], [-0.12, 0.0, 1.0], [0.16, 0.0, 1.0]],
                       [[-60.0, 0.0, 500.0], [60.0, 0.0, 500.0]], [30.0, 10.0], (0, 1))
    assert depth[0].item() == pytest.approx(479.716, abs=0.02)
    assert depth[1].isinf()                                          # 25 mm above the axis
    assert depth[2].item() == pytest.approx((500 - math.sqrt(250000 - 1.0144 * 252700 + 2 * 60 * 0.12 * 500 + 7.2 ** 2)
                                             + 7.2) / 1.0144, abs=0.02)
    assert depth[3].isinf()                                          # beyond the smaller end


def test_a_round_cone_seen_from_its_small_end():
    """Its skin is where cos x - sin (z - 500) = 10 with sin = 0.3 and x = 0.04 z; a ray beside the axis sees the end itself."""
    depth, _ = seen_by([[0.04, 0.0, 1.0], [0.0, 0.0, 1.0]], [[0.0, 0.0, 500.0], [0.0, 0.0, 600.0]], [10.0, 40.0], (0, 1))
    torch.testing.assert_close(depth, torch.tensor([534.672, 490.0]), atol=0.02, rtol=0)


def test_a_sphere_inside_the_other_adds_nothing():
    depth, _ = seen_by([[0.0, 0.0, 1.0], [0.06, 0.0, 1.0]], [[0.0, 0.0, 500.0], [5.0, 0.0, 500.0]], [50.0, 20.0], (0, 1))
    alone, _ = seen_by([[0.0, 0.0, 1.0], [0.06, 0.0, 1.0]], [[0.0, 0.0, 500.0]], [50.0], (0, 0))
    assert torch.equal(depth, alone)


def test_a_face_touches_its_three_spheres():
    # Equal radii, in the plane z = 500 + x / 2: the face lies 10 sqrt(1.25) mm before it.
    depth, _ = seen_by([[0.05, 0.01, 1.0], [0.25, 0.0, 1.0], [-0.01, 0.0, 1.0]],
                       [[0.0, -80.0, 500.0], [0.0, 80.0, 500.0], [120.0, 0.0, 560.0]], [10.0, 10.0, 10.0], (0, 1, 2))
    torch.testing.assert_close(depth, torch.tensor([501.354, torch.inf, torch.inf]), atol=0.02, rtol=0)
    # Radii 10, 10 and 30, 120 mm apart: the face leans by asin(1 / 6).
    depth, _ = seen_by([[0.0, 0.0, 1.0]], [[-60.0, -40.0, 500.0], [60.0, -40.0, 500.0], [0.0, 80.0, 500.0]],
                       [10.0, 10.0, 30.0], (0, 1, 2))
    assert depth.item() == pytest.approx(483.097, abs=0.02)


def test_the_nearer_of_two_shapes_is_seen():
    centres, radii = [[0.0, 0.0, 700.0], [5.0, 0.0, 500.0]], [20.0, 8.0]
    depth, shape = seen_by([[0.0, 0.0, 1.0], [-0.02, 0.0, 1.0]], centres, radii, (0, 0), (1, 1))
    assert shape.tolist() == [1, 0]                                  # the second ray passes beside the nearer sphere
    assert depth[1].item() == pytest.approx(700 - 20 * math.cos(math.asin(0.7)), abs=0.3)


def test_the_box_of_a_sphere_beside_the_view():
    """Centre 500 mm away at atan(3 / 4) = 36.87 degrees, radius 250: 30 degrees to either side."""
    low, high = boxes(torch.tensor([[[300.0, 0.0, 400.0]]]), torch.tensor([[250.0]]), [(0, 0)])
    assert low[0, 0, 0].item() == pytest.approx(math.tan(math.radians(6.8699)), abs=1e-4)
    assert high[0, 0, 0].item() == pytest.approx(math.tan(math.radians(66.8699)), abs=1e-3)


@pytest.mark.parametrize("size", [(96, 96), (50, 37)])
def test_rays_that_are_spared_would_have_met_nothing(monkeypatch, size):
    hands = drawn(20)
    pixels = Crop.around(joints_of(hands), size).pixels()
    spared = depth_of(hands, pixels)
    monkeypatch.setattr(simulator, "boxes", lambda c, r, shapes: [torch.full((len(c), len(shapes), 2), s * 9.0) for s in (-1, 1)])
    assert torch.equal(depth_of(hands, pixels), spared) and spared.isfinite().float().mean() > 0.1


# ---- the hand ----
# Distances in NYU's rigid skeleton of the training person, mm, of an outstretched finger where a joint lies between.
SKELETON = {("little tip", "little pip"): 43.3, ("ring tip", "ring pip"): 50.8, ("middle tip", "middle pip"): 57.3,
            ("index tip", "index pip"): 51.2, ("thumb tip", "thumb ip"): 24.6, ("thumb ip", "thumb mcp"): 49.1,
            ("thumb mcp", "thumb cmc"): 61.9, ("little pip", "little mcp"): 32.0, ("ring pip", "ring mcp"): 38.6,
            ("middle pip", "middle mcp"): 52.5, ("index pip", "index mcp"): 55.1, ("wrist ulnar", "wrist radial"): 35.3,
            ("palm", "wrist ulnar"): 81.3, ("palm", "wrist radial"): 81.3, ("palm", "little mcp"): 48.3,
            ("palm", "ring mcp"): 37.8, ("palm", "middle mcp"): 30.5, ("palm", "index mcp"): 34.5, ("palm", "thumb cmc"): 61.4,
            ("thumb cmc", "wrist ulnar"): 44.7, ("thumb cmc", "wrist radial"): 34.0, ("little mcp", "ring mcp"): 31.1,
            ("ring mcp", "middle mcp"): 26.7, ("middle mcp", "index mcp"): 24.1}


@pytest.mark.parametrize("pose", [{}, {"turn": 40.0, "tilt": -20.0, "roll": 30.0, "u": 250.0, "depth": 700.0}])
def test_bones_are_those_of_the_training_person(pose):
    centres = spheres(default_hands().with_values(**STRAIGHT, **pose))[0][0]
    for (one, other), mm in SKELETON.items():
        ours = (centres[SPHERES.index(one)] - centres[SPHERES.index(other)]).norm().item()
        assert ours == pytest.approx(mm, abs=1.0), (one, other)


def test_the_joints_of_the_evaluation_are_in_its_order():
    names = {"pip": "R", "ip": "R2"}
    for ours, theirs in zip(EVALUATED[:10], JOINT_NAMES):
        finger, joint = ours.split()
        assert theirs == f"{finger} {names.get(joint, joint)}"
    assert EVALUATED[10:] == ("thumb mcp", "wrist ulnar", "wrist radial", "palm")


def test_a_smaller_hand_with_a_longer_finger():
    hands = default_hands(2).with_values(**STRAIGHT, scale=torch.tensor([1.0, 0.8]), index_length=torch.tensor([1.0, 1.05]))
    for one, other, ratio in (("index tip", "index R", 0.84), ("ring tip", "ring R", 0.8), ("palm", "wrist 1", 0.8)):
        mm = (joint(hands, one) - joint(hands, other)).norm(dim=1)
        assert (mm[1] / mm[0]).item() == pytest.approx(ratio, abs=1e-3)


# name of the parameter, its value, a joint, the axis it moves along (x right, y down, z away) and the sign
MOVES = [("index_mcp", 60, "index tip", 2, -1), ("ring_pip", 70, "ring tip", 2, -1), ("little_abduction", -15, "little tip", 0, -1),
         ("thumb_abduction", 60, "thumb tip", 0, 1), ("thumb_opposition", 60, "thumb tip", 2, -1),
         ("thumb_mcp", 50, "thumb tip", 0, -1), ("thumb_ip", 60, "thumb tip", 0, -1),
         ("turn", 60, "thumb tip", 2, -1), ("tilt", 40, "middle tip", 2, -1),
         ("roll", 40, "middle tip", 0, 1), ("depth", 1000, "palm", 2, 1), ("u", 400, "palm", 0, 1), ("v", 280, "palm", 1, 1),
         ("scale", 1.2, "middle tip", 1, -1), ("middle_length", 1.07, "middle tip", 1, -1), ("palm_width", 1.1, "little R", 0, -1)]


@pytest.mark.parametrize("name, value, which, axis, sign", MOVES, ids=[move[0] for move in MOVES])
def test_each_parameter_moves_what_it_names(name, value, which, axis, sign):
    before, after = joint(default_hands(), which)[0], joint(default_hands().with_values(**{name: float(value)}), which)[0]
    assert sign * (after - before)[axis] > 1.5


@pytest.mark.parametrize("name, more", [("thickness", range(1, 8)), ("ring_width", [RING]), ("palm_width", [PALM])])
def test_flesh_grows_with_its_parameter(name, more):
    thin, thick = (render_hands(default_hands().with_values(**{name: value})).labels["parts"] for value in (0.9, 1.2))
    shown = [torch.isin(parts, torch.tensor(list(more), dtype=torch.uint8)).sum() for parts in (thin, thick)]
    assert shown[1] > 1.08 * shown[0]


def test_a_finger_bends_by_its_angles_the_last_joint_by_two_thirds_of_the_middle_one():
    centres = spheres(default_hands().with_values(**{**STRAIGHT, "ring_mcp": 30.0, "ring_pip": 60.0, "turn": 25.0}))[0][0]
    chain = centres[[SPHERES.index(f"ring {name}") for name in ("mcp", "pip", "dip", "tip")]]
    bones = torch.nn.functional.normalize(chain.diff(dim=0), dim=1)
    angles = torch.rad2deg(torch.acos((bones[1:] * bones[:-1]).sum(1)))
    torch.testing.assert_close(angles, torch.tensor([60.0, 40.0]), atol=0.1, rtol=0)


def test_skin_between_two_fingers_ends_before_their_middle_joints():
    hands = default_hands().with_values(**OPEN)
    centres = spheres(hands)[0][0]
    between = (centres[[SPHERES.index(f"ring {name}") for name in ("mcp", "pip")]]
               + centres[[SPHERES.index(f"middle {name}") for name in ("mcp", "pip")]]) / 2
    places = projected(torch.stack([between[0].lerp(between[1], share) for share in (0.25, 0.8)]))
    crop = Crop.around(joints_of(hands), (224, 224))
    x, y = crop.joints(places[None])[0, :, :2].round().long().unbind(1)
    assert render_hands(hands, (224, 224)).labels["parts"][0, y, x].tolist() == [PALM, BACKGROUND]


def test_the_forearm_follows_the_wrist():
    rest, bent, leant = (spheres(default_hands().with_values(**pose))[0][0, SPHERES.index("elbow radial")]
                         for pose in ({}, {"wrist_flexion": 30.0}, {"wrist_deviation": 30.0}))
    assert (bent - rest)[2] < -100 and (leant - rest)[0] > 100


# ---- images and labels ----
def test_all_labels_of_a_hand():
    hands = simulate_hands(5, 0)
    assert hands.images.shape == (5, 1, 96, 96) and hands.images.dtype == torch.uint8
    shapes = {name: (tuple(values.shape), values.dtype) for name, values in hands.labels.items()}
    assert shapes == {"joints": ((5, 14, 3), torch.float32), "cube": ((5, 4), torch.float32), "visible": ((5, 14), torch.bool),
                      "parts": ((5, 96, 96), torch.uint8)}
    assert hands.labels["joints"][..., 2].mean(1).abs().max() < 1e-3 and "simulat" in hands.source


def test_masks_and_depth_say_the_same():
    hands = drawn(30)
    seen = render_hands(hands, (80, 64))
    depth = depth_of(hands, Crop.around(joints_of(hands), (80, 64)).pixels())
    parts = seen.labels["parts"]
    assert torch.equal(parts == BACKGROUND, depth.isinf()) and parts.unique().tolist() == list(range(len(PARTS)))
    assert (seen.images[:, 0][parts == BACKGROUND] == 255).all()
    middle = joints_of(hands)[..., 2].mean(1)[:, None, None]
    expected = (255 * ((depth - middle) / 300 + 0.5)).clamp(0, 255)
    assert (seen.images[:, 0] - expected).abs().max() <= 0.51


def test_a_joint_that_is_seen_lies_in_its_finger_below_the_skin():
    seen = render_hands(drawn(60), (224, 224))
    columns, rows = seen.labels["joints"][..., :2].round().long().clamp(0, 223).unbind(-1)
    hand = torch.arange(60)[:, None]
    skin = (seen.images[hand, 0, rows, columns].float() / 255 - 0.5) * 300
    below, clear = seen.labels["joints"][..., 2] - skin, seen.labels["visible"]
    assert 0.5 < clear[:, :11].float().mean() < 0.95
    assert (below[clear] > 2).float().mean() > 0.99 and (below[clear] < 40).float().mean() > 0.99
    assert (below[:, :11][~clear[:, :11]] > 12).float().mean() > 0.95
    tips, own = seen.labels["parts"][hand, rows, columns][:, [0, 2, 4, 6, 8]], torch.tensor([LITTLE, RING, MIDDLE, INDEX, THUMB])
    assert (tips == own)[clear[:, [0, 2, 4, 6, 8]]].float().mean() > 0.97


def test_the_fingertip_lies_its_radius_below_the_skin():
    """Of an open hand before the camera, at the pixel that shows it."""
    hands = default_hands().with_values(**STRAIGHT)
    place = joints_of(hands)[0, JOINT_NAMES.index("middle tip")]
    depth = depth_of(hands, (place[:1].round().long()[None], place[1:2].round().long()[None]))
    radius = spheres(hands)[1][0, SPHERES.index("middle tip")]
    assert (place[2] - depth[0, 0, 0]).item() == pytest.approx(radius.item(), abs=0.4)


def test_all_joints_of_an_open_hand_are_seen_and_of_a_finger_that_points_only_the_tip():
    visible = render_hands(default_hands(2).with_values(**{**OPEN, "index_mcp": torch.tensor([0.0, 90.0])})).labels["visible"]
    assert visible[0].all()
    assert [JOINT_NAMES[i] for i in (~visible[1]).nonzero()[:, 0]] == ["index R"]


def test_what_lies_behind_something_is_not_seen():
    """A ball of 12 mm, 60 mm before the ring finger's tip, on the line of sight."""
    centres, radii = spheres(default_hands().with_values(**OPEN))
    tip, ball = centres[0, SPHERES.index("ring tip")], SPHERES.index("elbow ulnar")
    centres[0, ball] = centres[0, SPHERES.index("arm ulnar")] = tip * (1 - 60 / tip.norm())
    radii[0, ball] = radii[0, SPHERES.index("arm ulnar")] = 12.0
    centres[0, SPHERES.index("arm radial")] = centres[0, SPHERES.index("elbow radial")] = centres[0, ball]
    assert [JOINT_NAMES[i] for i in (~simulator.visible_joints(centres, radii)[0]).nonzero()[:, 0]] == ["ring tip"]


def test_the_reader_of_nyu_sees_the_same_hand(tmp_path):
    """The camera's whole picture, written as the release has it, becomes the image that was simulated."""
    hands = drawn(1, seed=4)
    mm = depth_of(hands, (torch.arange(640)[None], torch.arange(480)[None]))[0]
    mm = mm.where(mm.isfinite(), 2001).round().int().numpy()
    (tmp_path / "test").mkdir()
    picture = np.stack([0 * mm, mm // 256, mm % 256], -1).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "test" / "depth_1_0000001.png")
    np.savetxt(tmp_path / "nyu_test_groundtruth_label.txt", joints_of(hands).reshape(1, -1).numpy(), "%.4f")
    (tmp_path / "nyu_test_list.txt").write_text("test/depth_1_0000001.png\n")
    read, ours = read_nyu(tmp_path, size=(96, 96)), render_hands(hands, (96, 96))
    torch.testing.assert_close(read.labels["joints"], ours.labels["joints"], atol=0.01, rtol=0)
    assert (read.images.int() - ours.images.int()).abs().max() <= 1              # depth in whole mm


def test_on_a_gpu_too():
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    hands = draw_hands(50, torch.Generator("cuda").manual_seed(0))
    there = render_hands(hands)
    here = render_hands(type(hands)({name: values.cpu() for name, values in hands.values.items()}))
    assert ((there.images.cpu().int() - here.images.int()).abs() > 1).float().mean() < 1e-3
    torch.testing.assert_close(there.labels["joints"].cpu(), here.labels["joints"], atol=1e-2, rtol=1e-4)


# ---- which hands are drawn ----
def test_limits_hold_and_are_used():
    hands = drawn(1000)
    for name, limit in HAND.items():
        values = hands[name]
        assert limit.low - 1e-3 <= values.min() and values.max() <= limit.high + 1e-3, name
        assert values.max() - values.min() > 0.4 * (limit.high - limit.low), name
    assert (hands["index_abduction"] - hands["little_abduction"]).max() < 45


def test_fingers_do_alike_or_as_they_please():
    curls = {alike: drawn_with(alike=alike, wander=0.0) for alike in (1.0, 0.0)}
    assert (curls[1.0]["index_pip"] == curls[1.0]["little_pip"]).all()
    assert (curls[0.0]["index_pip"] == curls[0.0]["little_pip"]).float().mean() < 0.1


def drawn_with(**settings):
    return draw_hands(200, torch.Generator().manual_seed(1), HandPrior(**settings))


def test_no_finger_goes_through_another_or_through_the_palm():
    assert not collides(drawn(500)).any() and not collides(default_hands().with_values(**STRAIGHT)).any()
    crossed = {"index_abduction": -15.0, "middle_abduction": 15.0}
    through_index = {"index_mcp": 80.0, "index_pip": 60.0, "thumb_abduction": 0.0, "thumb_opposition": 30.0, "thumb_mcp": 20.0}
    through_palm = {"ring_mcp": 110.0, "ring_pip": 110.0}
    for impossible in (crossed, through_index, through_palm):
        assert collides(default_hands().with_values(**{**STRAIGHT, **impossible})).all(), impossible


def test_same_seed_same_images_and_no_other_generator_is_touched():
    before = torch.random.get_rng_state()
    a, b, c = simulate_hands(30, 5), simulate_hands(30, 5), simulate_hands(30, 6)
    assert torch.equal(a.images, b.images) and not torch.equal(a.images, c.images)
    assert all(torch.equal(values, b.labels[name]) for name, values in a.labels.items())
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_hand_looks_the_same_alone_and_in_a_crowd():
    hands = drawn(70)                                                            # more than are rendered at a time
    together = render_hands(hands, (64, 64))
    for i in (0, 63, 64, 69):
        alone = render_hands(hands.chunk(slice(i, i + 1)), (64, 64))
        assert ((alone.images.int() - together.images[i:i + 1].int()).abs() > 1).float().mean() < 1e-3
        torch.testing.assert_close(alone.labels["joints"], together.labels["joints"][i:i + 1], atol=1e-3, rtol=0)


def test_progress_ends_with_all(tmp_path):
    told = []
    hands = simulate_hands(70, 0, (24, 24), progress=lambda done, total: told.append((done, total)))
    assert told == [(64, 70), (70, 70)]
    hands.save(tmp_path / "hands")
    kept = ImageSet.load(tmp_path / "hands")
    assert all(torch.equal(values, hands.labels[name]) for name, values in kept.labels.items())


# ---- bad input ----
def posed(**values):
    return default_hands(2).with_values(**values)


def drawn_between(low, high):
    return HandPrior(ranges={**HAND, "depth": Range(low, low, high, "mm", "")})


@pytest.mark.parametrize("work, words", [
    (lambda: simulate_hands(0, 0), "number of hands: expected a whole number from 1 .* found 0"),
    (lambda: simulate_hands("3", 0), "number of hands: expected a whole number from 1 .* found '3'"),
    (lambda: simulate_hands(2.5, 0), "number of hands: .* found 2.5"),
    (lambda: simulate_hands(2, "a"), "seed: expected a whole number .* found 'a'"),
    (lambda: simulate_hands(2, None), "seed: .* found None"),
    (lambda: simulate_hands(2, 2**70), "seed: .* found 118"),
    (lambda: simulate_hands(2, 0, device="gpu"), "unknown device 'gpu'"),
    (lambda: simulate_hands(2, 0, size=96), r"size: expected \(rows, columns\), .* found 96"),
    (lambda: draw_hands(1, None), "generator: expected a torch.Generator, found None"),
    (lambda: draw_hands(1, 3), "generator: expected a torch.Generator, found 3"),
    (lambda: simulate_hands(2, 0, size=(0, 96)), r"size: expected \(rows, columns\), .* found \(0, 96\)"),
    (lambda: simulate_hands(2, 0, size=(96,)), "size: expected"),
    (lambda: depth_of(default_hands(2), (torch.arange(5)[None], torch.arange(4)[None])), r"of 2 hands, found \(1, 5\) and"),
    (lambda: depth_of(default_hands(), (np.zeros((1, 5)), np.zeros((1, 4)))), "pixels: expected tensors, .* found ndarray and"),
    (lambda: depth_of(default_hands(), None), "pixels: expected tensors, .* of 1 hands, found NoneType"),
    (lambda: depth_of(default_hands(), (torch.zeros(1, 0), torch.zeros(1, 4))), r"pixels: .* found \(1, 0\) and \(1, 4\)"),
    (lambda: default_hands(0), "number of hands: expected a whole number from 1 .* found 0"),
    (lambda: default_hands().with_values(knuckle=1), "no hand parameter knuckle; there are depth"),
    (lambda: render_hands(default_hands().with_values(depth=60)), "expected hands before the camera, found one that reaches to"),
    (lambda: posed(turn="a"), r"values: expected numbers, or tensors \(2,\), found {'turn': 'a'}"),
    (lambda: posed(turn=torch.zeros(3)), r"values: expected numbers, or tensors \(2,\)"),
    (lambda: render_hands(posed(turn=math.nan)), "turn: expected a number of at least -360 .* found nan"),
    (lambda: render_hands(posed(scale=torch.tensor([1.0, -1.0]))), "scale: expected a number of at least 0.1 .* found -1"),
    (lambda: render_hands(posed(scale=0)), "scale: .* found 0"),
    (lambda: render_hands(posed(thickness=-1)), "thickness: .* found -1"),
    (lambda: render_hands(posed(index_mcp=500)), "index_mcp: .* found 500"),
    (lambda: joints_of(posed().chunk(slice(0))), "number of hands: .* found 0"),
    (lambda: joints_of(posed(u=1e9)), "u: .* found 1000000000"),
    (lambda: depth_of(posed(depth=math.inf), (torch.zeros(2, 1), torch.zeros(2, 1))), "depth: .* found inf"),
    (lambda: drawn_between(math.nan, 900), "ranges: depth: expected a Range from low to high, a number of at least 1 .*nan"),
    (lambda: drawn_between(900, 700), "ranges: depth: expected a Range from low to high"),
    (lambda: drawn_between("near", 700), "ranges: depth: expected a Range from low to high"),
    (lambda: HandPrior(ranges=dict.fromkeys(HAND, 3)), "ranges: turn: expected a Range from low to high, .* found 3"),
    (lambda: HandPrior(states={**STATES, "odd": ((math.nan, 2), (3, 4, 5, 6))}), "states: expected"),
    (lambda: HandPrior(states={"odd": (("a", "b"), ("a", "b", "c", "d"))}), "states: expected"),
    (lambda: HandPrior(states={"odd": "text"}), "states: expected"),
    (lambda: HandPrior(alike=2), "alike: expected a number of at least 0"),
    (lambda: HandPrior(ranges={}), "ranges: expected the parameters of HAND"),
    (lambda: HandPrior(states={"odd": ((1, 2), (3,))}), "states: expected"),
    (lambda: HandPrior(states={"odd": 3}), "states: expected"),
    (lambda: HandPrior(states={}), "states: expected"),
    (lambda: drawn_with(states={"through": ((80, 60), (0, 30, 20, 0))}, wander=0.0), "prior: expected possible hands"),
])
def test_bad_input_is_one_clear_line(work, words):
    with pytest.raises(UserError, match=words) as error:
        work()
    assert "\n" not in str(error.value)


AHEAD, BALL = [[0.0, 0.0, 1.0]], [[0.0, 0.0, 500.0]]


@pytest.mark.parametrize("rays, centres, radii, shapes, words", [
    ([[0.0, 0.0, 0.0]], BALL, [50.0], [(0, 0)], "rays: expected finite directions, not all 0, found lengths from 0"),
    ([[math.nan, 0.0, 1.0]], BALL, [50.0], [(0, 0)], "rays: .* found lengths from nan"),
    (AHEAD, BALL, [-50.0], [(0, 0)], "spheres: expected finite centres, radii above 0, .* found radii from -50"),
    (AHEAD, BALL, [math.nan], [(0, 0)], "spheres: .* found radii from nan"),
    (AHEAD, [[math.inf, 0.0, 500.0]], [50.0], [(0, 0)], "spheres: expected finite centres"),
    (AHEAD, [[0.0, 0.0, -500.0]], [50.0], [(0, 0)], "spheres: .* all before the camera, .* depths from -500"),
    (AHEAD, BALL, [50.0], [(0, 0)] * 300, "shapes: expected 1 to 255, .* found 300"),
    (AHEAD, BALL, [50.0], [], "shapes: .* found 0"),
    (AHEAD, BALL, [50.0], [(0, 0), (0, 1)], r"shapes: .* numbers from 0 to 0, found \(0, 1\)"),
    (AHEAD, BALL, [50.0], [(0,)], r"shapes: .* of 2 or 3 numbers .* found \(0,\)"),
    (AHEAD, BALL, [50.0], [(0, 0, 0, 0)], r"shapes: .* found \(0, 0, 0, 0\)"),
])
def test_what_rays_cannot_meet_is_refused_and_has_no_box(rays, centres, radii, shapes, words):
    with pytest.raises(UserError, match=words):
        seen_by(rays, centres, radii, *shapes)
    if not words.startswith("rays"):
        with pytest.raises(UserError, match=words):
            boxes(torch.tensor(centres)[None], torch.tensor(radii)[None], shapes)
