"""Artefacts: structure in refined images that is neither in the synthetic image they came from nor in real ones.

A discriminator is no measure of artefacts: a refiner has been trained to fool it, and one without a history forgets what
it knew.  Nothing is trained here.  Two measures, blind in different ways:

- `RealPatches`: every small patch of a refined image is looked up among the patches that real images have at the same
  place; so is what remains of it when the synthetic patch has been taken away.  If neither has a near neighbour, the
  patch is *foreign*.  What is left out or softened is never foreign (distances of spectra and kernels see that): only
  what was added is.
- `fixed_pattern`: fine structure that all images share, such as a frame or a grid, however faint in each of them.
Taught in: notebook 07.
"""

import torch
import torch.nn.functional as F

from ..images import pixel_pairs, pixels

SIDE = 7                  # pixels of a patch: about a fifth of a crop's height, an iris is two of them wide
STEP = 4                  # pixels between patches
FLOOR = 2.0               # gray levels: whitening takes differences below this for noise
USUAL = 0.05              # share of unseen real patches without a near neighbour, by calibration
FINE = 5                  # pixels: structure that a mean over so many removes is fine


class RealPatches:
    """What patches look like in real images, place by place.

    real: an ImageSet or uint8 (N, C, H, W).  One half of it is looked up in; the other says how far a real patch is from
    its nearest neighbour there.  (The halves are the first and the last: of different days, where images come by days.)
    Patches are compared without their mean, since light may change, and whitened, so that fine grain, which a camera
    hardly shows, weighs as much as a contour.
    After Kynkaanniemi et al. 2019 (improved precision: whole images, in a network's features).
    """

    def __init__(self, real):
        known, unseen = (patches_of(half) for half in pixels(real).split(-(-len(pixels(real)) // 2)))
        variance, directions = torch.linalg.eigh(torch.cov(known.flatten(0, 1).T))
        self.whitening = directions / (variance.clamp(min=0) + FLOOR**2).sqrt()       # (D, D): to independent directions
        self.known = known @ self.whitening                                            # (places, M, D)
        self.limit = self._nearest(unseen @ self.whitening).quantile(1 - USUAL, 1, keepdim=True)      # (places, 1)

    def _nearest(self, patches):
        """Distance from each patch (places, N, D) to its nearest known one  ->  (places, N)."""
        return torch.cat([torch.cdist(part, self.known).amin(2) for part in patches.split(128, 1)], 1)

    def foreign(self, refined, synthetic=None):
        """Which patches have no near neighbour: bool (N, rows, columns), 8 x 13 for images of 35 x 55.

        refined: uint8 (N, C, H, W) or an ImageSet.  synthetic: what each came from; real images came from nothing.
        Raises ValueError if the shapes differ.
        """
        refined = pixels(refined)
        patches = patches_of(refined) @ self.whitening
        far = self._nearest(patches) > self.limit
        if synthetic is not None:
            others = patches_of(pixel_pairs(refined, synthetic)[1]) @ self.whitening
            weight = (patches * others).sum(2, keepdim=True) / others.square().sum(2, keepdim=True).clamp(min=1e-6)
            remains = patches - weight.clamp(0, 1) * others                 # as much as can be of the others taken away
            far &= self._nearest(remains) > self.limit
        return far.T.unflatten(1, [(n - SIDE) // STEP + 1 for n in refined.shape[2:]])

    def share(self, refined, synthetic=None):
        """Share of foreign patches: about 0.05 for real images, by calibration; near 0 for untouched synthetic ones."""
        return self.foreign(refined, synthetic).float().mean().item()


def patches_of(images):
    """Patches without their mean, in gray levels: uint8 (N, C, H, W)  ->  float (places, N, C * SIDE * SIDE)."""
    cut = F.unfold(images.float(), SIDE, stride=STEP)                                  # (N, D, places)
    return (cut - cut.mean(1, keepdim=True)).permute(2, 0, 1)


def fixed_pattern(images, domains):
    """Strength, in gray levels (root mean square), of fine structure that the images share and that no domain has.

    images, domains: ImageSets or uint8 (N, C, H, W).  The fine structure of the mean image, less what the domains' mean
    images, sharp and softened, explain of it (least squares).  Two halves of the images must agree on it, so that chance
    adds nothing.  Below about 1 for images of the domains; a pattern added to all images adds its own strength.
    """
    means = [_mean(domain) for domain in domains]
    basis = torch.stack([_fine(mean) for mean in means + [_softened(mean, 3) for mean in means]], 1)  # (pixels, 2 * domains)
    halves = [_fine(_mean(pixels(images)[i::2])) for i in range(2)]
    left = [half - basis @ torch.linalg.lstsq(basis, half[:, None]).solution[:, 0] for half in halves]
    return (left[0] * left[1]).mean().clamp(min=0).sqrt().item()


def _mean(images):
    parts = pixels(images).split(4096)                                                # as floats, a set may be gigabytes
    return sum(part.double().sum(0) for part in parts) / sum(map(len, parts))          # (C, H, W)


def _softened(image, side):
    return F.avg_pool2d(image, side, 1, side // 2, count_include_pad=False)


def _fine(image):
    return (image - _softened(image, FINE)).flatten()


def diversity(images):
    """How much images differ from each other: standard deviation over the images, mean over pixels, in gray levels.

    images: uint8 (N, C, H, W) or an ImageSet.  0 where all are the same: mode collapse.
    """
    return pixels(images).float().std(0).mean().item()
