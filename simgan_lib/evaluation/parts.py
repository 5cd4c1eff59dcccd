"""A learned psi without a download: a small network that names the part of the eye at every place.

It is trained on the simulator's own eyes, in seconds.  What psi is: `features`.  Taught in: notebook 06.
"""

from collections import OrderedDict

import torch
from torch import nn

from ..features import LearnedFeatures
from ..images import to_float
from ..networks import from_seed
from ..simulators.camera import CameraSettings, sensor_noise, tone_curve, uneven_light
from ..simulators.eyes import PARTS
from .judges import fit_classifier, softened


def parts_features(eyes, layer="relu3", seed=0, steps=150, device="cpu"):
    """psi from a network that names the part of the eye at every place  ->  LearnedFeatures.

    eyes: synthetic eyes with the label `parts` (the simulator's); no image of the other domain is used.  The same eyes
    and seed give the same psi on the same device.
    To know parts under any light the network must see shapes and overlook light, tone, colour and grain: that is what
    `relit` teaches it, and what makes it a psi.  Raises UserError for another layer than those of `parts_network`.
    """
    network, learner = (parts_network(eyes.images.shape[1], seed) for _ in range(2))
    # Into a fresh one: training leaves weights in another order of memory, in which sums are rounded otherwise.
    network.load_state_dict(train_parts(learner.to(device), eyes, seed, steps, device).state_dict())
    return LearnedFeatures(network, layer, eyes.images[:200].cpu()).to(device)


def parts_network(channels=1, seed=0, width=24):
    """(N, C, H, W)  ->  logits of the eye's parts at every other pixel, (N, 5, H/2, W/2)."""
    wide = 2 * width
    return from_seed(seed, lambda: nn.Sequential(OrderedDict(
        conv1=nn.Conv2d(channels, width, 5, stride=2, padding=2), norm1=nn.InstanceNorm2d(width, affine=True), relu1=nn.ReLU(),
        conv2=nn.Conv2d(width, wide, 3, padding=1), norm2=nn.InstanceNorm2d(wide, affine=True), relu2=nn.ReLU(),
        conv3=nn.Conv2d(wide, wide, 3, padding=2, dilation=2), norm3=nn.InstanceNorm2d(wide, affine=True), relu3=nn.ReLU(),
        verdict=nn.Conv2d(wide, len(PARTS), 1))))


def train_parts(network, eyes, seed=0, steps=150, device="cpu", batch=32):
    """Teach the network the parts of synthetic eyes under ever different light.  Returns it."""
    images, parts = eyes.images.to(device), eyes.labels["parts"].to(device)
    generator = torch.Generator(device).manual_seed(seed)

    def draw():
        picked = torch.randint(len(images), (batch,), generator=generator, device=device)
        return relit(to_float(images[picked]), generator), parts[picked][:, ::2, ::2].long()

    return fit_classifier(network, draw, steps, device)


def relit(images, generator):
    """The same eyes under other light: uneven, toned, tinted, faded, blurred, noisy.  (N, C, H, W) in [-1, 1].

    What is drawn here is what the learned psi will not charge for.  Shapes stay where they are.
    """
    settings = CameraSettings(len(images), generator)
    x = tone_curve(uneven_light((images + 1) / 2, settings), settings)
    x = x * torch.exp(0.3 * settings.normal(images.shape[1], 1, 1))                        # colour of the light
    x = settings.between(0.0, 0.4) + settings.between(0.3, 1.0) * x                        # haze, contrast
    x = x + settings.between(0.0, 1.0) * (softened(x) - x)
    return 2 * sensor_noise(x, settings).clamp(0, 1) - 1
