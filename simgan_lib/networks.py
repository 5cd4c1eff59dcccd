"""The published networks, sizes configurable.  They know nothing of eyes: tensors in [-1, 1] in, logits out."""

import math
import threading
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import nn

from .system.settings import Odd, OneOf, Whole

_GLOBAL_GENERATOR = threading.RLock()
COARSE = (3, 4)           # places, down and across, at which smooth noise is drawn
BRIGHTEST = 0.997         # a residual refiner sees no value beyond: tanh reaches 1 nowhere; as uint8 it is 1 all the same


class ResidualBlock(nn.Module):
    """Conv3x3, ReLU, Conv3x3, add the input, ReLU; the size stays.  (N, F, H, W) -> (N, F, H, W)."""

    def __init__(self, features, padding_mode="zeros"):
        super().__init__()
        self.first = nn.Conv2d(features, features, 3, padding=1, padding_mode=padding_mode)
        self.second = nn.Conv2d(features, features, 3, padding=1, padding_mode=padding_mode)

    def forward(self, x):
        return F.relu_(self.second(F.relu_(self.first(x))) + x)


class Refiner(nn.Module):
    """R: synthetic image -> refined image of the same size.  (N, C, H, W) in [-1, 1] -> the same.

    Fully convolutional without pooling or strides, so that what is refined stays where it is.  296,129 parameters
    for gaze.  The paper names no output activation; tanh fits images in [-1, 1].
    margin: the image is mirrored beyond its edges by so many pixels and cropped back afterwards; with the zeros of
    "same" padding alone (margin=0) the refiner paints a frame where it senses the edge.
    edges: "margin"; or "reflect": in place of a margin each convolution mirrors its input, and no pixel is computed that is
    cropped away: of 35x55 a third fewer.  (Another network of the same weights: a file's card says which.)
    noise: channels of `smooth_noise` that enter beside the image, so that one image can be refined in many ways (other
    light, say); 0, as published, gives one.
    residual: the network's answer is added to its input, before the tanh: it paints a change, where otherwise it paints
    the whole image; an answer of 0 leaves the image as it was.  (An ablation: the paper speaks of no such sum.)
    Paper: section 3.1 (gaze: 4 blocks of 64), 3.2 (hands: 10 blocks, first_kernel=7).  Taught in: notebook 02.
    """

    # How large one may be: what a training may ask for, and what the card of a file may say.
    CHANNELS, WIDTH, BLOCKS, NOISE, FIRST_KERNEL = Whole(1, 64), Whole(1, 1024), Whole(0, 64), Whole(0, 64), Odd(1, 31)
    EDGES = OneOf(("margin", "reflect"))

    def __init__(self, channels=1, features=64, blocks=4, first_kernel=3, margin=4, noise=0, residual=False, edges="margin"):
        super().__init__()
        self.EDGES.check("edges", edges)
        self.channels, self.noise, self.residual, self.edges = channels, noise, residual, edges
        self.margin, mode = (margin, "zeros") if edges == "margin" else (0, "reflect")
        self.enter = nn.Conv2d(channels + noise, features, first_kernel, padding=first_kernel // 2, padding_mode=mode)
        self.blocks = nn.Sequential(*[ResidualBlock(features, mode) for _ in range(blocks)])
        self.leave = nn.Conv2d(features, channels, 1)

    @property
    def mirrored(self):
        """Pixels beyond an edge that are mirrored at once: a side of an image must have more."""
        return self.margin if self.edges == "margin" else max(1, self.enter.padding[0])

    def forward(self, x, noise=None):
        """noise: (N, self.noise, H, W) of `smooth_noise`, where the refiner takes noise."""
        m, (height, width), image = self.margin, x.shape[-2:], x
        x = torch.cat([x, noise], 1) if self.noise else x
        x = (F.pad(x, (m,) * 4, mode="reflect") if m else x).contiguous(memory_format=torch.channels_last)
        x = self.blocks(F.relu_(self.enter(x)))[..., m:m + height, m:m + width]
        x = self._leave(x)
        return (x + image.clamp(-BRIGHTEST, BRIGHTEST).atanh() if self.residual else x).tanh()

    def _leave(self, x):
        # The 1x1 convolution as a matrix product over channels: bf16 convolutions to one channel have a backward pass
        # that takes a quarter of the whole step on CPUs.
        weight = self.leave.weight.flatten(1)                                       # (C, F)
        return F.linear(x.permute(0, 2, 3, 1), weight, self.leave.bias).permute(0, 3, 1, 2)


def smooth_noise(n, channels, size, generator):
    """Gaussian fields that vary as slowly as light does, each of mean 0, drawn from `generator`.  (n, channels, *size).

    Of mean 0, since a discriminator of patches would not notice if the refiner made whole images darker or brighter.
    None for no channels: what a refiner without noise takes.
    """
    if not channels:
        return None
    coarse = torch.randn(n, channels, *COARSE, generator=generator, device=generator.device)
    field = F.interpolate(coarse, size=tuple(size), mode="bicubic", align_corners=True)
    return field - field.mean((2, 3), keepdim=True)


# The published discriminators: (kernel, stride, feature maps) of each convolution, (kernel, stride) of each max-pooling.
# What one verdict sees: 23 pixels of a side for gaze, 71 for hands.
GAZE_LAYERS = ((3, 2, 96), (3, 2, 64), (3, 1), (3, 1, 32), (1, 1, 32), (1, 1, 2))       # 35x55 -> 18x28 -> 9x14
HAND_LAYERS = ((7, 4, 96), (5, 2, 64), (3, 2), (3, 2, 32), (1, 1, 32), (1, 1, 2))       # 224x224 -> 7x7
LAYERS = {"gaze": GAZE_LAYERS, "hands": HAND_LAYERS}


def _trunk(channels, layers=GAZE_LAYERS, batch_norm=False):
    """Convolutions with ReLUs between them and nothing behind the last: its maps are logits.

    batch_norm: batch normalisation between each of these convolutions and its ReLU.
    """
    modules = []
    for kernel, stride, *features in layers:
        if features:
            normalised = [nn.BatchNorm2d(*features)] if batch_norm else []
            modules += [nn.Conv2d(channels, *features, kernel, stride, kernel // 2), *normalised, nn.ReLU(inplace=True)]
            channels, = features
        else:
            modules.append(nn.MaxPool2d(kernel, stride, kernel // 2))
    return modules[:-2] if batch_norm else modules[:-1]


class PatchDiscriminator(nn.Sequential):
    """D: real or refined, for each local patch.  (N, C, H, W) in [-1, 1] -> logits (N, 2, h, w); 9x14 for 35x55.

    layers: GAZE_LAYERS (75,906 parameters for gray images), HAND_LAYERS (178,050) or others of their form, the last with
    two feature maps.
    batch_norm: batch normalisation behind each convolution but the last.  The paper has none, the article has it, and the
    network then learns fast.
    Paper: section 2.2, 3.1 and 3.2.  Taught in: notebook 03.
    """

    def __init__(self, channels=1, layers=GAZE_LAYERS, batch_norm=False):
        super().__init__(*_trunk(channels, layers, batch_norm))


class GlobalDiscriminator(nn.Module):
    """The ablation: one verdict for the whole image.  (N, C, H, W) -> logits (N, 2, 1, 1).

    The same layers up to the last one, which then sees all places at once.  layers, batch_norm: as of `PatchDiscriminator`.
    """

    def __init__(self, channels=1, size=(35, 55), layers=GAZE_LAYERS, batch_norm=False):
        super().__init__()
        self.trunk = nn.Sequential(*_trunk(channels, layers, batch_norm)[:-1])
        step = math.prod(stride for _, stride, *_ in layers)
        places = -(-size[0] // step) * -(-size[1] // step)
        self.verdict = nn.Linear(layers[-2][-1] * places, 2)

    def forward(self, x):
        return self.verdict(self.trunk(x).flatten(1))[:, :, None, None]


class GazeEstimator(nn.Module):
    """Eye image -> gaze vector, not normalised.  (N, C, H, W) in [-1, 1] -> (N, 3).

    preset "paper": the published layers, 242 million parameters; "small": ten times faster, for minutes on a CPU.
    Raises ValueError for another preset.  Paper: section 3.1.
    """

    def __init__(self, preset="paper", size=(35, 55), channels=1):
        super().__init__()
        if preset not in ("paper", "small"):
            raise ValueError(f"preset: expected 'paper' or 'small', found {preset!r}")
        build = _published if preset == "paper" else _small
        self.features, self.head = build(channels, size)

    def forward(self, x):
        return self.head(self.features(x).flatten(1))


def _conv(inputs, outputs, **how):
    return [nn.Conv2d(inputs, outputs, 3, padding=1, **how), nn.ReLU(inplace=True)]


def _published(channels, size):
    features = nn.Sequential(*_conv(channels, 32), *_conv(32, 32), *_conv(32, 64), nn.MaxPool2d(3, 2, 1),
                             *_conv(64, 80), *_conv(80, 192), nn.MaxPool2d(2, 2, ceil_mode=True))
    places = -(-size[0] // 4) * -(-size[1] // 4)
    head = nn.Sequential(nn.Linear(192 * places, 9600), nn.ReLU(), nn.Linear(9600, 1000), nn.ReLU(), nn.Linear(1000, 3))
    return features, head


def _small(channels, size):
    features = nn.Sequential(*_conv(channels, 32, stride=2), *_conv(32, 64), nn.MaxPool2d(2, ceil_mode=True),
                             *_conv(64, 64), nn.MaxPool2d(2, ceil_mode=True), *_conv(64, 96))
    places = -(-size[0] // 8) * -(-size[1] // 8)
    return features, nn.Sequential(nn.Linear(96 * places, 128), nn.ReLU(), nn.Linear(128, 3))


class HandPoseEstimator(nn.Module):
    """Depth image of a hand -> where its joints are.  (N, C, H, W) in [-1, 1] -> (N, modules, 2, joints, maps, maps).

    [:, m, 0]: heat maps of module m, logits over the cells: softmax over a map is where its joint may be.
    [:, m, 1]: depth maps: the joint's depth, were it in that cell, in halves of the cube's depth behind the cube's centre.
    A stacked hourglass (Newell, Yang & Deng 2016, arXiv 1603.06937): each module looks at all scales, and its answer is
    handed to the next.  Images of any size become 4 x `maps` pixels a side first, as 64 cells do not divide 224 pixels.
    The depth maps are ours: the paper's metric knows image coordinates alone.
    preset "paper": 2 modules, heat maps of 64x64 (reported; SimGAN's paper, section 3.2), Newell's 256 feature maps;
    "small": 1 shallow module, 24x24, for minutes on a CPU.  Raises ValueError for another preset.  Taught in: notebook 14.
    """

    # (modules, cells of a side, feature maps, times that an hourglass halves its maps)
    PRESETS = {"paper": (2, 64, 256, 4), "small": (1, 24, 32, 3)}

    def __init__(self, preset="paper", joints=14, channels=1):
        super().__init__()
        if preset not in self.PRESETS:
            raise ValueError(f"preset: expected one of {', '.join(self.PRESETS)}, found {preset!r}")
        modules, self.maps, width, depth = self.PRESETS[preset]
        self.enter = nn.Sequential(nn.Conv2d(channels, width // 4, 7, 2, 3), nn.BatchNorm2d(width // 4), nn.ReLU(inplace=True),
                                   Bottleneck(width // 4, width // 2), nn.MaxPool2d(2), Bottleneck(width // 2, width))
        self.stack = nn.ModuleList(nn.Sequential(
            Hourglass(width, depth), Bottleneck(width, width), nn.BatchNorm2d(width), nn.ReLU()) for _ in range(modules))
        self.answers = nn.ModuleList(nn.Conv2d(width, 2 * joints, 1) for _ in range(modules))
        self.returns = nn.ModuleList(nn.Conv2d(2 * joints, width, 1) for _ in range(modules - 1))

    def forward(self, x):
        x = F.interpolate(x, (4 * self.maps, 4 * self.maps), mode="bilinear", align_corners=False)
        x, found = self.enter(x), []                                               # (N, width, maps, maps)
        for at, (module, answer) in enumerate(zip(self.stack, self.answers)):
            seen = module(x)
            found.append(answer(seen))
            if at < len(self.returns):
                x = x + seen + self.returns[at](found[-1])
        return torch.stack(found, 1).unflatten(2, (2, -1))                         # (N, modules, 2, joints, maps, maps)


class Hourglass(nn.Module):
    """Looks at maps at their own scale and, by an hourglass within, at half of it.  (N, F, H, W) -> (N, F, H, W)."""

    def __init__(self, width, depth):
        super().__init__()
        self.here, self.before, self.behind = (Bottleneck(width, width) for _ in range(3))
        self.within = Hourglass(width, depth - 1) if depth > 1 else Bottleneck(width, width)

    def forward(self, x):
        coarse = self.behind(self.within(self.before(F.max_pool2d(x, 2))))
        return self.here(x) + F.interpolate(coarse, x.shape[-2:], mode="nearest")


class Bottleneck(nn.Module):
    """Residual block of the hourglass: 1x1 to half the maps, 3x3, 1x1 back, each behind normalisation and ReLU."""

    def __init__(self, inputs, outputs):
        super().__init__()
        sizes = (inputs, outputs // 2, outputs // 2, outputs)
        steps = zip(sizes, sizes[1:], (1, 3, 1))
        self.change = nn.Sequential(*(layer for a, b, kernel in steps for layer in (
            nn.BatchNorm2d(a), nn.ReLU(inplace=True), nn.Conv2d(a, b, kernel, padding=kernel // 2))))
        self.keep = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        return self.keep(x) + self.change(x)


def from_seed(seed, build, *arguments):
    """What build(*arguments) gives, its initial weights drawn from the seed alone: the global generator is left as it was.

    Threads that build at the same time wait for each other.
    """
    with _GLOBAL_GENERATOR, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build(*arguments)


@contextmanager
def evaluated(module):
    """A context: the module and all within it are in evaluation mode; behind it each is as it was, also after an error."""
    was = [(each, each.training) for each in module.modules()]
    module.eval()
    try:
        yield module
    finally:
        for each, training in was:
            each.training = training


def count_parameters(module):
    """Number of trainable values."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def receptive_field(layers):
    """Side in input pixels of what one output sees, from first to last.  layers: (kernel, stride) from input to output.

    >>> receptive_field([(3, 1), (3, 1)])
    5
    >>> receptive_field([(3, 2), (3, 2), (3, 1), (3, 1), (1, 1), (1, 1)])   # the gaze discriminator
    23
    """
    side, step = 1, 1
    for kernel, stride in layers:
        side, step = side + (kernel - 1) * step, step * stride
    return side
