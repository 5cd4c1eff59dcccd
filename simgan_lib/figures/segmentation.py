"""Figures of notebook 13: parts of eyes, and what features know of them."""

import torch
from PIL import ImageColor

from .base import PART_COLOURS, montage_figure


def tinted(images, masks, strength=0.55):
    """Gray eyes with their parts coloured.  images: uint8 (N, 1, H, W); masks: whole numbers (N, H, W) from 0, left as it is.

    Returns uint8 (N, 3, H, W).  strength: of the colour, 0 to 1; the light and dark of the image stay to be seen.
    """
    colours = torch.tensor([(0, 0, 0), *map(ImageColor.getrgb, PART_COLOURS)], dtype=torch.float)
    share = strength * (masks > 0)[:, None]
    return ((1 - share) * images + share * colours[masks.long()].movedim(-1, 1)).round().to(torch.uint8)


def masks_figure(rows, columns, width=7.2):
    """Eyes in rows, named on their left.  rows: {name: uint8 images (N, 1, H, W), or a pair (images, masks (N, H, W))}.

    columns, width: as in `montage_figure`.
    """
    shown = {name: tinted(*given) if isinstance(given, tuple) else given for name, given in rows.items()}
    return montage_figure(shown, columns, width, "Sclera is tinted yellow, iris blue, pupil reddish brown.")


def features_figure(images, rows, columns):
    """Eyes, and what features know of their pixels.  images: uint8 (N, 1, H, W); rows: {name: maps (N, C, H, W)}."""
    figure, _ = montage_figure({"eyes": images, **{name: colours_of(maps) for name, maps in rows.items()}}, columns)
    return figure, (f"{len(images)} eyes, and below them {len(rows)} rows, {', '.join(rows)}: each pixel's features as a colour. "
                    "Pixels with like features have like colours.")


def colours_of(maps):
    """Maps (N, C, H, W) as colours, uint8 (N, 3, H, W): their three principal components over all pixels, each from 0 to 255.

    Nothing is said by which colour it is; each call has directions of its own.
    """
    pixels = maps.movedim(1, -1).flatten(0, 2)
    pixels = (pixels - pixels.mean(0)) / (pixels.std(0) + 1e-6)
    _, _, directions = torch.linalg.svd(pixels.T @ pixels)
    found = pixels @ directions[:3].T
    low, high = (found.quantile(share, 0) for share in (0.02, 0.98))
    levels = (255 * (found - low) / (high - low)).clamp(0, 255).to(torch.uint8)
    return levels.reshape(len(maps), *maps.shape[2:], 3).movedim(-1, 1)
