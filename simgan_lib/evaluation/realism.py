"""Do refined images look real, and did the refiner do anything at all?

Three questions, each with its measure: are the two kinds of image one distribution (kernel distance, classifier
two-sample test); in which respect do they differ (gray levels, power spectrum); how much did the refiner change, and is
that more than a global tone curve could do (identity-collapse meter)?
Taught in: notebook 05.
"""

import math

import numpy as np
import torch
from scipy.optimize import isotonic_regression
from scipy.stats import binomtest

from ..images import group_names, pixel_pairs, pixels
from ..matching import LEVELS, gray_levels
from .gaze import answers_of
from .judges import equally_many, two_sample_classifier

FEWEST = 8                # images a side, of which a kernel distance can be measured: four blocks of two


# ---- one distribution or two? ----
def kernel_distance(network, a, b, seed=0, block=250):
    """Squared maximum mean discrepancy of two image sets in the network's features: (mean, sd) over blocks of images.

    0, up to noise of either sign, where a and b are drawn from one distribution; the unit is arbitrary: compare only
    what one network has measured.  a and b must not share images.  Each block has at most `block` images a side.
    Binkowski et al. 2018 (the kernel inception distance; our features instead of Inception's, which know no eyes).
    Raises ValueError if a side has fewer than FEWEST images.
    """
    return block_distance(network.describe(a), network.describe(b), seed, block)


def block_distance(features_a, features_b, seed=0, block=250):
    """`kernel_distance` of features (N, D) and (M, D): (mean, sd) of the blocks' `mmd2`.  Exactly symmetric."""
    n = min(len(features_a), len(features_b))
    if n < FEWEST:
        raise ValueError(f"expected at least {FEWEST} images a side, found {len(features_a)} and {len(features_b)}")
    blocks = max(4, math.ceil(n / block))
    size = n // blocks
    # One order for both sides (where they are equally long): swapping a and b then gives the same blocks.
    orders = [torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))[:size * blocks].view(blocks, size)
              for x in (features_a, features_b)]
    each = torch.stack([mmd2(features_a[i], features_b[j]) for i, j in zip(*orders)])
    return each.mean().item(), each.std().item()


def mmd2(x, y):
    """Squared maximum mean discrepancy, kernel (x . y / D + 1)^3, of features (N, D) and (M, D)  ->  scalar.  Unbiased."""
    x, y = x.double(), y.double()

    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1) ** 3

    def within(a):
        similar = kernel(a, a)                    # less the diagonal: a point is not compared with itself
        return (similar.sum() - similar.diagonal().sum()) / (len(a) * (len(a) - 1))

    return within(x) + within(y) - 2 * kernel(x, y).mean()


def two_sample_accuracy(a, b, seed, by="day", steps=300, batch=64, device="cpu"):
    """Can a small network tell a from b?  Trained on half of each, its accuracy on the other half.

    a, b: ImageSets or uint8 (N, C, H, W).  A set with the group `by` is split into whole groups, so that no
    near-duplicate of a training image is tested; others are split at random.  Both sides are cut to equal numbers, so
    that accuracy is balanced accuracy and a coin's is 0.5.
    Returns {"accuracy", "low", "high", "p", "n"}: exact binomial 95 % interval, and the exact one-sided probability of
    being right as often by guessing.  Both take the n tested images for independent; neighbouring frames are not.
    Raises ValueError, before it learns, if a half is empty.  Lopez-Paz and Oquab 2017.
    """
    (train_a, test_a), (train_b, test_b) = (_halves(each, by, seed) for each in (a, b))
    test, kind = equally_many(test_a, test_b, "cpu")
    network = two_sample_classifier(train_a, train_b, seed, steps, batch, device)
    right, n = (answers_of(network, test).argmax(1) == kind).sum().item(), len(test)
    low, high = binomtest(right, n).proportion_ci(0.95, "exact")
    p = binomtest(right, n, alternative="greater").pvalue
    return {"accuracy": right / n, "low": float(low), "high": float(high), "p": float(p), "n": n}


def evenness(images):
    """How far the mean of each image is from middle gray: uint8 (N, C, H, W)  ->  gray levels (N,).

    Below some two where each image was equalised for itself and then resized, as in the stand-in domain.
    """
    return (images.float().mean((1, 2, 3)) - 127.5).abs()


def told_by_number(number, a, b, seed, by="day"):
    """Can one number of an image tell a from b?  Balanced accuracy of a tree that cuts the number's axis into at most eight.

    number: uint8 (N, C, H, W)  ->  (N,).  a, b: as in `two_sample_accuracy`; the tree learns from one half, the other is
    judged.  So a number that is the same in all images gives them away, too.  A network that finds nothing proves nothing if
    a number finds something.  Raises ValueError if there is nothing to learn from or to judge, as with one day alone.
    """
    from sklearn.tree import DecisionTreeClassifier  # slow to import
    (known_a, test_a), (known_b, test_b) = ([number(part).cpu().numpy() for part in _halves(each, by, seed)] for each in (a, b))
    if not all(map(len, (known_a, test_a, known_b, test_b))):
        raise ValueError(f"expected two halves of each side, found {[len(x) for x in (known_a, test_a, known_b, test_b)]} images")
    known, kind = np.concatenate([known_a, known_b])[:, None], np.repeat([0, 1], [len(known_a), len(known_b)])
    tree = DecisionTreeClassifier(max_leaf_nodes=8, min_samples_leaf=0.01, class_weight="balanced", random_state=seed)
    tree.fit(known, kind)
    return float((tree.predict(test_a[:, None]) == 0).mean() + (tree.predict(test_b[:, None]) == 1).mean()) / 2


def _halves(images, by, seed):
    """The pixels in two parts of about equal size: whole groups where the set has the group `by`."""
    groups = group_names(getattr(images, "groups", {}), by)
    names = np.arange(len(images)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    size = np.bincount(names)
    order = np.random.default_rng(seed).permutation(len(size))
    before = np.cumsum(size[order]) - size[order] / 2                 # images up to the middle of each group
    every = pixels(images)
    first = torch.from_numpy(np.isin(names, order[before < len(images) / 2])).to(every.device)
    return every[first], every[~first]


# ---- in which respect do they differ? ----
def gray_level_distance(a, b):
    """Gray levels by which pixels must move, on average, to turn one histogram into the other (Wasserstein-1)."""
    return (gray_levels(a) - gray_levels(b)).cumsum(0).abs().sum().item()


def power_spectrum(images, bins=16):
    """(frequencies in cycles a pixel (bins,), mean power (bins,)), averaged over directions, channels and images.

    A Hann window keeps the borders, which do not match when an image is tiled, from leaking into all frequencies.  The
    power is scaled so that white noise of variance v (gray levels squared) has power v at every frequency.
    """
    x = pixels(images).double()
    window = torch.outer(*(torch.hann_window(n + 2, False, dtype=x.dtype, device=x.device)[1:-1] for n in x.shape[2:]))
    spectrum = torch.fft.fft2((x - x.mean((2, 3), keepdim=True)) * window)
    power = (spectrum.abs() ** 2).mean((0, 1)) / window.square().sum()                # (H, W)
    radius = torch.hypot(torch.fft.fftfreq(x.shape[2])[:, None], torch.fft.fftfreq(x.shape[3])[None])
    inside = (radius > 0) & (radius < 0.5)
    place = (radius * 2 * bins).long()[inside]
    mean = torch.bincount(place, power.cpu()[inside], bins) / torch.bincount(place, minlength=bins)
    return (np.arange(bins) + 0.5) / (2 * bins), mean.numpy()


def spectrum_distance(a, b, bins=16):
    """Mean difference of the two power spectra over all frequencies, in decibels: 3 dB is a factor of two."""
    (_, power_a), (_, power_b) = power_spectrum(a, bins), power_spectrum(b, bins)
    return float(np.abs(10 * np.log10((power_a + 1e-6) / (power_b + 1e-6))).mean())


# ---- did the refiner do anything? ----
def identity_collapse(entering, results, real):
    """The identity-collapse meter: what refining did to the images that entered the refiner.

    entering: images (N, C, H, W).  results: {name: what became of them, in the same order}: the refined images, and to
    compare with, untouched and histogram-matched ones.  real: images of the domain.
    Returns {name: {"change", "beyond_tone", "gray_level_distance", "spectrum_distance"}}, each the function of its name
    (change: `mean_change`); the two distances are to the real images and should fall.  A refiner whose change is near 0
    has collapsed to the identity; one whose `beyond_tone` is near 0 is a tone curve.  Raises ValueError if shapes differ.
    """
    entering = pixels(entering)
    return {name: {"change": mean_change(entering, result), "beyond_tone": beyond_tone(entering, pixels(result)),
                   "gray_level_distance": gray_level_distance(result, real),
                   "spectrum_distance": spectrum_distance(result, real)} for name, result in results.items()}


def mean_change(before, after):
    """Mean |after - before| in gray levels of image pairs, uint8 (N, C, H, W).  Raises ValueError if shapes differ."""
    before, after = pixel_pairs(before, after)
    return (after.float() - before.float()).abs().mean().item()


def beyond_tone(before, after):
    """Share of the variance of `after` that no tone curve explains: 0 (it is a tone curve) to 1 (inverted, or new).

    before, after: uint8 (N, C, H, W).  Each image, and each of its channels, gets its own best non-decreasing curve of
    256 entries (isotonic regression).
    """
    x, y = (images.flatten(2).flatten(0, 1).cpu().numpy() for images in (before, after))   # (N C, H W)
    y = y.astype(float)
    residual = sum(((row - best_tone_curve(gray, row)[gray]) ** 2).sum() for gray, row in zip(x, y))
    total = ((y - y.mean(1, keepdims=True)) ** 2).sum()
    return float(residual / total) if total else 0.0


def best_tone_curve(gray, target):
    """The non-decreasing table (256,) that comes closest to turning uint8 gray (P,) into target (P,), by squares."""
    count, total = np.bincount(gray, minlength=LEVELS), np.bincount(gray, target, LEVELS)
    seen = np.flatnonzero(count)
    fitted = isotonic_regression(total[seen] / count[seen], weights=count[seen].astype(float))
    return np.interp(np.arange(LEVELS), seen, fitted.x)


# ---- copies ----
def nearest_distance(test, training):
    """How far each test image is from the nearest training image: float (N, D), (M, D)  ->  (N,), mean |difference|.

    Small where a test image has a twin in the training set: then the test asks for memory.  Taught in: notebook 11.

    >>> nearest_distance(torch.tensor([[0.0, 4.0]]), torch.tensor([[0.0, 0.0], [2.0, 4.0]])).tolist()
    [1.0]
    """
    return torch.cdist(test, training, p=1).amin(1) / test.shape[1]
