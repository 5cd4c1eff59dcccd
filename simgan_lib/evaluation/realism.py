"""Do refined images look real, and did the refiner do anything at all?

Three questions, each with its measure: are the two kinds of image one distribution (kernel distance, classifier
two-sample test); in which respect do they differ (gray levels, power spectrum); how much did the refiner change, and is
that more than a global tone curve could do (identity-collapse meter)?
Taught in: notebook 05.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import isotonic_regression
from scipy.stats import binomtest
from torch import nn

from ..images import to_float
from ..system.device import autocast_for
from .gaze import shifted

LEVELS = 256


def _pixels(images):
    """uint8 (N, C, H, W) of an ImageSet, or what already is a tensor."""
    return getattr(images, "images", images)


# ---- a network to compare images with ----
class FeatureNetwork(nn.Module):
    """Float images in [-1, 1] (N, C, H, W)  ->  logits (N, kinds); `describe` gives the features behind them.

    Features are in [-1, 1] (tanh): images unlike any that were trained on must not blow up a distance.
    """

    def __init__(self, channels, kinds, width=64):
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(channels, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU(),
                                   nn.Conv2d(64, 96, 3, 1, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                                   nn.Linear(96, width), nn.Tanh())
        self.verdict = nn.Linear(width, kinds)

    def forward(self, x):
        return self.verdict(self.trunk(x))

    @torch.no_grad()
    def describe(self, images, batch=512):
        """uint8 images (N, C, H, W) or an ImageSet  ->  features, float (N, width) on the CPU.

        In float32 on every device, so that distances do not depend on the hardware's number format.
        """
        device = self.verdict.weight.device
        return torch.cat([self.trunk(to_float(part.to(device))).cpu() for part in _pixels(images).split(batch)])


def feature_network(images, seed, steps=400, batch=64, device="cpu"):
    """Train features on unlabelled images: name what was done to each (`CHANGES`)  ->  FeatureNetwork.

    images: an ImageSet, uint8 (N, C, H, W), or a list of these, which then contribute equally: take the synthetic and
    the unlabelled real training images, never refined ones and never test images.
    Why this task: to see a change of sharpness, noise, tone or layout is what comparing images needs, and the network
    is never told which images are real.  Features of a real-or-refined classifier would hold all that tells the two
    apart and little else; those of a gaze estimator have learned to overlook just what a refiner adds.
    """
    kinds = [_pixels(each).to(device) for each in (images if isinstance(images, (list, tuple)) else [images])]
    generator = torch.Generator(device).manual_seed(seed)

    def draw():
        chosen = [_some(each, math.ceil(batch / len(kinds)), generator) for each in kinds]
        return changed(to_float(torch.cat(chosen)), generator)

    network = seeded_network(seed, FeatureNetwork, kinds[0].shape[1], len(CHANGES)).to(device)
    return fit_classifier(network, draw, steps, device)


def _some(images, n, generator):
    return images[torch.randint(len(images), (n,), generator=generator, device=images.device)]


def seeded_network(seed, build, *arguments):
    """A network whose initial weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build(*arguments)


def fit_classifier(network, draw, steps, device, rate=3e-3):
    """Train with cross-entropy on what draw() gives, (float images, class indices); leaves it in evaluation mode."""
    network.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps + 1)
    for _ in range(steps):
        x, kind = draw()
        with autocast_for(device):
            logits = network(x.contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(logits.float(), kind)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def _uniform(x, low, high, generator):
    """(N, 1, 1, 1), one value an image."""
    return low + (high - low) * torch.rand(len(x), 1, 1, 1, generator=generator, device=x.device)


def _blurred(x, generator):
    soft = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return x + _uniform(x, 0.4, 1.0, generator) * (soft - x)


def _sharpened(x, generator):
    soft = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return x + _uniform(x, 0.5, 1.5, generator) * (x - soft)


def _noisy(x, generator):
    noise = torch.randn(x.shape, generator=generator, device=x.device)
    return x + _uniform(x, 0.02, 0.15, generator) * noise


def _toned(x, generator):
    """Darker or brighter in the middle of the scale, by a power of 1.4 to 2.5."""
    power = 2.0 ** (_uniform(x, 0.5, 1.3, generator) * torch.sign(_uniform(x, -1, 1, generator)))
    return 2 * ((x + 1) / 2).clamp(1e-4, 1) ** power - 1


def _torn(x, generator):
    """Left and right part swapped: the seam and the layout are wrong."""
    return x.roll(x.shape[-1] // 2, -1)


CHANGES = {"unchanged": lambda x, generator: x, "upside down": lambda x, generator: x.flip(-2), "torn": _torn,
           "blurred": _blurred, "sharpened": _sharpened, "noisy": _noisy, "toned": _toned}


def changed(x, generator):
    """Each image of x (N, C, H, W) in [-1, 1] changed in one way  ->  (images in [-1, 1], index of its change (N,))."""
    kind = torch.arange(len(x), device=x.device) % len(CHANGES)
    kind = kind[torch.randperm(len(x), generator=generator, device=x.device)]
    out = x.clone()
    for index, change in enumerate(CHANGES.values()):
        out[kind == index] = change(x[kind == index], generator)
    return out.clamp_(-1, 1), kind


# ---- one distribution or two? ----
def kernel_distance(network, a, b, seed=0, block=250):
    """Squared maximum mean discrepancy of two image sets in the network's features: (mean, sd) over blocks of images.

    0, up to noise of either sign, where a and b are drawn from one distribution; the unit is arbitrary: compare only
    what one network has measured.  a and b must not share images.  Each block has at most `block` images a side.
    Binkowski et al. 2018 (the kernel inception distance; our features instead of Inception's, which know no eyes).
    Raises ValueError if a side has fewer than 8 images.
    """
    return block_distance(network.describe(a), network.describe(b), seed, block)


def block_distance(features_a, features_b, seed=0, block=250):
    """`kernel_distance` of features (N, D) and (M, D): (mean, sd) of the blocks' `mmd2`.  Exactly symmetric."""
    n = min(len(features_a), len(features_b))
    if n < 8:
        raise ValueError(f"expected at least 8 images a side, found {len(features_a)} and {len(features_b)}")
    blocks = max(4, math.ceil(n / block))
    size = n // blocks
    # One order for both sides (where they are equally long): swapping a and b then gives the same blocks.
    orders = [torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))[:size * blocks].view(blocks, size)
              for x in (features_a, features_b)]
    each = torch.stack([mmd2(features_a[i], features_b[j]) for i, j in zip(*orders)])
    return each.mean().item(), each.std().item()


def mmd2(x, y):
    """Unbiased squared maximum mean discrepancy, kernel (x . y / D + 1)^3, of features (N, D) and (M, D)  ->  scalar.

    Unbiased: a point is not compared with itself.
    """
    x, y = x.double(), y.double()

    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1) ** 3

    def within(a):
        similar = kernel(a, a)
        return (similar.sum() - similar.diagonal().sum()) / (len(a) * (len(a) - 1))

    return within(x) + within(y) - 2 * kernel(x, y).mean()


def two_sample_accuracy(a, b, seed, by="day", steps=300, batch=64, device="cpu"):
    """Can a small network tell a from b?  Trained on half of each, its accuracy on the other half.

    a, b: ImageSets or uint8 (N, C, H, W).  A set with the group `by` is split into whole groups, so that no
    near-duplicate of a training image is tested; others are split at random.  Both sides are cut to equal numbers, so
    that accuracy is balanced accuracy and a coin's is 0.5.
    Returns {"accuracy", "low", "high", "p", "n"}: exact binomial 95 % interval, and the exact one-sided probability of
    being right as often by guessing.  Both take the n tested images for independent; neighbouring frames are not.
    Raises ValueError if a half is empty.  Lopez-Paz and Oquab 2017.
    """
    (train_a, test_a), (train_b, test_b) = (_halves(each, by, seed) for each in (a, b))
    network = two_sample_classifier(train_a, train_b, seed, steps, batch, device)
    test = _equally_many(test_a, test_b, device)
    right = sum(_count_right(network, x, kind) for x, kind in zip(test[0].split(512), test[1].split(512)))
    found = binomtest(right, len(test[0]), 0.5, alternative="greater")
    low, high = binomtest(right, len(test[0])).proportion_ci(0.95, "exact")
    return {"accuracy": right / len(test[0]), "low": float(low), "high": float(high), "p": float(found.pvalue),
            "n": len(test[0])}


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


def two_sample_classifier(a, b, seed, steps=300, batch=64, device="cpu"):
    """A small network that has learned to tell uint8 images a (N, C, H, W), class 0, from b (M, C, H, W), class 1.

    In evaluation mode; takes float images in [-1, 1] and gives logits (N, 2).  Both classes count alike.
    Raises ValueError if a side is empty.  Taught in: notebook 10.
    """
    images, kinds = _equally_many(a, b, device)
    generator = torch.Generator(device).manual_seed(seed)

    def draw():
        pick = torch.randint(len(images), (batch,), generator=generator, device=device)
        return to_float(shifted(images[pick], 1, generator)), kinds[pick]

    network = seeded_network(seed, _two_sample_network, images.shape[1]).to(device)
    with torch.random.fork_rng(devices=[device] if torch.device(device).type == "cuda" else []):
        torch.manual_seed(seed)                                   # dropout draws from the global generator
        return fit_classifier(network, draw, steps, device)


def _two_sample_network(channels):
    return nn.Sequential(nn.Conv2d(channels, 24, 3, 2, 1), nn.ReLU(), nn.Conv2d(24, 48, 3, 2, 1), nn.ReLU(),
                         nn.Conv2d(48, 64, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d((2, 3)), nn.Flatten(),
                         nn.Dropout(0.3), nn.Linear(64 * 6, 2))


@torch.no_grad()
def _count_right(network, images, kind):
    return (network(to_float(images)).argmax(1) == kind).sum().item()


def _halves(images, by, seed):
    """The pixels in two parts of about equal size: whole groups where the set has the group `by`."""
    groups = getattr(images, "groups", {}).get(by)
    names = np.arange(len(images)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    size = np.bincount(names)
    order = np.random.default_rng(seed).permutation(len(size))
    before = np.cumsum(size[order]) - size[order] / 2                 # images up to the middle of each group
    first = np.zeros(len(size), dtype=bool)
    first[order] = before < len(images) / 2
    mask = torch.from_numpy(first[names])
    pixels = _pixels(images)
    mask = mask.to(pixels.device)
    return pixels[mask], pixels[~mask]


def _equally_many(a, b, device):
    """(images, class 0 for a and 1 for b): as many of one as of the other, evenly spread over the longer one."""
    n = min(len(a), len(b))
    if not n:
        raise ValueError(f"expected images on both sides of each half, found {len(a)} and {len(b)}")
    a, b = (x[torch.linspace(0, len(x) - 1, n).long()].to(device) for x in (a, b))
    return torch.cat([a, b]), torch.arange(2, device=device).repeat_interleave(n)


# ---- in which respect do they differ? ----
def gray_levels(images):
    """Share of each gray level among all pixels, float64 (256,)."""
    counts = torch.bincount(_pixels(images).flatten(), minlength=LEVELS).double().cpu()
    return counts / counts.sum()


def gray_level_distance(a, b):
    """Gray levels by which pixels must move, on average, to turn one histogram into the other (Wasserstein-1)."""
    return (gray_levels(a) - gray_levels(b)).cumsum(0).abs().sum().item()


def power_spectrum(images, bins=16):
    """(frequencies in cycles a pixel (bins,), mean power (bins,)), averaged over directions, channels and images.

    A Hann window keeps the borders, which do not match when an image is tiled, from leaking into all frequencies.  The
    power is scaled so that white noise of variance v (gray levels squared) has power v at every frequency.
    """
    x = _pixels(images).double()
    window = torch.outer(*(torch.hann_window(n + 2, periodic=False, dtype=x.dtype, device=x.device)[1:-1]
                           for n in x.shape[2:]))
    spectrum = torch.fft.fft2((x - x.mean((2, 3), keepdim=True)) * window)
    power = (spectrum.abs() ** 2).mean((0, 1)) / window.square().sum()                # (H, W)
    radius = torch.hypot(torch.fft.fftfreq(x.shape[2])[:, None], torch.fft.fftfreq(x.shape[3])[None])
    inside = (radius > 0) & (radius < 0.5)
    place = (radius * 2 * bins).long()[inside]
    total = torch.bincount(place, power.cpu()[inside], bins)
    count = torch.bincount(place, minlength=bins)
    return (np.arange(bins) + 0.5) / (2 * bins), (total / count).numpy()


def spectrum_distance(a, b, bins=16):
    """Mean difference of the two power spectra over all frequencies, in decibels: 3 dB is a factor of two."""
    (_, power_a), (_, power_b) = power_spectrum(a, bins), power_spectrum(b, bins)
    return float(np.abs(10 * np.log10((power_a + 1e-6) / (power_b + 1e-6))).mean())


def histogram_matched(images, reference, chunk=4096):
    """Each image's gray levels replaced, by a tone curve of its own, so that they are distributed as the reference's.

    images: uint8 (N, C, H, W); reference: unlabelled real ones (M, C, H, W), whose histogram is pooled, each channel
    for itself.  Returns uint8 (N, C, H, W).  Deterministic; order is kept: a brighter pixel never gets darker than another.
    The baseline that a refiner must beat: all that can be had without learning anything.
    Raises ValueError if the channels differ.
    """
    images, reference = _pixels(images), _pixels(reference)
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
    images, reference = _pixels(images), _pixels(reference)
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
    counts = torch.zeros(len(flat), LEVELS, device=flat.device).scatter_add_(1, flat, torch.ones_like(flat).float())
    middle = (counts.cumsum(1) - counts / 2) / flat.shape[1]
    table = np.interp(middle.cpu().numpy(), quantile, levels).round().astype(np.uint8)    # (N, 256)
    return torch.from_numpy(table).to(flat.device).gather(1, flat).view_as(gray)


# ---- did the refiner do anything? ----
def identity_collapse(entering, results, real):
    """The identity-collapse meter: what refining did to the images that entered the refiner.

    entering: images (N, C, H, W).  results: {name: what became of them, in the same order}: the refined images, and to
    compare with, untouched and histogram-matched ones.  real: images of the domain.
    Returns {name: {"change", "beyond_tone", "gray_level_distance", "spectrum_distance"}}: mean |change| in gray levels;
    the share of the result's variance that no tone curve of what entered explains; the two distances to the real images,
    which should fall.  A refiner whose change is near 0 has collapsed to the identity; one whose `beyond_tone` is near 0
    is a tone curve.
    Raises ValueError if shapes differ.
    """
    entering, real = _pixels(entering), _pixels(real)
    results = {name: _pixels(images) for name, images in results.items()}
    return {name: {"change": mean_change(entering, result), "beyond_tone": beyond_tone(entering, result),
                   "gray_level_distance": gray_level_distance(result, real),
                   "spectrum_distance": spectrum_distance(result, real)} for name, result in results.items()}


def mean_change(before, after):
    """Mean |after - before| in gray levels of image pairs, uint8 (N, C, H, W).  Raises ValueError if shapes differ."""
    if before.shape != after.shape:
        raise ValueError(f"expected image pairs of one shape, found {tuple(before.shape)} and {tuple(after.shape)}")
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
