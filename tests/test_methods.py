"""Gaze without networks: each method solves a task that any gaze estimator must solve, and refuses what it cannot use."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from simgan_lib.evaluation.methods import METHODS, AdaptiveLinearRegression, raster_features, train_method
from simgan_lib.gaze import angular_error_deg
from simgan_lib.images import ImageSet
from simgan_lib.system.errors import UserError

LEARNERS = sorted(set(METHODS) - {"mean"})


def ramps(n, seed):
    """Images whose gaze can be read off linearly: slopes down and across are the two angles, plus a third that is not."""
    generator = torch.Generator().manual_seed(seed)
    gaze = (torch.rand(n, 2, generator=generator) - 0.5) * torch.tensor([0.5, 0.7])      # pitch, yaw in radians
    y, x = torch.linspace(-1, 1, 35)[:, None], torch.linspace(-1, 1, 55)
    other = torch.rand(n, 1, 1, generator=generator) - 0.5
    slopes = gaze[:, 0, None, None] * y + gaze[:, 1, None, None] * x + 0.2 * other * (x * y) + 0.3 * torch.cos(3 * x)
    return ImageSet((128 + 100 * slopes).round().clamp(0, 255).to(torch.uint8)[:, None], {"gaze": gaze})


def error(answer, test):
    return angular_error_deg(answer, test.labels["gaze"]).mean().item()


@pytest.mark.parametrize("name", LEARNERS)
def test_a_linear_task_is_solved(name):
    training, test = ramps(600, 1), ramps(60, 2)
    answer = train_method(name, training)(test)
    assert answer.shape == (60, 2) and answer.dtype == torch.float32
    assert error(answer, test) < 1.5 < 6 < error(train_method("mean", training)(test), test)


def test_the_mean_is_the_mean_of_the_training_gaze():
    training = ramps(50, 1)
    answer = train_method("mean", training)(ramps(3, 2))
    torch.testing.assert_close(answer, training.labels["gaze"].mean(0).expand(3, 2))


@pytest.mark.parametrize("name", sorted(METHODS))
def test_the_same_seed_gives_the_same_answers_whatever_was_drawn_before(name):
    training, test = ramps(80, 1), ramps(10, 2)
    first = train_method(name, training, seed=3)(test)
    torch.rand(3)
    np.random.rand(3)
    assert torch.equal(train_method(name, training, seed=3)(test), first)


def test_of_many_images_as_many_as_a_method_bears_are_drawn(monkeypatch):
    monkeypatch.setitem(METHODS, "svr", replace(METHODS["svr"], most=40))
    training, test = ramps(400, 1), ramps(30, 2)
    answers = [train_method("svr", training, seed)(test) for seed in (0, 0, 1)]
    assert torch.equal(answers[0], answers[1]) and not torch.equal(answers[0], answers[2])
    few = train_method("svr", training.shuffled(torch.Generator().manual_seed(0))[:40])(test)
    torch.testing.assert_close(answers[0], few, atol=1e-3, rtol=0)             # another order, the same support


def test_test_labels_are_not_looked_at():
    training, test = ramps(100, 1), ramps(10, 2)
    predict = train_method("knn", training)
    assert torch.equal(predict(replace(test, labels={})), predict(test))


def test_features_are_means_of_cells_without_exposure_and_contrast():
    images = torch.zeros(1, 1, 18, 30, dtype=torch.uint8)
    images[..., :2, :2] = 100                                          # one cell of 2 x 2 pixels
    found = raster_features(images)
    assert found.shape == (1, 135) and found[0].argmax() == 0
    assert np.allclose(found[0, 1:], found[0, 1]) and np.isclose(found.sum(), 0) and np.isclose((found ** 2).sum(), 1)
    assert np.allclose(raster_features(images // 2 + 30), found)
    assert raster_features(images.expand(2, 3, -1, -1)).shape == (2, 3 * 135)
    assert (raster_features(torch.full((1, 1, 18, 30), 9, dtype=torch.uint8)) == 0).all()


def test_few_training_images_carry_an_answer_of_the_linear_method():
    training, test = ramps(300, 1), ramps(5, 2)
    features, gaze = raster_features(training.images), training.labels["gaze"].double().numpy()
    fitted = AdaptiveLinearRegression().fit(features, gaze)
    # An image of the training set is found, and its own gaze is the answer; without any likeness, no gaze is made up.
    assert np.abs(fitted.predict(features[:5]) - gaze[:5]).max() < 0.02
    assert fitted.predict(features[:1]).shape == (1, 2)
    assert (fitted.predict(np.zeros((2, 135))) == 0).all()
    # A sum without negative weights that add up to 1 cannot leave the range of the training gazes.
    answers = fitted.predict(raster_features(test.images))
    assert (answers >= gaze.min(0)).all() and (answers <= gaze.max(0)).all()


def test_bad_input_gets_one_clear_line():
    training = ramps(20, 1)
    with pytest.raises(UserError, match="expected one of mean, knn, forest, svr, alr"):
        train_method("magic", training)
    with pytest.raises(UserError, match="gaze labels"):
        train_method("knn", replace(training, labels={}))
    with pytest.raises(UserError, match="0 images"):
        train_method("knn", training[:0])
    with pytest.raises(UserError, match="was trained on"):
        train_method("knn", training)(ImageSet(torch.zeros(2, 1, 20, 30, dtype=torch.uint8)))
