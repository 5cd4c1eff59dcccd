"""How good a segmentation is: intersection over union of each part, and where the pupil's centre lies.

Masks are whole numbers (N, H, W), one a pixel, that name a part from 0 on.  Taught in: notebooks 08 and 13.
"""

import math
from dataclasses import replace

import torch

from ..images import pixels, resized
from ..neighbours.autoshot import segmented
from ..neighbours.segmenters import load_shipped_segmenter
from ..simulators.eyes import PARTS, labels_of, render
from ..simulators.parameters import EYE, draw_parameters
from .pupil import EYE_WIDTH

SEEN = PARTS[:4]                                   # skin, sclera, iris, pupil: a glint is light, not a part of the eye
PUPIL = SEEN.index("pupil")
WHOLE_IRIS = (SEEN.index("iris"), PUPIL)           # the disc within the limbus, as far as the lids leave it free
LEAST = 5                                          # pixels at 55 px eye width: a part of so few is a speck, not seen


def labelled_eyes(n, seed, size=(35, 55), prior=EYE):
    """n eyes as `simulators.eyes.simulate` draws them, whose `parts` are those of SEEN: where a glint lies, what lies below it.

    A glint lies on the pupil or the iris; the same eyes without their glint tell which.
    """
    eyes = draw_parameters(n, torch.Generator().manual_seed(seed), prior)
    images = render(eyes, size)
    return replace(images, labels={**images.labels, "parts": labels_of(eyes.with_values(glint=0.0), size)["parts"]})


def part_iou(predicted, true, classes):
    """Intersection over union of each part, pooled over all pixels of all images  ->  float64 (classes,).

    predicted, true: whole numbers (N, H, W) from 0 to classes - 1.  NaN for a part that occurs in neither.  A mean over
    images would count an eye that is nearly shut, with ten pixels of iris, as much as an open one: pixels are pooled.
    Raises ValueError for masks of unequal shape, and for other numbers.

    >>> part_iou(torch.tensor([[[0, 0, 1, 1]]]), torch.tensor([[[0, 1, 1, 1]]]), 3).tolist()
    [0.5, 0.666..., nan]
    """
    if predicted.shape != true.shape:
        raise ValueError(f"expected masks of one shape, found {tuple(predicted.shape)} and {tuple(true.shape)}")
    predicted, true = (_numbers(mask, classes).flatten() for mask in (predicted, true))
    pairs = torch.bincount(true * classes + predicted, minlength=classes**2).reshape(classes, classes).double()
    both = pairs.diagonal()
    return both / (pairs.sum(0) + pairs.sum(1) - both)                 # 0 / 0 is NaN


def _numbers(mask, classes):
    if mask.is_floating_point() or mask.numel() and not 0 <= int(mask.min()) <= int(mask.max()) < classes:
        found = mask.dtype if mask.is_floating_point() else f"{int(mask.min())} to {int(mask.max())}"
        raise ValueError(f"masks: expected whole numbers from 0 to {classes - 1}, found {found}")
    return mask.long()


def pupil_centre(mask, part=PUPIL):
    """Centre of gravity of a part  ->  ((x, y) px, float64 (N, 2), share of images without it, which have NaN).

    mask: whole numbers (N, H, W), whose pixels of `part` count 1 each; or floats, each pixel's weight, such as the
    probability of the pupil: they tell the centre finer than a pixel.  The centre of the top-left pixel is (0, 0).
    Raises ValueError for other shapes.

    >>> pupil_centre(torch.tensor([[[0, 3, 3], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]]))
    (tensor([[1.5000, 0.0000],
            [   nan,    nan]], dtype=torch.float64), 0.5)
    """
    if mask.ndim != 3:
        raise ValueError(f"mask: expected (N, H, W), found {tuple(mask.shape)}")
    weight = (mask if mask.is_floating_point() else mask == part).double()
    total = weight.sum((1, 2))
    x = (weight.sum(1) * torch.arange(mask.shape[2], device=mask.device)).sum(1) / total
    y = (weight.sum(2) * torch.arange(mask.shape[1], device=mask.device)).sum(1) / total
    return torch.stack([x, y], -1), (total == 0).double().mean().item() if len(mask) else math.nan


def weighted(masks, probabilities, parts=(PUPIL,)):
    """The probability of `parts` where the mask names one of them, else 0: a centre of gravity finer than the pixels.

    masks: whole numbers (N, H, W).  probabilities: float (N, classes, H, W).  Returns float (N, H, W), for `pupil_centre`.
    """
    return probabilities[:, list(parts)].sum(1) * torch.isin(masks, torch.tensor(parts, dtype=masks.dtype))


def centre_error(masks, probabilities, true, parts=(PUPIL,)):
    """How far the centre of predicted `parts` lies from that of the exact masks  ->  (mean px, % of images without them).

    true: exact masks (N, H, W).  An image without these parts, by either mask, has no distance.
    """
    found, empty = pupil_centre(weighted(masks, probabilities, parts))
    off = (found - pupil_centre(torch.isin(true, torch.tensor(parts, dtype=true.dtype)).float())[0]).norm(dim=1)
    return off[off.isfinite()].mean().item(), 100 * empty


def score(masks, probabilities, eyes):
    """{measure: value} of predicted masks (N, H, W) and probabilities (N, 4, H, W) against the eyes' exact masks.

    eyes: as `labelled_eyes` gives them; a prediction may be of the first N alone.  Pupils: px, and the share in % that have none.
    """
    true = eyes.labels["parts"][:len(masks)]
    found = {f"iou_{name}": value for name, value in zip(SEEN, part_iou(masks, true, len(SEEN)).tolist())}
    off, empty = centre_error(masks, probabilities, true)
    return {**found, "iou_mean": sum(found.values()) / len(SEEN), "pupil_px": off, "no_pupil_percent": empty}


def part_centres(images, parts=WHOLE_IRIS, segmenter=None):
    """Centres of gravity (x, y) px, float (N, 2), of what a network calls iris or pupil; NaN where it sees LEAST px or less.

    images: an ImageSet, or uint8 images (N, C, H, W); others than 55 px wide are looked at at that width.  The network is
    the kit's unless a UNet of gray eyes is given.  It looks at the image alone: no label, no other image.  parts: of
    SEEN.  Lids hide some of the iris, so this is not the pupil's centre, but what they hide before and after is alike.
    It learned from eyes alone: in an image without any it may see one, too.  So few NaN do not mean that irises are there.
    """
    gray = pixels(images).float().mean(1, keepdim=True).round().to(torch.uint8)
    scale = gray.shape[3] / EYE_WIDTH
    seen = segmented(segmenter or load_shipped_segmenter()[0], resized(gray, (round(gray.shape[2] / scale), EYE_WIDTH)))
    found = weighted(*seen, parts)
    centres = (pupil_centre(found)[0] + 0.5) * scale - 0.5
    centres[(found > 0).sum((1, 2)) <= LEAST] = math.nan
    return centres.float()
