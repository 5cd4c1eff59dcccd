"""Gray levels of synthetic images made like those of real ones: the step before the refiner, and the baseline it must beat.

Nothing is learned here.  Taught in: notebook 05.
"""

import numpy as np
import torch
import torch.nn.functional as F

from .images import pixels

LEVELS = 256


def gray_levels(images):
    """Share of each gray level among all pixels, float64 (256,)."""
    counts = torch.bincount(pixels(images).flatten(), minlength=LEVELS).double().cpu()
    return counts / counts.sum()


def histograms(gray):
    """Pixels of each gray level in each image, uint8 or int64 (N, P)  ->  int64 (N, 256)."""
    counts = torch.zeros(len(gray), LEVELS, device=gray.device, dtype=torch.long)
    return counts.scatter_add_(1, gray.long(), torch.ones_like(gray, dtype=torch.long))


def histogram_matched(images, reference, chunk=4096):
    """Each image's gray levels replaced, by a tone curve of its own, so that they are distributed as the reference's.

    images: uint8 (N, C, H, W); reference: unlabelled real ones (M, C, H, W), whose histogram is pooled, each channel
    for itself.  Returns uint8 (N, C, H, W).  Deterministic; order is kept: a brighter pixel never gets darker than another.
    The baseline that a refiner must beat: all that can be had without learning anything.
    Raises ValueError if the channels differ.
    """
    images, reference = pixels(images), pixels(reference)
    if images.shape[1] != reference.shape[1]:
        raise ValueError(f"expected as many channels as the reference's {reference.shape[1]}, found {images.shape[1]}")
    goals = [_quantiles(gray_levels(reference[:, c])) for c in range(reference.shape[1])]
    matched = [torch.stack([_matched(part[:, c], goal) for c, goal in enumerate(goals)], 1)
               for part in images.split(chunk)]
    return torch.cat(matched)


def matched_one_by_one(images, reference, seed):
    """Each image given exactly the gray levels of one reference image, drawn at random, so that they hardly tell it any more.

    `histogram_matched`, with one histogram for all, leaves all images with the same mean, which no camera does.
    images: uint8 (N, C, H, W); reference: unlabelled real ones (M, C, H, W) of that size.  Returns uint8 (N, C, H, W).  A
    brighter pixel never gets darker than another; equal ones are ordered by their surroundings, as in exact histogram
    specification (Coltuc, Bolon, Chassery 2006).
    Raises ValueError if the sizes differ.
    """
    images, reference = pixels(images), pixels(reference)
    if images.shape[1:] != reference.shape[1:]:
        raise ValueError(f"expected images of {tuple(reference.shape[1:])}, as the reference's, found {tuple(images.shape[1:])}")
    picked = reference[torch.from_numpy(np.random.default_rng(seed).integers(len(reference), size=len(images)))]
    around = F.avg_pool2d(images.float(), 3, 1, 1, count_include_pad=False) / LEVELS            # below 1
    order = (images + around).flatten(2).argsort(dim=2, stable=True)
    levels = picked.to(images.device).flatten(2).sort(2).values
    return torch.empty_like(levels).scatter_(2, order, levels).view_as(images)


def _quantiles(share):
    """(gray levels that occur, share of pixels darker than each, half of its own included) of a histogram (256,)."""
    share = share.numpy()
    middle = np.cumsum(share) - share / 2
    return np.flatnonzero(share), middle[share > 0]


def _matched(gray, goal):
    """One channel, uint8 (N, H, W), through each image's own table of 256 entries."""
    flat, (levels, quantile) = gray.flatten(1).long(), goal
    counts = histograms(flat).float()
    middle = (counts.cumsum(1) - counts / 2) / flat.shape[1]
    table = np.interp(middle.cpu().numpy(), quantile, levels).round().astype(np.uint8)    # (N, 256)
    return torch.from_numpy(table).to(flat.device).gather(1, flat).view_as(gray)
