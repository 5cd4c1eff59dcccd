"""How real do images look, without asking a person: three measures, and what a refiner changed at all.

No measure uses the discriminator that the refiner was trained against: that one has been fooled already.
Taught in: notebook 05 and 10.
"""

import numpy as np
import torch
import torch.nn.functional as F
from scipy.stats import binomtest
from skimage.exposure import match_histograms

from ..images import to_float
from ..losses import REAL, REFINED, local_adversarial_loss
from ..networks import PatchDiscriminator
from ..precision import autocast_for
from .gaze import PRESETS, train_gaze_estimator


def histogram_matched(images, reference):
    """Each image with its gray levels replaced so that their histogram is that of all `reference` images together.

    images, reference: uint8 (N, C, H, W) and (M, C, H, W).  Deterministic; the baseline that any refiner must beat.
    """
    pooled = reference[:: max(1, len(reference) // 200)].flatten(2).transpose(0, 1).flatten(1)   # (C, pixels)
    pooled = pooled.numpy()[:, :, None]
    matched = [np.stack([match_histograms(channel, pooled[c]) for c, channel in enumerate(image)])
               for image in images.numpy()]
    return torch.from_numpy(np.round(matched)).to(torch.uint8)


def feature_network(labelled, seed=0):
    """A network of this kit whose features compare images: the gaze estimator, trained on labelled synthetic eyes.

    It has learned what eyes consist of, has never seen a real image, and no refiner was trained against it.
    """
    return train_gaze_estimator(labelled, PRESETS["quick"], seed)


@torch.no_grad()
def features(network, images, batch=512):
    """uint8 (N, C, H, W)  ->  float64 (N, 2F): mean and deviation of each of the last feature maps."""
    maps = [network.features(to_float(images[i:i + batch])).flatten(2) for i in range(0, len(images), batch)]
    return torch.cat([torch.cat([m.mean(2), m.std(2)], 1) for m in maps]).double()


def kernel_distance(network, images, reference, blocks=10, seed=0):
    """Kernel distance (KID) between two sets of images on the network's features  ->  {"mean", "sd"}.

    The unbiased squared maximum mean discrepancy under the kernel (x.y / d + 1)^3, over `blocks` random halves; about
    0, negative values included, for two samples of one distribution.  Features are scaled to unit variance first.
    Binkowski et al., Demystifying MMD GANs, ICLR 2018.
    """
    a, b = features(network, images), features(network, reference)
    both = torch.cat([a, b])
    a, b = ((x - both.mean(0)) / both.std(0).clamp_min(1e-9) for x in (a, b))
    generator = torch.Generator().manual_seed(seed)
    half = min(len(a), len(b)) // 2
    drawn = [polynomial_mmd(*(x[torch.randperm(len(x), generator=generator)[:half]] for x in (a, b)))
             for _ in range(blocks)]
    return {"mean": float(np.mean(drawn)), "sd": float(np.std(drawn, ddof=1))}


def polynomial_mmd(a, b):
    """Unbiased squared maximum mean discrepancy of (n, d) and (n, d) under the kernel (x.y / d + 1)^3."""
    n, d = a.shape
    within = sum(((k := (x @ x.T / d + 1) ** 3).sum() - k.diagonal().sum()) / (n * (n - 1)) for x in (a, b))
    return (within - 2 * ((a @ b.T / d + 1) ** 3).mean()).item()


def two_sample_accuracy(images, reference, seed=0, steps=150):
    """Classifier two-sample test: how well can a fresh network tell the two sets apart on images it has not seen?

    images, reference: uint8 (N, C, H, W).  The first half of each trains, the second half (other days, where the sets
    are ordered by day) is judged.  Returns {"accuracy": balanced, "interval": (low, high), "p_value", "n"}: exact binomial, one-sided
    against guessing.  0.5: indistinguishable; 1: told apart without fail.
    """
    generator = torch.Generator().manual_seed(seed)
    halves = [(x[:len(x) // 2], x[len(x) // 2:]) for x in (reference, images)]
    network = _trained_judge([first for first, _ in halves], generator, seed, steps)
    right = [(_verdicts(network, second) == label).float() for label, (_, second) in zip((REAL, REFINED), halves)]
    n = min(len(r) for r in right)
    test = binomtest(int(sum(r[:n].sum() for r in right)), 2 * n, 0.5, alternative="greater")
    interval = binomtest(test.k, 2 * n).proportion_ci(0.95)
    return {"accuracy": float(sum(r.mean() for r in right)) / 2, "interval": [float(interval.low), float(interval.high)],
            "p_value": float(test.pvalue), "n": 2 * n}


def _trained_judge(sets, generator, seed, steps, batch=32, rate=1e-3):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = PatchDiscriminator(sets[0].shape[1]).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    for _ in range(steps):
        picked = [to_float(x[torch.randint(len(x), (batch,), generator=generator)]) for x in sets]
        with autocast_for("cpu"):
            logits = network(torch.cat(picked).contiguous(memory_format=torch.channels_last)).float()
        loss = sum(local_adversarial_loss(part, label).mean() for part, label in zip(logits.split(batch), (REAL, REFINED)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval()


@torch.no_grad()
def _verdicts(network, images):
    logits = torch.cat([network(to_float(images[i:i + 512])) for i in range(0, len(images), 512)])
    return F.log_softmax(logits, 1).sum((2, 3)).argmax(1)


def identity_collapse(synthetic, refined, reference):
    """How much did the refiner change at all?  Gray levels, beside the identity (0) and plain histogram matching.

    synthetic, refined: uint8 (N, 1, H, W), pairwise; reference: real images.  Returns {"refined", "matched": mean
    |difference| to the input in gray levels; "beyond_tone": share of the refined images' variance that no change of each
    input's gray levels explains: 0 for the identity and for histogram matching}.
    """
    matched = histogram_matched(synthetic, reference)
    change = {name: (images.float() - synthetic.float()).abs().mean().item()
              for name, images in (("refined", refined), ("matched", matched))}
    return {**change, "beyond_tone": beyond_tone(synthetic, refined)}


def beyond_tone(before, after):
    """Share of the variance of `after` (N, 1, H, W) left when each gray level of `before` gets its best new level."""
    left, whole = 0.0, 0.0
    for x, y in zip(before.flatten(1).long(), after.flatten(1).double()):
        x = x // 4                                                       # 64 levels: enough pixels for each
        count = torch.bincount(x, minlength=64).clamp_min(1)
        left += (y - (torch.bincount(x, y, minlength=64) / count)[x]).square().sum().item()
        whole += (y - y.mean()).square().sum().item()
    return left / max(whole, 1e-9)


def gray_histogram(images, bins=32):
    """Share of pixels in each of `bins` ranges of gray levels (bins,)."""
    return torch.histc(images.float(), bins, 0, 256) / images.numel()


def histogram_distance(a, b, bins=32):
    """Half the sum of |differences| of the two gray-level histograms: 0 equal, 1 disjoint."""
    return (gray_histogram(a, bins) - gray_histogram(b, bins)).abs().sum().item() / 2


def power_spectrum(images, bins=10):
    """Radially averaged power of spatial frequencies, log10, from low to 0.5 cycles a pixel.

    images: uint8 (N, C, H, W), the channels' mean is taken.  Returns (bins,); a Hann window keeps the borders out.
    """
    x = images.double().mean(1)
    x = x - x.mean((1, 2), keepdim=True)
    height, width = x.shape[1:]
    window = torch.hann_window(height, periodic=False)[:, None] * torch.hann_window(width, periodic=False)
    power = torch.fft.fft2(x * window).abs().square().mean(0)
    radius = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.fftfreq(width)[None])
    ring = (radius * 2 * bins).long()
    return torch.stack([power[ring == k].mean() for k in range(bins)]).log10()


def spectrum_distance(a, b):
    """Root mean square difference of the two sets' log10 power spectra: 0.3 is a factor of two."""
    return (power_spectrum(a) - power_spectrum(b)).square().mean().sqrt().item()
