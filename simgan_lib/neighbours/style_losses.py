"""What the style-based generator and its discriminator learn from: a relativistic loss with penalties, and changed images.

"""

import torch
import torch.nn.functional as F

LEAST, SHIFT, CUT = 0.5, 1 / 8, 1 / 2     # contrast from LEAST to 1 + LEAST; shares of a side: shifted at most, cut out


def relativistic_loss(wins, loses):
    """How far verdicts `wins` (N,) are from being above `loses` (N,), pair by pair: softplus(loses - wins), (N,), nats.

    The discriminator's loss with (on_real, on_fake), the generator's with (on_fake, on_real).
    R3GAN (Huang et al., NeurIPS 2024), after Jolicoeur-Martineau 2019.

    >>> relativistic_loss(torch.tensor([0.0]), torch.tensor([0.0]))           # ln 2: cannot tell
    tensor([0.6931])
    """
    return F.softplus(loses - wins)


def gradient_penalty(discriminator, images):
    """Half the squared length of the verdict's gradient at each image: R1 on real images, R2 on fake ones.

    discriminator: (N, C, H, W) -> (N,).  images: float (N, C, H, W).  Returns (N,), which can be learned from.
    Mescheder et al. 2018.
    """
    images = images.detach().requires_grad_()
    slope, = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    return slope.square().flatten(1).sum(1) / 2


class Changes:
    """One random change for each of n images, drawn once, so that real and fake ones are changed alike.

    Called with float images in [-1, 1] (n, C, *size), it gives them changed: brighter or darker, more or less contrast,
    more or less colour where there is any, shifted by up to an eighth of a side (zeros come in), and a rectangle of half
    of each side set to zero.  Differentiable: the generator learns through it.
    share: of the images that are changed at all; 0 draws nothing.
    DiffAugment (Zhao et al., NeurIPS 2020), which has no share; useful where few images are there to learn from.
    """

    def __init__(self, n, size, share, generator):
        self.share = share
        if not share:
            return
        drawn = torch.rand(8, n, 1, generator=generator, device=generator.device)           # in [0, 1): all chance there is
        self.off, (self.light, self.colour, self.contrast) = drawn[0, :, :, None, None] >= share, drawn[1:4, :, :, None, None]
        (self.rows, rows_cut), (self.columns, columns_cut) = (_side(side, *drawn[k:k + 2]) for side, k in zip(size, (4, 6)))
        self.kept = ~(rows_cut[:, None, :, None] & columns_cut[:, None, None, :])           # (n, 1, H, W)

    def __call__(self, images):
        if not self.share:
            return images
        x = images + self.light - 0.5
        x = torch.lerp(x.mean(1, keepdim=True), x, 2 * self.colour)
        x = torch.lerp(x.mean((1, 2, 3), keepdim=True), x, LEAST + self.contrast)
        return torch.where(self.off, images, self._shifted(x) * self.kept)

    def _shifted(self, x):
        each = torch.arange(len(x), device=x.device)[:, None, None]
        moved = F.pad(x, (1, 1, 1, 1))[each, :, self.rows[:, :, None], self.columns[:, None]]        # (n, H, W, C)
        return moved.permute(0, 3, 1, 2)


def _side(side, shift, cut):
    """Along one side: where each pixel comes from in an image with a frame of zeros, and whether it is cut out; (n, side)."""
    at, most, half = torch.arange(side, device=shift.device), int(side * SHIFT), int(side * CUT)
    start = (cut * side).long() - half // 2
    moved = at + ((2 * most + 1) * shift).long() - most
    return moved.clamp(-1, side) + 1, (at >= start) & (at < start + half)
