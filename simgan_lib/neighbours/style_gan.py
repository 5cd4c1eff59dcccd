"""A compact style-based generator, and a discriminator of its size: what one-shot segmentation takes its features from.

After StyleGAN2 (Karras et al., CVPR 2020), small enough for one CPU core: a learned constant, modulated convolutions,
noise, images summed over the sizes.  Not taken: mixing of styles, the path length regularizer.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from ..images import to_uint8
from ..system.errors import UserError
from ..system.settings import Number, Whole

SLOPE, GAIN = 0.2, math.sqrt(2)           # of the leaky ReLU, and what keeps its variance
CHANNELS, LATENT, WIDTH, HALVINGS = Whole(1, 64), Whole(1, 4096), Whole(1, 1024), Whole(1, 6)
SIDE, PSI = Whole(8, 1024), Number(0, 2)


def sizes_of(size, halvings):
    """(height, width) of each size from the coarsest to the image's: halved, and rounded up.

    >>> sizes_of((35, 55), 3)
    [(5, 7), (9, 14), (18, 28), (35, 55)]
    """
    return [tuple(math.ceil(side / 2 ** k) for side in size) for k in range(halvings, -1, -1)]


def widths_of(width, widest, halvings):
    """Feature maps at each size from the coarsest to the image's: doubled with each halving, up to `widest`.

    >>> widths_of(16, 64, 3)
    [64, 64, 32, 16]
    """
    return [min(width * 2 ** k, max(width, widest)) for k in range(halvings, -1, -1)]


def active(x):
    """Leaky ReLU that keeps the variance."""
    return F.leaky_relu(x, SLOPE) * GAIN


def upsampled(x, size):
    """Maps (N, C, h, w) -> (N, C, *size), bilinear.  What lies at one share of the old height lies at the same of the new."""
    return x if x.shape[2:] == size else F.interpolate(x, size, mode="bilinear", align_corners=False)


class Linear(nn.Linear):
    """A linear layer whose weights are kept at variance 1 and scaled when used, so that Adam's steps fit all layers alike.

    (N, inputs) -> (N, outputs).  slow: 0.1 makes it learn ten times slower.  Paper: Karras et al. 2018, section 4.1.
    """

    def __init__(self, inputs, outputs, bias=0.0, slow=1.0):
        super().__init__(inputs, outputs)
        nn.init.normal_(self.weight, std=1 / slow)
        nn.init.constant_(self.bias, bias / slow)
        self.scale, self.slow = slow / math.sqrt(inputs), slow

    def forward(self, x):
        return F.linear(x, self.weight * self.scale, self.bias * self.slow)


class Conv(nn.Conv2d):
    """A convolution whose weights are scaled as `Linear`'s; odd kernels, the size stays but for the stride."""

    def __init__(self, inputs, outputs, kernel=3, stride=1, bias=True):
        super().__init__(inputs, outputs, kernel, stride, kernel // 2, bias=bias)
        nn.init.normal_(self.weight)
        if bias:
            nn.init.zeros_(self.bias)
        self.scale = 1 / math.sqrt(inputs * kernel ** 2)

    def forward(self, x):
        return self._conv_forward(x, self.weight * self.scale, self.bias)


class ModulatedConv(Conv):
    """A convolution whose weights the style scales: each image has kernels of its own.

    x (N, inputs, H, W), style w (N, S) -> (N, outputs, H, W).  With s = s(w) the scale of each input map, the kernel is
    s_i weight_oi; demodulated, it is divided by its length, so that the answer to white noise of variance 1 has variance 1.
    Computed on the maps in place of the kernels, which is the same and needs no convolution in groups: the input is
    scaled before, the output after.  Paper: StyleGAN2, section 2.2, eq. 1 to 3.
    """

    def __init__(self, inputs, outputs, style, kernel=3, demodulate=True):
        super().__init__(inputs, outputs, kernel, bias=False)
        self.scales, self.demodulate = Linear(style, inputs, bias=1.0), demodulate

    def forward(self, x, w):
        s = self.scales(w)                                                              # (N, inputs)
        x = super().forward(x * s[:, :, None, None])
        return x * self.shrink(s)[:, :, None, None] if self.demodulate else x

    def shrink(self, s):
        """1 / length of each image's kernels: s (N, inputs) -> (N, outputs)."""
        power = (self.weight * self.scale).square().sum((2, 3))                         # (outputs, inputs)
        return (s.square() @ power.T + 1e-8).rsqrt()


class StyledConv(nn.Module):
    """Modulated convolution, noise of a learned strength, bias, leaky ReLU."""

    def __init__(self, inputs, outputs, style):
        super().__init__()
        self.conv = ModulatedConv(inputs, outputs, style)
        self.strength, self.bias = nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(outputs, 1, 1))

    def forward(self, x, w, noise=None):
        """noise: (N, 1, H, W), or None for none."""
        x = self.conv(x, w) + self.bias
        return active(x if noise is None else x + self.strength * noise)


class Block(nn.Module):
    """All that happens at one size: resize, two styled convolutions.  Its answer (N, C, *size) is what a hook taps."""

    def __init__(self, inputs, outputs, style, size):
        super().__init__()
        self.size, self.first, self.second = size, StyledConv(inputs, outputs, style), StyledConv(outputs, outputs, style)

    def forward(self, x, w, noise=None):
        """noise: (N, 2, *size), a map for each convolution, or None."""
        first, second = (None, None) if noise is None else noise.split(1, dim=1)
        return self.second(self.first(upsampled(x, self.size), w, first), w, second)


class StyleGenerator(nn.Module):
    """z -> w -> image.  z: Gaussian (N, latent); w: the style (N, latent); image: (N, C, H, W), about in [-1, 1].

    blocks: a ModuleList from the coarsest size to the image's; forward hooks on `generator.blocks[i]` give its features.
    All sizes span the whole image, so that resizing with align_corners=False puts them on top of each other.
    width, widest: feature maps of the finest and of the widest block.  halvings: sizes below the image's.
    mean_style: running mean of w, kept by the training; `style(z, psi)` draws w towards it.
    Raises UserError for sizes that cannot be.
    """

    def __init__(self, channels=1, size=(35, 55), width=16, widest=64, latent=64, halvings=3):
        super().__init__()
        check_shape(channels, size, width, widest, halvings)
        LATENT.check("latent", latent)
        self.channels, self.size, self.latent = channels, tuple(size), latent
        widths = widths_of(width, widest, halvings)
        self.mapping = nn.ModuleList(Linear(latent, latent, slow=0.1) for _ in range(3))
        self.constant = nn.Parameter(torch.randn(1, widths[0], *sizes_of(size, halvings)[0]))
        self.blocks = nn.ModuleList(Block(inputs, outputs, latent, at) for inputs, outputs, at in
                                    zip([widths[0], *widths], widths, sizes_of(size, halvings)))
        self.leave = nn.ModuleList(ModulatedConv(each, channels, latent, 1, demodulate=False) for each in widths)
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))
        self.register_buffer("mean_style", torch.zeros(latent))

    def forward(self, z, noise=None, psi=1.0):
        """noise: as `self.noise` gives it, or None for none.  psi: as in `style`."""
        return self.synthesis(self.style(z, psi), noise)

    def style(self, z, psi=1.0):
        """z (N, latent) -> w (N, latent).  psi below 1: truncated, drawn towards the mean style; 0 is one style for all.

        Raises UserError for a z of another shape, or a psi that is no number from 0 to 2.
        """
        PSI.check("psi", psi)
        if z.ndim != 2 or z.shape[1] != self.latent:
            raise UserError(f"z: expected (N, {self.latent}), found {tuple(z.shape)}")
        w = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        for layer in self.mapping:
            w = active(layer(w))
        return w if psi == 1 else self.mean_style + psi * (w - self.mean_style)

    def synthesis(self, w, noise=None):
        """Styles w (N, latent) -> images (N, C, H, W).  The images of all sizes are summed, each made larger for the next."""
        x, image = self.constant.expand(len(w), -1, -1, -1).contiguous(memory_format=torch.channels_last), self.bias
        for at, (block, leave) in enumerate(zip(self.blocks, self.leave)):
            x = block(x, w, None if noise is None else noise[at])
            image = (upsampled(image, block.size) if at else image) + leave(x, w)
        return image

    def noise(self, n, generator):
        """Noise for n images, drawn from `generator`: a list, for each block (n, 2, *size)."""
        return [torch.randn(n, 2, *block.size, generator=generator, device=generator.device) for block in self.blocks]

    def latents(self, n, generator):
        """n Gaussian z (n, latent), drawn from `generator`."""
        return torch.randn(n, self.latent, generator=generator, device=generator.device)


@torch.no_grad()
def sample(generator, n, seed=0, psi=1.0, batch=256):
    """n images of a StyleGenerator, uint8 (n, C, H, W) on its device.  The first k are the same for any n of at least k."""
    random = torch.Generator(generator.mean_style.device).manual_seed(seed)
    parts = []
    while len(parts) * batch < n:
        z = generator.latents(batch, random)
        parts.append(to_uint8(generator(z, generator.noise(batch, random), psi)))
    return torch.cat(parts)[:n]


class Down(nn.Module):
    """Residual block that halves the size, rounding up.  (N, inputs, H, W) -> (N, outputs, H/2, W/2)."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.first, self.second = Conv(inputs, inputs), Conv(inputs, outputs, stride=2)
        self.across = Conv(inputs, outputs, 1, bias=False)

    def forward(self, x):
        straight = self.across(F.avg_pool2d(x, 2, ceil_mode=True))
        return (straight + active(self.second(active(self.first(x))))) / GAIN


class StyleDiscriminator(nn.Module):
    """One verdict an image, the higher the more real.  (N, C, H, W) -> (N,).

    Before the verdict each image sees how much its batch varies, so that a generator that makes one image is found out.
    Paper: StyleGAN2's residual discriminator; minibatch deviation of Karras et al. 2018, section 3, over the whole batch.
    """

    def __init__(self, channels=1, size=(35, 55), width=16, widest=64, halvings=3):
        super().__init__()
        check_shape(channels, size, width, widest, halvings)
        widths = widths_of(width, widest, halvings)[::-1]
        height, across = sizes_of(size, halvings)[0]
        self.enter = Conv(channels, widths[0])
        self.blocks = nn.Sequential(*[Down(inputs, outputs) for inputs, outputs in zip(widths, widths[1:])])
        self.together = Conv(widths[-1] + 1, widths[-1])
        self.first, self.verdict = Linear(widths[-1] * height * across, widths[-1]), Linear(widths[-1], 1)

    def forward(self, x):
        x = self.blocks(active(self.enter(x.contiguous(memory_format=torch.channels_last))))
        x = active(self.together(torch.cat([x, varied(x)], 1)))
        return self.verdict(active(self.first(x.flatten(1))))[:, 0]


def varied(x):
    """How much the maps of a batch vary, one number for all.  (N, C, H, W) -> (N, 1, H, W)."""
    deviation = (x.var(0, unbiased=False) + 1e-8).sqrt().mean()
    return deviation.expand(len(x), 1, *x.shape[2:])


def check_shape(channels, size, width, widest, halvings):
    """Raises UserError, naming it, for a number that no network here can have."""
    for name, rule, value in (("channels", CHANNELS, channels), ("width", WIDTH, width), ("widest", WIDTH, widest),
                              ("halvings", HALVINGS, halvings), *(("side of an image", SIDE, side) for side in size)):
        rule.check(name, value)
