"""Features of a network that has learned to remove noise from the same unlabelled images.

The question behind one-shot segmentation: is it the generator that knows parts, or does any network know them that has seen
as many unlabelled images?  This one answers for images, too, with no student in between.
Baranchuk et al., ICLR 2022 (DDPM segmentation) do so with a diffusion model's decoder.
Taught in: notebook 13.
"""

import math
from dataclasses import dataclass

import torch

from ..images import check_bytes, to_float
from ..networks import from_seed
from ..system.errors import UserError
from ..system.settings import MANY, Number, Settings, Whole
from .hypercolumns import FeatureSource
from .unet import UNet

NOISE = Number(0, 100, above=True)
SPREAD = 0.36             # of the pixels of gray eyes in [-1, 1]: the root of their mean square


@dataclass(frozen=True)
class DenoiserConfig(Settings):
    """A denoiser and how it learns.  Noise: standard deviations, for images in [-1, 1]."""

    steps: Whole(1, MANY) = 2000
    batch: Whole(1, 4096) = 16
    lr: Number(0, 10, above=True) = 2e-3   # falls to 0 along a cosine
    width: UNet.WIDTH = 16
    depth: UNet.DEPTH = 3
    least_noise: NOISE = 0.05
    most_noise: NOISE = 1.5

    def __post_init__(self):
        super().__post_init__()
        if self.most_noise < self.least_noise:
            raise UserError(f"most_noise: expected at least least_noise ({self.least_noise}), found {self.most_noise}")


class Denoiser(torch.nn.Module):
    """Noisy images (N, C, H, W) and the deviation of their noise (N,)  ->  the images without it.

    The network sees the noisy image at deviation 1 and, as one more plane, the logarithm of the noise.  It gives what is
    missing, at deviation 1 too: with little noise nearly the input is the answer, with much of it nearly the network's.
    Karras et al., Elucidating the design space of diffusion-based generative models, NeurIPS 2022, section 5.
    """

    def __init__(self, channels=1, width=16, depth=3):
        super().__init__()
        self.unet = UNet(channels + 1, channels, width, depth)

    def forward(self, noisy, sigma):
        sigma = sigma.reshape(-1, 1, 1, 1)
        level = sigma.log().expand(len(noisy), 1, *noisy.shape[2:])
        total = (sigma**2 + SPREAD**2).sqrt()
        missing = self.unet(torch.cat([noisy / total, level], 1))
        return (SPREAD / total) ** 2 * noisy + sigma * SPREAD / total * missing


def train_denoiser(images, config=None, seed=0, device="cpu", progress=None):
    """A Denoiser of unlabelled uint8 images (N, C, H, W), in evaluation mode.  progress: called as progress(done, total).

    Loss: squared error of what is missing at deviation 1, so that no level of noise outweighs the others.
    Raises UserError if there are no images, or they are no uint8.
    """
    check_bytes(images)
    if not len(images):
        raise UserError("images to learn from: expected at least one, found none")
    c, generator = config or DenoiserConfig(), torch.Generator(device).manual_seed(seed)
    network = from_seed(seed, Denoiser, images.shape[1], c.width, c.depth).to(device)
    optimizer = torch.optim.Adam(network.parameters(), c.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, c.steps)
    low, high = math.log(c.least_noise), math.log(c.most_noise)
    for step in range(c.steps):
        picked = torch.randint(len(images), (c.batch,), generator=generator, device=device).to(images.device)
        x = to_float(images[picked].to(device))
        sigma = (low + (high - low) * torch.rand(c.batch, generator=generator, device=device)).exp()
        noise = torch.randn(x.shape, generator=generator, device=device)
        off = (network(x + sigma.reshape(-1, 1, 1, 1) * noise, sigma) - x).square().mean((1, 2, 3))
        loss = (off * (sigma**2 + SPREAD**2) / (sigma * SPREAD) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if progress:
            progress(step + 1, c.steps)
    return network.eval().requires_grad_(False)


def denoiser_features(network, size, levels=(0.1, 0.4), seed=0, megabytes=64.0):
    """A FeatureSource that takes float images (N, C, *size) in [-1, 1]: the decoder's maps at some levels of noise.

    levels: standard deviations.  All images get the same noise, drawn from the seed: what two of them differ in is then the
    images' own.
    """
    taps = ("unet.down." + str(len(network.unet.down) - 1), *(f"unet.up.{at}" for at in range(len(network.unet.up))))

    def run(images):
        noise = torch.randn(1, *images.shape[1:], generator=torch.Generator().manual_seed(seed)).to(images.device)
        for level in levels:
            network(images + level * noise, torch.full((len(images),), level, device=images.device))
        return images

    return FeatureSource(network, taps, tuple(size), run, network.unet.canvas(size), megabytes=megabytes)
