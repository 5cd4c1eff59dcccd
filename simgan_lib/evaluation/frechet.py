"""The Frechet distance between two sets of images, in the features of a network of ours.

It is no FID: that is measured in the features of one Inception network, which is a download, and its published numbers cannot
be compared with these.  Only what one network has measured goes together.
"""

from torch import nn

from ..images import pixels
from ..system.errors import UserError


class _Described(nn.Module):
    """A network's `describe` as torchmetrics wants it: uint8 images -> features, on the CPU as its sums."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        return self.network.describe(images).cpu()


def frechet_distance(network, images, others, batch=256):
    """Squared distance of two bell curves, those of both sets' features: 0 for the same set; the unit is arbitrary.

    network: with `describe`, uint8 (N, C, H, W) -> features (N, D), such as `judges.feature_network` gives.
    images, others: uint8 (N, C, H, W) or ImageSets, on any device.  With few images it is too large, however alike they are:
    compare numbers of as many images only, several times D.
    Heusel et al., NIPS 2017, by torchmetrics.  Raises UserError where that is not installed, ValueError for less than two
    images a side.
    """
    try:
        from torchmetrics.image.fid import FrechetInceptionDistance
    except ImportError as error:
        raise UserError("Frechet distances need the package torchmetrics: pip install 'simgan-kit[fid]'") from error
    sides = [pixels(each) for each in (images, others)]
    if min(map(len, sides)) < 2:
        raise ValueError(f"expected at least 2 images a side, found {len(sides[0])} and {len(sides[1])}")
    described = _Described(network)
    described.num_features = network.describe(sides[0][:1]).shape[1]
    measure = FrechetInceptionDistance(feature=described)
    for real, side in zip((True, False), sides):
        for part in side.split(batch):
            measure.update(part.cpu(), real=real)
    return float(measure.compute())
