"""Heat maps and joints, hands that are moved with their joints, and the training of a hand pose estimator."""

import math
from dataclasses import replace

import pytest
import torch

from simgan_lib.evaluation import pose
from simgan_lib.evaluation.gaze import one_cycle
from simgan_lib.evaluation.pose import (
    PRESETS,
    PoseTrainingConfig,
    augmented,
    heat_maps,
    joints_from_maps,
    moved,
    peaks,
    pose_loss,
    pose_training,
    predict_pose,
    to_cells,
    to_pixels,
    train_pose_estimator,
)
from simgan_lib.images import ImageSet, to_uint8
from simgan_lib.networks import HandPoseEstimator
from simgan_lib.system.errors import UserError
from simgan_lib.training import TrainingFailed

BRIEF = PoseTrainingConfig(steps=3, batch=4)
STILL = replace(BRIEF, shift=0, turn=0, size=0)


@pytest.fixture(scope="module", autouse=True)
def tiny():
    """A small network that is smaller still: for images of 48x48, with maps of 12x12."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(HandPoseEstimator.PRESETS, "small", (1, 12, 16, 2))
        yield


def dots(n, seed, side=48):
    """Depth images of two discs before a far background; the second one is smaller.  A disc's gray level is its depth."""
    generator = torch.Generator().manual_seed(seed)
    places = 6 + (side - 13) * torch.rand(n, 2, 2, generator=generator)
    z = 200 * torch.rand(n, 2, 1, generator=generator) - 120                               # mm, in a cube of 300
    pixel = torch.stack(torch.meshgrid(torch.arange(side), torch.arange(side), indexing="xy"), 2)
    far = torch.hypot(*(pixel - places[:, :, None, None]).unbind(4))                       # (n, 2, side, side)
    images = torch.full((n, side, side), 255.0)
    for disc, radius in enumerate((5, 2.5)):
        images = torch.where(far[:, disc] < radius, 127.5 + 0.85 * z[:, disc, :, None], images)
    return ImageSet(images.round().to(torch.uint8)[:, None], {"joints": torch.cat([places, z], 2)})


# ---- joints and heat maps ----
@pytest.mark.parametrize("size, maps, pixel, cell", [
    ((96, 96), 24, (0.0, 95.0), (-0.375, 23.375)), ((224, 224), 64, (3.0, 0.0), (0.5, -0.5 + 1 / 7)),
    ((48, 96), 24, (5.5, 3.5), (1.0, 1.5))])
def test_a_place_in_pixels_and_in_cells_by_hand(size, maps, pixel, cell):
    """The left edge of the first pixel is that of the first cell: -0.5 is -0.5 in both."""
    found = to_cells(torch.tensor([pixel]), size, maps)
    torch.testing.assert_close(found, torch.tensor([cell]))
    torch.testing.assert_close(to_pixels(found, size, maps), torch.tensor([pixel]), atol=1e-5, rtol=0)
    torch.testing.assert_close(to_cells(torch.tensor([-0.5, -0.5]), size, maps), torch.tensor([-0.5, -0.5]))


def test_a_heat_map_is_one_at_its_joint_and_falls_as_a_gaussian():
    joint = torch.tensor([[[29.5, 13.5, 80.0]]])                     # of 96 pixels: the middle of cell 7 across, 3 down
    found = heat_maps(joint, (96, 96), 24)[0, 0]
    assert found.shape == (24, 24) and found[3, 7] == 1
    assert found[3, 9].item() == pytest.approx(math.exp(-2)) and found[4, 6].item() == pytest.approx(math.exp(-1))
    wide = heat_maps(joint, (96, 96), 24, sigma=2.0)[0, 0]
    assert wide[3, 9].item() == pytest.approx(math.exp(-0.5))


@pytest.mark.parametrize("place", [(96.0, 40.0), (40.0, -0.6), (-3.0, 40.0), (40.0, 95.6)])
def test_a_joint_outside_of_the_image_has_an_empty_map_and_says_nothing(place):
    outside = torch.tensor([[[*place, 5.0]]])
    assert not heat_maps(outside, (96, 96), 24).any()
    assert heat_maps(torch.tensor([[[95.4, -0.4]]]), (96, 96), 24).amax() > 0.5
    answers = torch.randn(1, 1, 2, 1, 24, 24, generator=torch.Generator().manual_seed(0))
    assert pose_loss(answers, outside, (96, 96)).item() == 0


@pytest.mark.parametrize("size, maps", [((96, 96), 24), ((224, 224), 64), ((64, 96), 24)])
def test_the_peak_of_a_heat_map_gives_back_its_joint(size, maps):
    """Off the centre, and between the cells."""
    joints = torch.tensor([[[31.3, 57.9, 40.0], [70.2, 11.6, -25.0]], [[8.8, 9.1, 0.0], [44.4, 33.3, 140.0]]])
    heat = heat_maps(joints, size, maps, sigma=1.3).log()
    depth = (joints[..., 2] / 150)[..., None, None].expand_as(heat)
    found = joints_from_maps(torch.stack([heat, depth], 1), size)
    torch.testing.assert_close(found, joints, atol=2e-3, rtol=0)


def test_z_is_read_where_the_heat_map_has_its_peak():
    heat, depth = torch.zeros(1, 1, 7, 7), torch.arange(49.0).view(1, 1, 7, 7)
    heat[0, 0, 3, 2] = 1
    assert joints_from_maps(torch.stack([heat, depth], 1), (7, 7))[0, 0].tolist() == [2, 3, 150 * 23]


def test_a_peak_on_the_border_is_moved_along_the_border_alone_and_a_flat_map_gives_its_first_cell():
    logits = torch.zeros(1, 2, 5, 7)
    logits[0, 0, 2:5, 0] = torch.tensor([1.0, 4.0, 3.0])                     # the vertex of the parabola: a quarter of a cell down
    assert peaks(logits)[0].tolist() == [[0, 3.25], [0, 0]]


def test_the_loss_is_none_for_the_gaussian_itself_and_in_halves_of_the_cube_for_depth():
    joints = torch.tensor([[[31.3, 57.9, 40.0], [70.2, 11.6, -25.0]]])
    heat = heat_maps(joints, (96, 96), 24).clamp(min=1e-30).log()
    right = (joints[..., 2] / 150)[..., None, None].expand_as(heat)
    wrong = right + torch.tensor([0.5, 0.0])[:, None, None]                  # the first joint 75 mm too far
    answers = torch.stack([torch.stack([heat, right], 1), torch.stack([heat, wrong], 1)], 1)       # two modules
    assert pose_loss(answers[:, :1], joints, (96, 96)).item() == pytest.approx(0, abs=1e-5)
    assert pose_loss(answers, joints, (96, 96)).item() == pytest.approx(0.5 / 4, abs=1e-5)
    even = torch.zeros(1, 1, 2, 1, 24, 24)                                   # any cell: ln 576 less the Gaussian's entropy
    assert pose_loss(even, joints[:, :1] * torch.tensor([1, 1, 0]), (96, 96)).item() == pytest.approx(
        math.log(576) - math.log(math.sqrt(2 * math.pi * math.e) ** 2), abs=1e-3)


# ---- hands that are moved ----
def marked(places, size=(40, 48)):
    """One image a place (x, y): background, and one pixel with a depth of -50 mm."""
    images = torch.ones(len(places), 1, *size)
    for image, (x, y) in zip(images, places):
        image[0, y, x] = -1 / 3
    return images, torch.tensor([[[x, y, -50.0]] for x, y in places])


def where(images):
    """[(x, y), ...] of the one pixel of each image that is not background."""
    return [tuple(image[0].lt(1).nonzero().flip(1)[0].tolist()) for image in images]


@pytest.mark.parametrize("turn, shift, expected", [
    (0, (0, 0), (30, 9)), (0, (5, -3), (35, 6)), (180, (0, 0), (17, 30)), (90, (0, 0), (34, 26)), (-90, (2, 1), (15, 14))])
def test_a_marked_pixel_goes_where_its_label_goes(turn, shift, expected):
    """By hand: the middle is (23.5, 19.5); turned by 90 degrees, (6.5, -10.5) from there becomes (10.5, 6.5)."""
    images, joints = marked([(30, 9)])
    found, places = moved(images, joints, torch.tensor([float(turn)]), torch.ones(1), torch.tensor([shift], dtype=torch.float))
    assert where(found) == [expected] and (found < 1).sum() == 1
    torch.testing.assert_close(places[0, 0], torch.tensor([*expected, -50.0]), atol=1e-4, rtol=0)


def test_a_larger_hand_is_also_deeper_and_its_background_stays():
    images, joints = marked([(30, 9), (30, 9)])
    images[1, 0, 9, 30] = 0.8
    found, places = moved(images, joints, torch.zeros(2), torch.tensor([3.0, 3.0]), torch.tensor([[-10.0, 10.0]] * 2))
    assert places[0, 0].tolist() == pytest.approx([33, -2, -150])             # 23.5 + 3 x 6.5 - 10, 19.5 - 3 x 10.5 + 10
    smaller, places = moved(images, joints, torch.zeros(2), torch.tensor([0.5, 0.5]), torch.zeros(2, 2))
    assert smaller.amax() == 1 and places[1, 0].tolist() == pytest.approx([26.75, 14.25, -25])
    images[:, :, 5:14, 26:35] = images[:, :, 9:10, 30:31]
    found, _ = moved(images, joints, torch.zeros(2), torch.tensor([2.0, 2.0]), torch.tensor([[-10.0, 10.0]] * 2))
    assert found[0].amin().item() == pytest.approx(-2 / 3) and found[1].amin() == 1       # 0.8 becomes 1.6: behind the cube
    assert (found[0] < 1).sum() == 18 * 18


def test_marked_pixels_and_labels_stay_together_under_random_augmentation():
    places = [(int(x), int(y)) for x, y in torch.randint(14, 26, (64, 2), generator=torch.Generator().manual_seed(3))]
    images, joints = marked(places)
    images[torch.nn.functional.max_pool2d(-images, 3, 1, 1) > -1] = -1 / 3                # 3x3: one pixel can vanish as it shrinks
    config = replace(PRESETS["quick"], shift=0.2, turn=180, size=0.1)
    found, labels = augmented(((images + 1) * 127.5).round().to(torch.uint8), joints, config, torch.Generator().manual_seed(0))
    for image, (x, y, z) in zip(found[:, 0], labels[:, 0].tolist()):
        rows, columns = (image < 1).nonzero().unbind(1)
        assert abs(columns.float().mean() - x) < 0.75 and abs(rows.float().mean() - y) < 0.75
        assert image[rows[0], columns[0]].item() == pytest.approx(z / 150, abs=0.01)
    assert labels[:, 0].std(0).min() > 3
    assert (labels[:, 0, :2] - joints[:, 0, :2]).abs().amax() > 20           # turned far, not only a little
    still, same = augmented(images[:1].to(torch.uint8), joints[:1], STILL, torch.Generator())
    torch.testing.assert_close(same, joints[:1])
    assert torch.equal(to_uint8(still), images[:1].to(torch.uint8))


# ---- training ----
@pytest.fixture(scope="module")
def trained(tiny):
    config = PoseTrainingConfig(steps=200, batch=16, learning_rate=1e-2, turn=0, size=0)
    return train_pose_estimator(dots(200, 1), config, seed=0)


def test_it_learns_from_200_images_where_the_discs_are_and_how_far(trained):
    test = dots(100, 2)
    found, truth = predict_pose(trained, test), test.labels["joints"]
    apart = (found - truth)[..., :2].norm(dim=2)
    assert found.shape == (100, 2, 3) and found.dtype == torch.float32
    assert apart.median() < 1 < (truth.mean(0) - truth)[..., :2].norm(dim=2).median()
    assert (found - truth)[..., 2].abs().median() < 20 < (truth.mean(0) - truth)[..., 2].abs().median()
    assert not trained.training
    torch.testing.assert_close(predict_pose(trained, test.images, batch=7), found, atol=1e-2, rtol=0)


def test_depth_is_told_in_the_cube_of_each_hand(trained):
    """The same gray levels in a cube of half the side: half the mm, the same pixels."""
    test, cubes = dots(2, 2), torch.tensor([[320.0, 240.0, 800.0, 300.0], [320.0, 240.0, 800.0, 150.0]])
    whole = predict_pose(trained, test.images)
    found = predict_pose(trained, ImageSet(test.images, test.labels | {"cube": cubes}))
    torch.testing.assert_close(found[..., :2], whole[..., :2])
    torch.testing.assert_close(found[..., 2], whole[..., 2] * torch.tensor([[1.0], [0.5]]))


def test_fine_tuning_goes_on_from_a_network_and_leaves_it_as_it_was(trained):
    """Ten images of a world where all lies 60 mm deeper are enough for a network that knows discs."""
    def deeper(images):
        far = torch.where(images.images < 255, images.images + 51, images.images)
        return ImageSet(far, {"joints": images.labels["joints"] + torch.tensor([0, 0, 60.0])})

    before = [weight.clone() for weight in trained.state_dict().values()]
    few, test = deeper(dots(10, 3)), deeper(dots(60, 4))
    config = replace(STILL, steps=20, batch=8, learning_rate=1e-3)
    errors = {name: (predict_pose(network, test) - test.labels["joints"])[..., :2].norm(dim=2).median()
              for name, network in (("fine-tuned", train_pose_estimator(few, config, 0, start=trained)),
                                    ("from scratch", train_pose_estimator(few, config, 0)))}
    assert errors["fine-tuned"] < 2 < errors["from scratch"]
    assert all(torch.equal(*pair) for pair in zip(before, trained.state_dict().values()))


def test_the_same_seed_gives_the_same_estimator_and_global_randomness_is_left_alone():
    def weights(seed):
        return torch.cat([p.flatten() for p in train_pose_estimator(dots(9, 1), BRIEF, seed).parameters()])

    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    first = weights(5)
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(weights(5), first) and not torch.equal(weights(6), first)


def test_the_loop_can_be_watched_and_left_and_predicting_meanwhile_changes_nothing():
    for record in pose_training(dots(9, 1), replace(BRIEF, steps=1000), seed=0):
        assert record["total"] == 1000 and record["loss"].ndim == 0 and record["estimator"].training
        means = record["estimator"].enter[1].running_mean.clone()
        predict_pose(record["estimator"], dots(3, 2))
        assert record["estimator"].training and torch.equal(record["estimator"].enter[1].running_mean, means)
        if record["step"] == 2:
            break


def test_each_image_is_learned_with_its_own_joints(monkeypatch):
    """A joint's place says which image it belongs to; what reaches the loss belongs together."""
    seen, sides = [], torch.arange(20, 40)
    images = torch.full((20, 1, 48, 48), 255, dtype=torch.uint8)
    images[torch.arange(20), 0, 7, sides] = 100
    joints = torch.stack([sides.float(), torch.full((20,), 7.0), torch.zeros(20)], 1)[:, None]

    def forward(self, x):
        seen.append(x[:, 0, 7].argmin(1))
        return self.answers[0].bias.sum() + torch.zeros(len(x), 1, 2, 1, 12, 12)
    given, loss = [], pose.pose_loss
    monkeypatch.setattr(HandPoseEstimator, "forward", forward)
    monkeypatch.setattr(pose, "pose_loss", lambda answers, places, size: given.append(places) or loss(answers, places, size))
    list(pose_training(ImageSet(images, {"joints": joints}), replace(STILL, steps=5, batch=8), 0))
    assert [places[:, 0, 0].round().long().tolist() for places in given] == [place.tolist() for place in seen]
    assert len({place for batch in seen for place in batch.tolist()}) > 10


def test_every_weight_learns():
    estimator = HandPoseEstimator("small", joints=2)
    pose_loss(estimator(torch.rand(2, 1, 48, 48)), dots(2, 0).labels["joints"], (48, 48)).mean().backward()
    silent = [name for name, weight in estimator.named_parameters() if not weight.grad.any() and not name.endswith("bias")]
    assert not silent


def test_without_images_or_joints_one_clear_line(trained):
    wrong = dots(8, 0)
    wrong.labels["joints"][3, 1, 0] = float("nan")
    bad = {"a hand pose estimator: joints of image 3: expected finite numbers": wrong,
           "found 4 images with no labels": replace(dots(4, 0), labels={}),
           "found 0 images with joints labels": dots(4, 0)[:0],
           "at least 16 x 16 pixels and at least one joint, found 12 x 12 and 2": ImageSet(
               torch.zeros(4, 1, 12, 12, dtype=torch.uint8), dots(4, 0).labels),
           "at least one joint, found 48 x 48 and 0": replace(dots(4, 0), labels={"joints": torch.zeros(4, 0, 3)}),
           r"joints: expected \(None, 3\) numbers an image \(None: any\), found \(2, 2\)": replace(
               dots(4, 0), labels={"joints": torch.zeros(4, 2, 2)})}
    for said, images in bad.items():
        with pytest.raises(UserError, match=said):
            train_pose_estimator(images, BRIEF, 0)
    three = ImageSet(dots(4, 0).images, {"joints": torch.zeros(4, 3, 3)})
    for start in (trained, torch.nn.Linear(2, 2), "no network"):
        with pytest.raises(UserError, match=f"start: expected a HandPoseEstimator .* found {type(start).__name__}"):
            train_pose_estimator(three, BRIEF, 0, start=start)
    with pytest.raises(UserError, match=r"expected uint8 \(N, C, H, W\)"):
        predict_pose(trained, torch.zeros(2, 1, 48, 48))


@pytest.mark.parametrize("wrong", [{"network": "huge"}, {"steps": 0}, {"batch": 0}, {"learning_rate": 0.0}, {"turn": 181},
                                   {"shift": -0.1}, {"size": math.nan}])
def test_configurations_that_cannot_work_are_refused(wrong):
    with pytest.raises(UserError, match=f"^{next(iter(wrong))}: expected"):
        replace(PRESETS["quick"], **wrong)


def test_an_estimator_that_diverges_says_at_which_step_and_is_not_given(monkeypatch):
    monkeypatch.setattr(HandPoseEstimator, "forward", lambda self, x: torch.nan * self.answers[0].bias.sum().expand(
        len(x), 1, 2, 2, 12, 12))
    with pytest.raises(TrainingFailed, match="step 3: the hand pose estimator's loss is not a number"):
        train_pose_estimator(dots(9, 0), BRIEF, 0)


@pytest.mark.parametrize("steps", range(1, 21))
def test_a_schedule_of_any_length_ends_near_zero_and_never_exceeds_its_rate(steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule, rates = one_cycle(optimizer, 0.5, steps), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert 0 < min(rates) <= max(rates) <= 0.5 and optimizer.param_groups[0]["lr"] < 1e-3


PLACED = torch.ones(1, 2, 3)


@pytest.mark.parametrize("work, words", [
    (lambda: heat_maps(PLACED * math.nan, (8, 8), 4), r"joints: expected a tensor \(N, J, 2 or more\) of finite numbers, .*nan"),
    (lambda: heat_maps(PLACED[0], (8, 8), 4), "joints: expected a tensor"),
    (lambda: heat_maps([[1, 2]], (8, 8), 4), r"joints: expected a tensor .* found \[\[1, 2\]\]"),
    (lambda: heat_maps(PLACED, (8, 8), 0), "maps: expected a whole number from 1 .* found 0"),
    (lambda: heat_maps(PLACED, (8, 8), 2.5), "maps: .* found 2.5"),
    (lambda: heat_maps(PLACED, (0, 8), 4), r"size: expected \(rows, columns\), .* found \(0, 8\)"),
    (lambda: heat_maps(PLACED, (8, 8), 4, sigma=0), "sigma: expected a number above 0 .* found 0"),
    (lambda: to_pixels(PLACED[..., :2], (8, 8), 0), "maps: .* found 0"),
    (lambda: to_cells(PLACED[..., :2], 8, 4), "size: .* found 8"),
    (lambda: train_pose_estimator(dots(4, 0), BRIEF, None), "seed: expected a whole number .* found None"),
    (lambda: train_pose_estimator(dots(4, 0), BRIEF, 0, device="gpu"), "unknown device 'gpu'"),
    (lambda: train_pose_estimator(replace(dots(4, 0), labels={"joints": torch.full((4, 2, 3), 48.0)}), BRIEF, 0),
     "a hand pose estimator needs joints within the images, found none"),
])
def test_places_maps_and_trainings_that_cannot_be_are_refused(work, words):
    with pytest.raises(UserError, match=words) as error:
        work()
    assert "\n" not in str(error.value)


def test_hands_in_cubes_of_another_size_are_refused():
    hands = ImageSet(torch.zeros(2, 1, 32, 32, dtype=torch.uint8), {"joints": torch.zeros(2, 14, 3), "cube": torch.tensor(
        [[320.0, 240.0, 800.0, 300.0], [320.0, 240.0, 800.0, 250.0]])})
    with pytest.raises(UserError, match="cubes of 300 mm, which its depth is told in, found one of 250 mm"):
        train_pose_estimator(hands, PRESETS["quick"], 0)
