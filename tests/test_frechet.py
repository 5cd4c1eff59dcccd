"""The Frechet distance in features of ours."""

import sys

import pytest
import torch

from simgan_lib.evaluation.frechet import frechet_distance
from simgan_lib.images import ImageSet
from simgan_lib.system.errors import UserError


class Gray:
    """One feature: the mean gray level."""

    def describe(self, images):
        return images.float().mean((1, 2, 3))[:, None]


def gray(*levels):
    return torch.tensor(levels, dtype=torch.uint8)[:, None, None, None].expand(-1, 1, 4, 4)


def test_the_distance_of_two_bell_curves_by_hand():
    """Means 2 and 7, deviations 2 and 4 (of three values, n - 1): (7 - 2)^2 + (4 - 2)^2."""
    pytest.importorskip("torchmetrics")
    assert frechet_distance(Gray(), gray(0, 2, 4), ImageSet(gray(3, 7, 11))) == pytest.approx(29, rel=1e-4)
    assert frechet_distance(Gray(), gray(0, 2, 4), gray(3, 7, 11), batch=2) == pytest.approx(29, rel=1e-4)
    assert frechet_distance(Gray(), gray(0, 2, 4), gray(0, 2, 4)) == pytest.approx(0, abs=1e-4)


def test_too_few_images_are_told():
    pytest.importorskip("torchmetrics")
    with pytest.raises(ValueError, match="at least 2 images a side, found 3 and 1"):
        frechet_distance(Gray(), gray(0, 2, 4), gray(3))


def test_where_the_package_is_missing_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchmetrics.image.fid", None)
    with pytest.raises(UserError, match=r"pip install 'simgan-kit\[fid\]'"):
        frechet_distance(Gray(), gray(0, 2), gray(0, 2))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_images_on_a_gpu_have_the_same_distance():
    pytest.importorskip("torchmetrics")
    assert frechet_distance(Gray(), gray(0, 2, 4).cuda(), gray(3, 7, 11).cuda()) == pytest.approx(29, rel=1e-4)


def test_what_is_counted_lies_on_the_cpu_whatever_the_network_says(monkeypatch):
    """A stand-in for a GPU: tensors of a class of their own, until `cpu` is asked for."""
    pytest.importorskip("torchmetrics")

    class Far(torch.Tensor):
        def cpu(self):
            return self.as_subclass(torch.Tensor)

    seen, describe = [], Gray.describe
    monkeypatch.setattr(Gray, "describe", lambda self, images: describe(self, images).as_subclass(Far))
    class Sums:
        def __init__(self, feature):
            self.feature = feature

        def update(self, images, real):
            seen.extend([type(images), type(self.feature(images))])

        def compute(self):
            return torch.zeros(())
    monkeypatch.setattr("torchmetrics.image.fid.FrechetInceptionDistance", Sums)
    frechet_distance(Gray(), gray(0, 2, 4).as_subclass(Far), gray(3, 7, 11).as_subclass(Far))
    assert set(seen) == {torch.Tensor} and len(seen) == 4
