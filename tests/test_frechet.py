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
