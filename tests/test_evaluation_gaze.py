"""Training a gaze estimator, and the numbers told of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from simgan_lib.evaluation import gaze as evaluation
from simgan_lib.evaluation.gaze import (
    PRESETS,
    GazeTrainingConfig,
    augmented,
    gaze_report,
    gaze_training,
    predict_gaze,
    shifted,
    train_gaze_estimator,
)
from simgan_lib.evaluation.statistics import bootstrap_interval, cumulative_curve, curve_interval
from simgan_lib.gaze import angular_error_deg, gaze_vector
from simgan_lib.images import ImageSet
from simgan_lib.system.errors import UserError
from simgan_lib.training import TrainingFailed

BRIEF = GazeTrainingConfig(steps=3, batch=8)


def dots(n, seed, size=(35, 55)):
    """Images of one dark disc, which is where the gaze says: a task that any gaze estimator must learn."""
    generator = torch.Generator().manual_seed(seed)
    gaze = (torch.rand(n, 2, generator=generator) - 0.5) * torch.tensor([0.5, 0.7])      # pitch, yaw in radians
    centre = torch.tensor(size) / 2 - 20 * gaze                                            # y, x
    y, x = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    distance = torch.hypot(y - centre[:, 0, None, None], x - centre[:, 1, None, None])
    images = (200 - 150 * (6 - distance).clamp(0, 1)).round().to(torch.uint8)[:, None]
    return ImageSet(images, {"gaze": gaze})


@pytest.fixture(scope="module")
def trained():
    return train_gaze_estimator(dots(600, 1), GazeTrainingConfig(steps=150, batch=32), seed=0)


def test_it_learns_where_the_disc_is_and_so_where_the_eye_looks(trained):
    test = dots(200, 2)
    error = angular_error_deg(predict_gaze(trained, test), test.labels["gaze"]).mean()
    gaze = test.labels["gaze"]
    mean_answer = angular_error_deg(gaze.mean(0).expand_as(gaze), gaze).mean()
    assert error < 3 < mean_answer
    assert not trained.training


def test_predictions_need_only_the_images_and_do_not_depend_on_the_batch(trained):
    test = dots(10, 3)
    angles = predict_gaze(trained, test)
    assert angles.shape == (10, 2) and angles.dtype == torch.float32
    torch.testing.assert_close(predict_gaze(trained, test.images, batch=3), angles, atol=1e-5, rtol=0)


def test_the_same_seed_gives_the_same_estimator_whatever_was_drawn_before():
    def weights(seed):
        estimator = train_gaze_estimator(dots(40, 1), BRIEF, seed)
        return torch.cat([p.flatten() for p in estimator.parameters()])

    first = weights(5)
    torch.rand(3)
    assert torch.equal(weights(5), first)
    assert not torch.equal(weights(6), first)


def test_training_leaves_the_global_random_numbers_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    train_gaze_estimator(dots(20, 1), BRIEF, seed=5)
    assert torch.equal(torch.rand(1), expected)


def test_progress_is_told_after_each_step():
    told = []
    train_gaze_estimator(dots(20, 1), BRIEF, 0, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_the_loop_can_be_watched_and_left():
    for record in gaze_training(dots(20, 1), replace(BRIEF, steps=1000), seed=0):
        assert record["total"] == 1000 and record["loss"].ndim == 0
        if record["step"] == 2:
            break


def test_loss_is_the_squared_distance_to_the_unit_gaze_vector():
    ahead = ImageSet(torch.zeros(4, 1, 35, 55, dtype=torch.uint8), {"gaze": torch.zeros(4, 2)})
    record = next(gaze_training(ahead, replace(BRIEF, contrast=0.0, brightness=0.0), seed=0))
    # The first answers are near zero and the target is one long.
    assert record["loss"].item() == pytest.approx(1, abs=0.3)


def test_without_images_or_labels_one_clear_line():
    wrong = dots(8, 0)
    wrong.labels["gaze"][3, 1] = float("nan")
    with pytest.raises(UserError, match="a gaze estimator: gaze of image 3: expected finite numbers"):
        train_gaze_estimator(wrong, BRIEF, 0)
    with pytest.raises(UserError, match="gaze labels"):
        train_gaze_estimator(replace(dots(4, 0), labels={}), BRIEF, 0)
    with pytest.raises(UserError, match="0 images"):
        train_gaze_estimator(dots(4, 0)[:0], BRIEF, 0)


@pytest.mark.parametrize("wrong", [{"network": "huge"}, {"steps": 0}, {"batch": 0}, {"learning_rate": 0.0}])
def test_configurations_that_cannot_work_are_refused(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        replace(PRESETS["quick"], **wrong)


@pytest.mark.parametrize("n", [5, 300])
def test_all_training_sets_get_as_many_updates(n, monkeypatch):
    """Updates, not epochs: a larger set is not trained for longer; and all of its images are learned from, not the first."""
    seen, original = set(), evaluation.augmented

    def augmented(images, config, generator):
        seen.update(images[:, 0, 0, 0].tolist())
        return original(images, config, generator)
    monkeypatch.setattr(evaluation, "augmented", augmented)
    images = torch.arange(n).clamp(max=255).to(torch.uint8)[:, None, None, None].expand(-1, 1, 35, 55)
    gray = ImageSet(images, {"gaze": torch.zeros(n, 2)})
    steps = [record["step"] for record in gaze_training(gray, replace(BRIEF, steps=40, batch=32), 0)]
    assert steps == list(range(1, 41))
    assert len(seen) > 0.95 * min(n, 256)


def test_each_image_is_learned_with_its_own_label(monkeypatch):
    """The images' gray levels stand for their labels; what reaches the loss belongs together."""
    angles = torch.stack([torch.zeros(50), torch.linspace(-0.5, 0.5, 50)], 1)
    gray = ImageSet(torch.arange(50).to(torch.uint8)[:, None, None, None].expand(-1, 1, 35, 55), {"gaze": angles})
    config = GazeTrainingConfig(steps=5, batch=8, contrast=0, brightness=0, shift=0)
    monkeypatch.setattr(evaluation.GazeEstimator, "forward", lambda self, x: gaze_vector(
        torch.stack([torch.zeros(len(x)), (127.5 * (x[:, 0, 0, 0] + 1)) / 49 - 0.5], 1)) + 0 * self.head[-1].bias.sum())
    assert all(record["loss"] < 1e-6 for record in gaze_training(gray, config, 0))


def test_a_shift_moves_each_image_by_whole_pixels_and_repeats_the_border():
    images = torch.arange(7 * 9).view(1, 1, 7, 9).expand(200, -1, -1, -1)
    moved = shifted(images, 2, torch.Generator().manual_seed(0))
    offsets = set()
    for image in moved[:, 0]:
        middle = int(image[3, 4]) - int(images[0, 0, 3, 4])
        dy = round(middle / 9)
        dx = middle - 9 * dy
        offsets.add((dy, dx))
        rows, columns = (torch.arange(7) + dy).clamp(0, 6), (torch.arange(9) + dx).clamp(0, 8)
        assert torch.equal(image, images[0, 0][rows][:, columns])
    assert len(offsets) == 25            # all of -2 .. 2 in both directions
    assert torch.equal(shifted(images, 0, torch.Generator()), images)


def test_augmented_images_stay_in_range_and_vary():
    images = dots(1, 0).images.expand(50, -1, -1, -1)
    out = augmented(images, PRESETS["quick"], torch.Generator().manual_seed(0))
    assert out.min() >= -1 and out.max() <= 1
    assert out.mean((1, 2, 3)).std() > 0.05


def test_the_report_has_error_and_share_within_seven_degrees():
    truth = torch.zeros(4, 2)
    predicted = torch.deg2rad(torch.tensor([[0.0, 0.0], [5.0, 0.0], [0.0, 6.9], [10.0, 0.0]]))
    report = gaze_report(predicted, truth, thresholds=(5.5, 7))
    assert report["gaze_error_deg"]["mean"] == pytest.approx((5 + 6.9 + 10) / 4, abs=1e-4)
    assert report["within_5.5_deg"]["mean"] == 50 and report["within_7_deg"]["mean"] == 75
    assert all(r["low"] <= r["mean"] <= r["high"] and r["n"] == 4 for r in report.values())
    assert gaze_report(predicted, truth, (5.5, 7)) == report


def test_an_estimator_that_diverges_says_at_which_step_and_is_not_given(monkeypatch):
    monkeypatch.setattr(evaluation.GazeEstimator, "forward", lambda self, x: torch.nan * self.head[-1].bias.expand(len(x), 3))
    with pytest.raises(TrainingFailed, match="step 5: the gaze estimator's loss is not a number"):
        train_gaze_estimator(dots(20, 0), GazeTrainingConfig(steps=5, batch=4), 0)


@given(st.lists(st.floats(0, 180), min_size=1, max_size=30))
def test_the_curve_rises_from_nothing_to_all(errors):
    degrees = np.array([-1, 0, 1, 7, 90, 180])
    curve = cumulative_curve(errors, degrees)
    assert curve[0] == 0 and curve[-1] == 100 and (np.diff(curve) >= 0).all()
    assert curve[3] == pytest.approx(100 * np.mean(np.array(errors) <= 7))


def test_intervals_of_the_curve_are_those_of_its_shares():
    errors, days = np.array([1.0, 2.0, 6.0, 8.0, 9.0, 3.0] * 10), np.repeat(np.arange(12), 5)
    low, high = curve_interval(errors, [0, 7, 90], days)
    found = bootstrap_interval(100.0 * (errors <= 7), groups=days)
    assert (low[1], high[1]) == (found["low"], found["high"]) and low[1] < cumulative_curve(errors, [7])[0] < high[1]
    assert low[0] == high[0] == 0 and low[2] == high[2] == 100
