"""The networks of SNGAN, in which SS-GAN was published, and a small pair of the same kind for digits.

A discriminator has one trunk and two linear heads on its last features: real or fake, and the rotation.
Miyato et al., Spectral normalization for GANs, ICLR 2018.
The pair for CIFAR-10 has the layers and initial weights of kwotsin/mimicry, but for three things.  Our rotation head begins with
torch's default weights, mimicry's with Xavier's.  The way beside the convolutions of a discriminator's block takes what enters the
block; in mimicry an in-place ReLU has changed it by then.  Spectral norm is torch's.  The pair for digits is our own.
Taught in: notebook 12.
"""

import math

import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from ..system.errors import UserError
from .rotation import RotationHead

ROOT_2 = math.sqrt(2)


def _layer(layer, gain=1.0, spectral=False):
    """A convolution or a linear layer with Xavier's initial weights, with spectral norm or without."""
    nn.init.xavier_uniform_(layer.weight, gain)
    return spectral_norm(layer) if spectral else layer


def _conv(inputs, outputs, kernel=3, gain=ROOT_2, spectral=False):
    return _layer(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), gain, spectral)


def _doubled(x):
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class GeneratorBlock(nn.Module):
    """Batch norm, ReLU, doubled, conv, batch norm, ReLU, conv; beside it doubled, conv 1x1.  (N, F, h, w) -> (N, F, 2h, 2w)."""

    def __init__(self, width):
        super().__init__()
        self.first, self.second = _conv(width, width), _conv(width, width)
        self.norm, self.norm2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.beside = _conv(width, width, 1, gain=1.0)

    def forward(self, x):
        h = self.first(_doubled(F.relu(self.norm(x))))
        return self.second(F.relu(self.norm2(h))) + self.beside(_doubled(x))


class DiscriminatorBlock(nn.Module):
    """ReLU, conv, ReLU, conv with spectral norm, beside it a conv 1x1 if the shape changes.  (N, F, h, w) -> (N, F', h', w').

    halved: h' = h / 2, by means.  first: the input is an image, and no ReLU comes before it.
    """

    def __init__(self, inputs, width, halved=False, first=False):
        super().__init__()
        self.halved, self.enter = halved, nn.Identity() if first else nn.ReLU()
        self.first, self.second = _conv(inputs, width, spectral=True), _conv(width, width, spectral=True)
        self.beside = _conv(inputs, width, 1, gain=1.0, spectral=True) if halved or inputs != width else nn.Identity()

    def forward(self, x):
        h = self.second(F.relu(self.first(self.enter(x)))) + self.beside(x)
        return F.avg_pool2d(h, 2) if self.halved else h


class Generator(nn.Module):
    """G: noise (N, z) -> images (N, C, S, S) in [-1, 1].  body: from `start` (features, s, s) to images before the tanh."""

    def __init__(self, z, start, body):
        super().__init__()
        self.z, self.start = z, start
        self.enter, self.body = _layer(nn.Linear(z, math.prod(start))), body

    def forward(self, noise):
        return self.body(self.enter(noise).unflatten(1, self.start)).tanh()


class Discriminator(nn.Module):
    """D: images (N, C, S, S) in [-1, 1] -> logits (N,), positive for real; `turned` gives the logits of the rotation (N, 4).

    trunk: images -> the last features (N, F), on which both heads are linear; `trunk(x)` is what a probe looks at.
    """

    def __init__(self, trunk, features, spectral=True):
        super().__init__()
        self.trunk = trunk
        self.verdict = _layer(nn.Linear(features, 1), spectral=spectral)
        self.rotation = RotationHead(features, spectral)          # made last: all other weights are a plain GAN's

    def forward(self, images):
        return self.verdict(self.trunk(images))[:, 0]

    def turned(self, images):
        return self.rotation(self.trunk(images))


class SumOverPlaces(nn.Module):
    """(N, F, h, w) -> (N, F)."""

    def forward(self, x):
        return x.sum((2, 3))


def resnet_generator(channels=3, side=32, z=128, width=256):
    """SNGAN's generator for CIFAR-10.  Raises UserError for a side that is no multiple of 8."""
    _divisible(side, 8)
    blocks = [GeneratorBlock(width) for _ in range(3)]
    return Generator(z, (width, side // 8, side // 8), nn.Sequential(
        *blocks, nn.BatchNorm2d(width), nn.ReLU(), _conv(width, channels, gain=1.0)))


def resnet_discriminator(channels=3, side=32, width=128):
    """SNGAN's discriminator for CIFAR-10, with spectral norm in each layer.  UserError as `resnet_generator`."""
    _divisible(side, 8)
    return Discriminator(nn.Sequential(
        DiscriminatorBlock(channels, width, halved=True, first=True), DiscriminatorBlock(width, width, halved=True),
        DiscriminatorBlock(width, width), DiscriminatorBlock(width, width), nn.ReLU(), SumOverPlaces()), width)


def small_generator(channels=1, side=16, z=32):
    """For digits, in seconds.  Raises UserError for a side that is no multiple of 4."""
    _divisible(side, 4)
    body = [nn.BatchNorm2d(64), nn.ReLU()]
    for inputs, outputs in ((64, 32), (32, 16)):
        body += [nn.Upsample(scale_factor=2), _conv(inputs, outputs), nn.BatchNorm2d(outputs), nn.ReLU()]
    return Generator(z, (64, side // 4, side // 4), nn.Sequential(*body, _conv(16, channels, gain=1.0)))


def small_discriminator(channels=1, side=16, spectral=True):
    """Two convolutions that halve, one that does not, a linear layer to 64 features.  UserError as `small_generator`."""
    _divisible(side, 4)

    def made(layer):
        return [spectral_norm(layer) if spectral else layer, nn.LeakyReLU(0.1)]       # ReLUs die of tasks that change
    return Discriminator(nn.Sequential(
        *made(nn.Conv2d(channels, 16, 4, 2, 1)), *made(nn.Conv2d(16, 32, 4, 2, 1)), *made(nn.Conv2d(32, 64, 3, padding=1)),
        nn.Flatten(), *made(nn.Linear(64 * (side // 4) ** 2, 64))), 64, spectral)


def _divisible(side, by):
    if side < by or side % by:
        raise UserError(f"images of {side} pixels a side: expected a multiple of {by}")
