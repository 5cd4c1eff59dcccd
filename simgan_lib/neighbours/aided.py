"""SimGAN with other cures for a discriminator that forgets: SS-GAN's rotations, and a penalty on its slope (R1).

The history buffer keeps old refined images before the discriminator's eyes.  These two look at real images alone.
Taught in: notebook 12.
"""

from dataclasses import dataclass

import torch

from ..losses import REAL, REFINED
from ..networks import from_seed
from ..system.errors import UserError
from ..system.settings import Number, Whole
from ..training import Training, TrainingConfig
from .rotation import RotationHead, central_square, rotate_batch, rotation_loss


@dataclass(frozen=True)
class AidedConfig(TrainingConfig):
    """A TrainingConfig whose discriminator has one or two more terms in its loss.  With both weights 0 it is the same run.

    rotation: SS-GAN's beta.  The cross-entropy of four angles counts once for each patch, as eq. 2 sums over patches.
    slope: gamma of R1 (Mescheder et al., ICML 2018), taken every `slope_every` rounds and weighed so many times.
    """

    rotation: Number(0, 1000) = 0.0
    slope: Number(0, 1_000_000) = 0.0
    slope_every: Whole(1, 1000) = 16


class AidedTraining(Training):
    """Training with the terms of an AidedConfig.  SS-GAN's term for the generator (alpha) is left out: the refiner's loss
    stays eq. 5, so that the arms differ in what the discriminator is taught, and in nothing else.
    Raises UserError as `Training`, and for batch_norm.
    """

    LEARNED = (*Training.LEARNED, "head")

    def __init__(self, config, synthetic, real, seed=0, device="cpu", features=None):
        if config.batch_norm:                         # the terms' own passes, of turned images say, would enter its statistics
            raise UserError("batch_norm: expected false with rotations or R1, found true")
        super().__init__(config, synthetic, real, seed, device, features)
        modules = list(self.discriminator) if config.local else [*self.discriminator.trunk, self.discriminator.verdict]
        self.trunk = torch.nn.Sequential(*modules[:-1])               # what the verdict is read from: (N, F, h, w)
        with torch.no_grad():
            maps = self.trunk(torch.zeros(1, *real.images.shape[1:], device=self.device))
        self.places = maps[0, 0].numel()
        self.head = from_seed(seed, RotationHead, maps.shape[1]).to(self.device)
        self.discriminator_optimizer.add_param_group({"params": list(self.head.parameters())})

    def aid(self, real):
        """The two terms, on a batch of real images (N, C, H, W); 0 where their weights are."""
        c, found = self.config, 0
        if c.rotation:
            found = found + c.rotation * self.places * self.rotation_loss(real).mean()
        if c.slope and self.done % c.slope_every == 0:
            found = found + c.slope_every * c.slope / 2 * slope_penalty(self.judged, real).mean()
        return found

    def rotation_loss(self, real):
        """Cross-entropy of the angle by which each real image's central square was turned, all four angles: (4N,)."""
        turned, angles = rotate_batch(central_square(real), "all")
        with self._autocast():
            maps = self.trunk(turned)
        return rotation_loss(self.head(maps.float().mean((2, 3))), angles)


def slope_penalty(discriminator, real):
    """R1 for each image: squared length of the verdict's gradient with respect to the image's pixels.

    discriminator: float (N, C, H, W) -> logits (N, 2, h, w); the verdict is the difference of both, summed over patches.
    Returns (N,), with a graph back to the weights.
    Mescheder et al., Which training methods for GANs do actually converge?, ICML 2018.
    """
    real = real.detach().requires_grad_()
    logits = discriminator(real)
    gradient, = torch.autograd.grad((logits[:, REAL] - logits[:, REFINED]).sum(), real, create_graph=True)
    return gradient.square().flatten(1).sum(1)
