"""Right and wrong answers to the exercises of notebooks 06 to 11, written apart from the library.

BANK: {check: ([right answers], [(wrong answer, words of the message that it must get)])}.  `test_checks.py` tries them.
"""

import math
import random
import statistics
from fractions import Fraction
from functools import partial, reduce

import numpy as np
import scipy.spatial
import scipy.stats
import torch
from scipy.special import bdtrc, betainc, logsumexp
from scipy.stats import binom, binomtest, norm
from torch.nn import functional as F

from simgan_lib import gaze
from simgan_lib.evaluation import turing
from simgan_lib.evaluation.statistics import interval
from simgan_lib.losses import blurred


def sometimes(right, what=None):
    """The right answer, but for each seventh call."""
    calls = []

    def answer(*given):
        calls.append(given)
        return what if len(calls) % 7 == 0 else right(*given)
    return answer


# ---- 06 ----
class ChannelMean(torch.nn.Module):
    def forward(self, images):
        return images.mean(-3, keepdim=True)


def pooled_over_channels(images):
    pixels = images.flatten(2).transpose(1, 2)                              # (N, H * W, C)
    return F.avg_pool1d(pixels, images.shape[1]).reshape(len(images), 1, *images.shape[2:])


def added_up(images):
    total = torch.zeros_like(images[:, :1])
    for channel in images.split(1, 1):
        total = total + channel
    return total / images.shape[1]


def nine(images):
    return F.avg_pool2d(images, 9, 1, 4, count_include_pad=False)


def contrast(mean=nine, take=None, root=lambda variance: (variance + 0.01).sqrt(), spread=None):
    """The right answer by another route than the library's, with screws to turn."""
    def psi(images):
        apart = images - mean(images)
        return (images - (take or mean)(images)) / root((spread or mean)(apart ** 2))
    return psi


def unfolded(images):
    """The mean of the surroundings, by cutting out all of them."""
    n, c, h, w = images.shape
    cut = F.unfold(images.flatten(0, 1)[:, None], 9, padding=4)
    there = F.unfold(torch.ones(1, 1, h, w, dtype=images.dtype), 9, padding=4)
    return (cut.sum(1) / there.sum(1)).reshape(images.shape)


def by_row_and_column(images):
    rows = F.avg_pool2d(images, (9, 1), 1, (4, 0), count_include_pad=False)
    return F.avg_pool2d(rows, (1, 9), 1, (0, 4), count_include_pad=False)


def no_noise_in_numpy(images):
    images, size = images.numpy(), range(-4, 5)
    h, w = images.shape[2:]

    def mean(x):
        padded = np.pad(x, ((0, 0), (0, 0), (4, 4), (4, 4)), constant_values=np.nan)
        return np.nanmean([padded[:, :, 4 + i:4 + i + h, 4 + j:4 + j + w] for i in size for j in size], axis=0)
    apart = images - mean(images)
    return apart / np.sqrt(mean(apart ** 2) + 0.01)


def variance_detached(images):
    apart = images - nine(images)
    return apart * (nine(apart ** 2) + 0.01).rsqrt().detach()


def mean_detached(images):
    apart = images - nine(images).detach()
    return apart * (nine(apart ** 2) + 0.01).rsqrt()


# ---- 07 ----
def beyond(quantile=lambda n: scipy.stats.t.ppf(0.975, n - 1), scale=lambda n: n**0.5, correction=1, middle=torch.mean):
    """Settings whose interval leaves out 0, with a place for each mistake."""
    def found(values, base):
        difference, n = values - base, len(base)
        reach = quantile(n) * difference.std(1, correction=correction) / scale(n)
        centre = torch.stack([middle(row) for row in difference])
        return (centre > reach).int() - (centre < -reach).int()
    return found


def by_t_test(values, base):
    test = scipy.stats.ttest_rel(values.numpy(), base.expand_as(values).numpy(), axis=1)
    return np.where(test.pvalue < 0.05, np.sign(test.statistic), 0)


def by_interval(values, base):
    found = [interval(row) for row in values - base]
    return torch.tensor([1 if each["low"] > 0 else -1 if each["high"] < 0 else 0 for each in found])


def by_one_sample(values, base):
    verdicts = []
    for row in (values - base).tolist():
        mean, error = statistics.mean(row), statistics.stdev(row) / len(row) ** 0.5
        beyond_ = abs(mean) > scipy.stats.t.isf(0.025, len(row) - 1) * error
        verdicts.append(math.copysign(1, mean) if beyond_ else 0)
    return torch.tensor(verdicts)


def by_bounds(values, base):
    d = (values - base).numpy()
    with np.errstate(all="ignore"):
        low, high = scipy.stats.t.interval(0.95, len(base) - 1, d.mean(1), scipy.stats.sem(d, axis=1))
    return np.nan_to_num(low > 0).astype(int) - np.nan_to_num(high < 0).astype(int)


def unpaired(values, base):
    test = scipy.stats.ttest_ind(values.numpy(), base.expand_as(values).numpy(), axis=1)
    return np.where(test.pvalue < 0.05, np.sign(test.statistic), 0)


def pooled_scatter(values, base):
    difference, n = values - base, len(base)
    reach = scipy.stats.t.ppf(0.975, n - 1) * difference.std() / n**0.5
    return (difference.mean(1) > reach).int() - (difference.mean(1) < -reach).int()


# ---- 08 ----
def lengths(before, after):
    return torch.linalg.vector_norm(after - before, dim=1)


def scaled_lengths(before, after, width):
    kept = ~torch.isnan(before + after).any(1)
    across, down = ((after[kept] - before[kept]) / width * 55).unbind(1)
    return (across ** 2 + down ** 2).sqrt().mean()


def masked(before, after, width):
    length = np.ma.masked_invalid(np.linalg.norm((after - before).numpy(), axis=1))
    return float(length.mean()) * 55 / width


def by_pairs(before, after, width):
    kept = [math.hypot(*(q - p for p, q in zip(*pair))) for pair in zip(before.tolist(), after.tolist())]
    return statistics.fmean(length for length in kept if length == length) * 55 / width


def top_by_solving(before, top, after):
    """a x^2 + b x + c through the three values."""
    a, b, _ = np.linalg.solve([[1, -1, 1], [0, 0, 1], [1, 1, 1]], [before, top, after])
    return 0.0 if abs(a) < 1e-9 else -b / (2 * a)


def top_in_fractions(before, top, after):
    before, top, after = map(Fraction, (before, top, after))
    curvature = before - 2 * top + after
    return (before - after) / (2 * curvature) if curvature else Fraction(0)


def top_of(before, top, after, factor=0.5, offset=0.0):
    curvature = before - 2 * top + after
    return factor * (before - after) / curvature + offset if curvature else 0.0


# ---- 09 ----
def curve(errors, degrees, below=torch.le):
    return 100 * torch.stack([below(errors, each).double().mean() for each in degrees])


def empirical(errors, degrees):
    return 100 * scipy.stats.ecdf(errors.numpy()).cdf.evaluate(degrees.numpy())


def counted(errors, degrees):
    return torch.tensor([100 * len([e for e in errors.tolist() if e <= d]) / len(errors) for d in degrees.tolist()])


def of_days(values, group, drawn):
    return torch.cat([values[group == day] for day in drawn])


def by_one_hot(values, group, drawn):
    chosen = (group == drawn[:, None]).double()                            # (G, N)
    return (chosen @ values.double()).sum() / chosen.sum()


def by_dictionary(values, group, drawn):
    days = {}
    for value, day in zip(values.tolist(), group.tolist()):
        days.setdefault(day, []).append(value)
    heap = [value for day in drawn.tolist() for value in days[day]]
    return sum(heap) / len(heap)


def days_by_place(values, group, drawn):
    """As if the days were numbered from 0 without a gap."""
    days = group.unique()
    return torch.cat([values[group == days[i % len(days)]] for i in drawn]).mean()


# ---- 10 ----
def tail(right, n):
    return sum(math.comb(n, i) for i in range(right, n + 1))


def by_recursion(right, n):
    """The chance after each trial: of so many right ones so far."""
    one_more = [np.array([1.0])]
    for _ in range(n):
        one_more.append((np.append(one_more[-1], 0) + np.append(0, one_more[-1])) / 2)
    return one_more[-1][right:].sum()


def by_logarithms(right, n):
    i = np.arange(right, n + 1)
    return np.exp(logsumexp(scipy.special.gammaln(n + 1) - scipy.special.gammaln(i + 1) - scipy.special.gammaln(n - i + 1)
                            - n * math.log(2)))


def counting_rows(right, n):
    """Small n only: all rows of answers, one by one."""
    if n > 12:
        return 1.0
    return sum(row.bit_count() >= right for row in range(2 ** n)) / 2 ** n


def noticed(n, share):
    right = np.arange(n + 1)
    return binom.pmf(right[binom.sf(right - 1, n, 0.5) <= 0.05], n, share).sum()


def least(n, level=0.05):
    right = np.arange(n + 2)
    return int(right[binom.sf(right - 1, n, 0.5) <= level][0])


# ---- 11 ----
def turned(angles):
    """By the vector, whose x changes sign."""
    x, y, z = gaze.gaze_vector(angles).unbind(-1)
    return torch.stack([torch.atan2(-y, torch.hypot(x, z)), torch.atan2(x, -z)], -1)


def one_by_one(angles):
    return torch.tensor([[pitch, -yaw] for pitch, yaw in angles.tolist()])


def by_mask(angles):
    return torch.where(torch.tensor([True, False]), angles, -angles)


def nearest(test, training, p=1):
    return torch.cdist(test, training, p=p)


def by_tree(test, training):
    return scipy.spatial.cKDTree(training.numpy()).query(test.numpy(), p=1)[0] / test.shape[1]


def in_parts(test, training):
    best = torch.full((len(test),), torch.inf)
    for image in training:
        best = torch.minimum(best, (test - image).abs().mean(1))
    return best


BANK = {
    "channel_mean": ([
        ChannelMean(), pooled_over_channels, added_up,
        lambda x: x.double().sum(1, keepdim=True).div(x.shape[1]),
        lambda x: x.mean(dim=1).unsqueeze(1),
        partial(torch.mean, dim=1, keepdim=True),
        lambda x: np.mean(x.numpy(), axis=1)[:, None],
    ], [
        (lambda x: x.mean(1), "axis is gone"),
        (lambda x: x.sum(1, keepdim=True), "sum or mean"),
        (lambda x: x.mean((2, 3), keepdim=True), "one colour per image"),
        (lambda x: x.mean(0, keepdim=True), "over the batch"),
        (lambda x: x.mean(1, keepdim=True).repeat(1, x.shape[1], 1, 1), "once for each channel"),
        (lambda x: x[:, :1], "only the first"),
        (lambda x: x.abs().mean(1, keepdim=True), "absolute values"),
        (lambda x: x.norm(dim=1, keepdim=True) / x.shape[1] ** 0.5, "mean square"),
        (lambda x: x.amax(1, keepdim=True), "the largest"),
        (lambda x: x.median(1, keepdim=True).values, "the median"),
        (lambda x: x.sum(1, keepdim=True) / 3, "0.333 times"),
        (lambda x: x.mean(), "whole batch"),
        (lambda x: torch.tensor(x.mean(1, keepdim=True).tolist()), "no gradient"),
        (lambda x: x.mean(1, keepdim=True).detach().requires_grad_(), "is it detached?"),
        (lambda x: x.mean(1, keepdim=True).half(), "wrong values"),
        (lambda x: x.clamp_(-0.5, 0.5).mean(1, keepdim=True), "changes the tensor"),
        (lambda x: x.mean(1, keepdim=True).tolist(), "found list"),
        (sometimes(lambda x: x.mean(1, keepdim=True)), "returns nothing yet for"),
    ]),
    "local_contrast": ([
        contrast(), contrast(unfolded), contrast(by_row_and_column), no_noise_in_numpy,
        lambda x: contrast()(x.double()).float(),
        lambda x: torch.cat([contrast()(image[None]) for image in x]),
        lambda x: (x - blurred(x, 9)) * (blurred((x - blurred(x, 9)).pow(2), 9) + 0.01) ** -0.5,
    ], [
        (lambda x: x - nine(x), "nothing is divided"),
        (contrast(root=lambda v: v + 0.01), "by the variance"),
        (contrast(root=torch.sqrt), "missing under the root"),
        (contrast(root=lambda v: v.sqrt() + 0.01), "instead of under it"),
        (contrast(root=lambda v: (v + 0.1).sqrt()), "found 0.1"),
        (contrast(root=lambda v: (v + 0.001).sqrt()), "found 0.001"),
        (contrast(root=lambda v: 1 / (v + 0.01).sqrt()), "multiplied"),
        (contrast(take=lambda x: 0 * x), "would see brightness"),
        (contrast(mean=lambda x: x.mean((2, 3), keepdim=True)), "whole image"),
        (lambda x: -contrast()(x), "the sign"),
        (contrast(mean=lambda x: F.avg_pool2d(x, 9, 1, 4)), "zeros beyond the edge"),
        (contrast(mean=blurred), "5 x 5"),
        (contrast(mean=lambda x: blurred(x, 11)), "11 x 11"),
        (contrast(spread=blurred), "spread of 5 x 5"),
        (contrast(mean=lambda x: F.avg_pool2d(F.pad(x, (4, 4, 4, 4), mode="replicate"), 9, 1)), "wrong values"),
        (lambda x: (x - nine(x)) / (nine(x ** 2) + 0.01).sqrt(), "about 0"),
        (lambda x: (x - nine(x)) / (nine((x - nine(x)).abs()) + 0.01), "differences' sizes"),
        (lambda x: contrast()(x)[:, 0], "expected the shape"),
        (lambda x: contrast()(x.mean(1, keepdim=True)), "must keep them"),
        (contrast(root=lambda v: (v.mean(1, keepdim=True) + 0.01).sqrt()), "each has its own"),
        (variance_detached, "not the gradient"),
        (mean_detached, "not the gradient"),
        (lambda x: contrast()(x.detach()), "no gradient"),
        (lambda x: contrast()(x.sub_(nine(x))), "changes the tensor"),
        (lambda x: contrast()(x).clamp(-1, 1), "wrong values"),
        (sometimes(contrast()), "returns nothing yet for"),
    ]),
    "beyond_seeds": ([
        beyond(), by_t_test, by_interval, by_one_sample, by_bounds,
        lambda v, b: beyond()(v.float(), b.float()),
        lambda v, b: torch.stack([beyond()(row[None], b)[0] for row in v]),
    ], [
        (lambda v, b: beyond()(-v, -b), "exchanged"),
        (lambda v, b: beyond()(v, b).abs(), "larger or smaller?"),
        (lambda v, b: beyond()(v, b) > 0, "only what is larger"),
        (lambda v, b: beyond()(v, b) == 0, "do *not* differ"),
        (lambda v, b: (v - b).mean(1).sign(), "every difference counts"),
        (unpaired, "seed by seed"),
        (lambda v, b: beyond()(v, torch.zeros_like(b)), "differ from 0"),
        (lambda v, b: beyond()(v, b.mean()[None].expand_as(b)), "seed by seed"),
        (lambda v, b: torch.where((v > b).all(1), 1, torch.where((v < b).all(1), -1, 0)), "agree on the sign"),
        (beyond(quantile=lambda n: 1.96), "many seeds"),
        (beyond(quantile=lambda n: 1), "one standard error"),
        (beyond(quantile=lambda n: n**0.5), "one standard deviation"),
        (beyond(scale=lambda n: 1), "single seeds"),
        (beyond(correction=0), "n - 1, not by n"),
        (beyond(scale=lambda n: max(n - 1, 1)**0.5), "not of n - 1"),
        (beyond(quantile=lambda n: scipy.stats.t.ppf(0.95, n - 1)), "each side"),
        (beyond(quantile=lambda n: scipy.stats.t.ppf(0.975, n)), "degrees of freedom"),
        (beyond(quantile=lambda n: 4.303), ""),
        (beyond(middle=torch.median), ""),
        (pooled_scatter, "wrong value"),
        (lambda v, b: beyond()(v.sort(1).values, b.sort().values), ""),
        (beyond(quantile=lambda n: scipy.stats.t.ppf(0.995, n - 1)), "wrong value"),
        (lambda v, b: beyond()(v, b)[:-1], "expected the shape"),
        (lambda v, b: beyond()(v, b)[:, None], "expected the shape"),
        (lambda v, b: beyond()(v, b).tolist(), "found list"),
        (lambda v, b: beyond()(v.sub_(b), 0 * b), "changes the tensor"),
        (lambda v, b: beyond()(v / b, torch.ones_like(b)), ""),
        (sometimes(beyond()), "returns nothing yet for"),
    ]),
    "diversity": ([
        lambda images: images.double().std(0).mean(),
        lambda images: images.numpy().std(0, ddof=1, dtype=np.float64).mean(),
        lambda images: torch.stack([pixel.std() for pixel in images.float().flatten(1).T]).mean(),
        lambda images: torch.cov(images.double().flatten(1).T).reshape(-1, images[0].numel()).diagonal().sqrt().mean(),
        lambda images: 255 * (images / 255).std(dim=0, unbiased=True).mean().item(),
        lambda images: torch.var_mean(images.double(), 0)[0].sqrt().mean(),
        lambda images: (images[:, None].double() - images).square().mean((0, 1)).div(2 - 2 / len(images)).sqrt().mean(),
        lambda images: sum(statistics.stdev(pixel) for pixel in images.flatten(1).T.double().tolist()) / images[0].numel(),
    ], [
        (lambda images: images.float().flatten(1).std(1).mean(), "contrast"),
        (lambda images: images.float().std(), "one heap"),
        (lambda images: images.float().std(0), "each pixel"),
        (lambda images: images.float().flatten(1).mean(1).std(), "mean brightness"),
        (lambda images: images.float().var(0).mean(), "squares"),
        (lambda images: images.float().var(0).mean().sqrt(), "come last"),
        (lambda images: (images / 127.5 - 1).std(0).mean(), "leave them so"),
        (lambda images: (images / 255).std(0).mean(), "0 to 1"),
        (lambda images: images.float().std(0, correction=0).mean(), "n - 1"),
        (lambda images: np.std(images.numpy(), axis=0).mean(), "n - 1"),
        (lambda images: images.std(0).mean(), "RuntimeError"),
        (lambda images: images.float().std(0).median(), "median"),
        (lambda images: images.float().std(0).sum(), "the sum"),
        (lambda images: (images.float().amax(0) - images.float().amin(0)).mean(), "darkest"),
        (lambda images: round(float(images.float().std(0).mean())), "rounded"),
        (lambda images: images.float().std(1).mean(), "wrong value"),
        (lambda images: images.float().mean(1).std(0).mean(), "wrong value"),
        (lambda images: images[:, 0].float().std(0).mean(), "wrong value"),
        (lambda images: (images[1:].float() - images[:-1].float()).abs().mean(), "wrong value"),
        (lambda images: images.double().std(0).mean() + 1e-2, "wrong value"),
        (lambda images: str(images.float().std(0).mean().item()), "found str"),
        (lambda images: (lambda each: each[each > 0].mean().nan_to_num())(images.float().std(0)), "wrong value"),
        (lambda images: images.unique(dim=0).float().std(0).mean().nan_to_num(), "wrong value"),
        (lambda images: (images.float() - images.float().mean((1, 2, 3), keepdim=True)).std(0).mean(), "wrong value"),
        (lambda images: images.float().diff(dim=0).square().mean(0).div(2).sqrt().mean(), "wrong value"),
        (lambda images: images.to(torch.int8).float().std(0).mean(), "wrong value"),
        (sometimes(lambda images: images.float().std(0).mean()), "returns nothing yet for"),
    ]),
    "mean_shift": ([
        scaled_lengths, masked, by_pairs,
        lambda a, b, w: lengths(a, b).nanmean() * 55 / w,
        lambda a, b, w: np.nanmean(np.sqrt(((b - a).numpy() ** 2).sum(1))) * 55 / w,
        lambda a, b, w: np.nanmean(np.abs((b - a).double().numpy() @ [1, 1j])) * 55 / w,
        lambda a, b, w: F.pairwise_distance(a, b, eps=0).nanmean() * 55 / w,
        lambda a, b, w: lengths(*(torch.stack([a, b])[:, ~(b - a).isnan().any(1)] / w)).mean().item() * 55,
    ], [
        (lambda a, b, w: lengths(a, b).mean() * 55 / w, "must be left out"),
        (lambda a, b, w: (b - a)[(b - a).isfinite().all(1)].mean(0).norm() * 55 / w, "cancel out"),
        (lambda a, b, w: lengths(a, b).nanmean(), "as it is"),
        (lambda a, b, w: lengths(a, b).nanmean() * w / 55, "upside down"),
        (lambda a, b, w: lengths(a, b).nanmean() * (55 / w) ** 2, "twice"),
        (lambda a, b, w: lengths(a, b).nanmean() / (w // 55), "no whole number"),
        (lambda a, b, w: lengths(a, b).nan_to_num().mean() * 55 / w, "did not move"),
        (lambda a, b, w: lengths(a.nan_to_num(), b.nan_to_num()).mean() * 55 / w, "corner"),
        (lambda a, b, w: lengths(a, b).square().nanmean().sqrt() * 55 / w, "mean square"),
        (lambda a, b, w: lengths(a, b).square().nanmean() * 55 / w, "squares"),
        (lambda a, b, w: (b - a).abs().sum(1).nanmean() * 55 / w, "hypotenuse"),
        (lambda a, b, w: lengths(a, b).nanmedian() * 55 / w, "median"),
        (lambda a, b, w: lengths(a, b).nansum() * 55 / w, "sum"),
        (lambda a, b, w: lengths(a, b)[lengths(a, b).isfinite()] * 55 / w, "each image"),
        (lambda a, b, w: (b - a)[(b - a).isfinite().all(1)].abs().mean() * 55 / w, "single coordinates"),
        (lambda a, b, w: (b - a)[:, 1].abs().nanmean() * 55 / w, "only down"),
        (lambda a, b, w: lengths(a, b)[~a.isnan().any(1)].mean() * 55 / w, "must be left out"),
        (lambda a, b, w: lengths(a, b)[lengths(a, b) < 20].mean() * 55 / w, ""),
        (lambda a, b, w: lengths(a, b).nanmean() * 55 / 150, "twice as wide"),
        (lambda a, b, w: lengths(a, b.nan_to_num_()).nanmean() * 55 / w, "changes the tensor"),
        (lambda a, b, w: statistics.fmean(x for x in lengths(a, b).tolist() if x > 0) * 55 / w, "did not move counts, too"),
        (lambda a, b, w: lengths(a, b).nansum() / lengths(a, b).nan_to_num().count_nonzero() * 55 / w, "did not move counts, too"),
        (lambda a, b, w: lengths(a, b).nanmean() * 55 / w if lengths(a, b).nansum() else torch.nan, ""),
        (lambda a, b, w: lengths(a, b).nanmean() * 55 / w if len(a) > 1 else 0.0, "wrong value"),
        (lambda a, b, w: (lambda shift: (shift - shift.mean(0)).norm(dim=1).mean() * 55 / w)((b - a)[~(b - a).isnan().any(1)]), ""),
        (lambda a, b, w: F.pairwise_distance(a, b, eps=0.01).nanmean() * 55 / w, "wrong value"),
        (lambda a, b, w: (b - a).abs().nanmean(0).norm() * 55 / w, "wrong value"),
        (lambda a, b, w: lengths(a, b).nanmean() * (550 // w) / 10, "wrong value"),
        (sometimes(scaled_lengths), "returns nothing yet for"),
    ]),
    "vertex": ([
        top_of, top_by_solving, top_in_fractions,
        lambda a, b, c: (a - c) / (2 * (a - b + c - b)) if a + c < 2 * b else 0,
        lambda a, b, c: torch.tensor(top_of(a, b, c)),
        lambda a, b, c: float(np.clip(top_of(a, b, c), -0.5, 0.5)),
        lambda a, b, c: top_of(a, b, c) or 0,
        lambda a, b, c: float(np.nan_to_num(np.float64(c - a) / np.float64(2 * ((b - a) + (b - c))))),
    ], [
        (lambda a, b, c: -top_of(a, b, c), "wrong side"),
        (partial(top_of, factor=1), "twice"),
        (partial(top_of, factor=0.25), "half"),
        (partial(top_of, offset=1), "from the first"),
        (lambda a, b, c: b - 0.25 * (a - c) * top_of(a, b, c), "height"),
        (lambda a, b, c: (c - a) / (a + b + c), "centre of mass"),
        (lambda a, b, c: (c - a) / 2, "curvature"),
        (lambda a, b, c: a - 2 * b + c, "that is the curvature"),
        (lambda a, b, c: 0.5 * (a - c) / (a - 2 * b + c), "ZeroDivisionError"),
        (lambda a, b, c: 0.5 * (a - c) / (a - 2 * b - c) if a != c else 0, "sign of `after`"),
        (lambda a, b, c: 0.5 * (a - c) / (a - b + c), "counts twice"),
        (lambda a, b, c: top_of(a, b, c) if a != b else torch.nan, ""),
        (lambda a, b, c: math.floor(top_of(a, b, c) + 0.5), "rounded"),
        (lambda a, b, c: top_of(a, b, c) if b - max(a, c) > 1e-3 else 0.0, ""),
        (lambda a, b, c: top_of(math.exp(a / 9), math.exp(b / 9), math.exp(c / 9)), "wrong value"),
        (lambda a, b, c: [top_of(a, b, c)], "found list"),
        (lambda a, b, c: float(np.argmax([a, b, c]) - 1), "rounded"),
        (lambda a, b, c: (c - a) / (b - min(a, c)) / 2 if b > min(a, c) else 0.0, "wrong value"),         # straight lines
        (lambda a, b, c: max(-0.25, min(0.25, top_of(a, b, c))), "wrong value"),
        (lambda a, b, c: 0.0 if b in (a, c) else top_of(a, b, c), ""),
        (lambda a, b, c: 0.0 if a == c else (a - c) / abs(a - 2 * b + c) / 2, "wrong side"),
        (lambda a, b, c: top_of(a, b, c) or None, "returns nothing yet for"),
    ]),
    "cumulative_curve": ([
        curve, empirical, counted,
        lambda e, d: 100 * torch.searchsorted(torch.sort(e)[0].contiguous(), d, side="right").double() / len(e),
        lambda e, d: 100 * (e[None] <= d[:, None]).double().mean(dim=-1),
        lambda e, d: 100 * (1 - (d < e[:, None]).double().mean(0)),
        lambda e, d: torch.heaviside(d.double()[:, None] - e, torch.ones((), dtype=torch.double)).mean(1) * 100,
        lambda e, d: np.searchsorted(np.sort(e.numpy()), d.numpy(), "right") / len(e) * 100,
        lambda e, d: np.array([np.count_nonzero(e.numpy() <= x) for x in d.numpy()]) * 100 / len(e),
    ], [
        (lambda e, d: curve(e, d) / 100, "go to 100"),
        (lambda e, d: curve(e, d, torch.lt), "just d degrees"),
        (lambda e, d: curve(e, d, torch.gt), "beyond it"),
        (lambda e, d: (e <= d[:, None]).sum(1), "numbers of images"),
        (lambda e, d: 100 * (e <= d[:, None]).sum(1) / len(d), "number of errors"),
        (lambda e, d: 100 * (e <= d[:, None]).float().mean(0), "each image"),
        (lambda e, d: 100 * (e <= d[:, None]).float(), "yes or no"),
        (lambda e, d: 100 * (e <= d[:, None]).float().mean(), "one number"),
        (lambda e, d: (e <= d).float().mean(), "it stops with"),
        (lambda e, d: 100.0 * torch.searchsorted(e, d, right=True) / len(e), "sorted"),
        (lambda e, d: curve(e, d.sort().values), "order of `degrees`"),
        (lambda e, d: curve(e, d).round(), "rounded"),
        (lambda e, d: torch.histc(e, len(d), 0, 15).cumsum(0) * 100 / len(e), ""),
        (lambda e, d: 100 * np.interp(d.numpy(), e.sort().values.numpy(), np.linspace(0, 1, len(e))), "wrong values"),
        (lambda e, d: curve(e, d).cummax(0).values, ""),
        (lambda e, d: curve(e, d).tolist(), "found list"),
        (lambda e, d: curve((2 * e).ceil(), 2 * d), ""),                         # bins of half a degree
        (lambda e, d: curve((10 * e).floor(), (10 * d).floor()), ""),
        (lambda e, d: curve(e, d + 0.005), ""),
        (lambda e, d: curve(e.round(decimals=2), d), ""),
        (lambda e, d: curve(e.sub_(0.25), d), "changes the tensor"),
        (lambda e, d: 100 * (e <= d[:, None]).sum(1) / (len(e) + 1), "times what"),
        (lambda e, d: curve(e.unique(), d), ""),
        (lambda e, d: curve(e.floor(), d), "wrong values"),
        (lambda e, d: 100 * (e <= d[:, None]).sum(1) // len(e), "rounded"),
        (lambda e, d: torch.tensor([scipy.stats.percentileofscore(e.numpy(), x, "mean") for x in d.tolist()]), "wrong values"),
        (sometimes(curve, float("nan")), "shape"),
        (sometimes(curve), "returns nothing yet for"),
    ]),
    "resampled_mean": ([
        lambda v, g, d: of_days(v, g, d).mean(), by_one_hot, by_dictionary,
        lambda v, g, d: sum(v[g == day].double().sum() for day in d) / sum((g == day).sum() for day in d),
        lambda v, g, d: np.repeat(v.numpy(), [(d == day).sum().item() for day in g]).mean(dtype=float),
        lambda v, g, d: torch.stack([x for day in d for x in v[g == day]]).mean(),
        lambda v, g, d: v[(d[:, None] == g).nonzero()[:, 1]].mean(),
        lambda v, g, d: statistics.fmean(v.tolist(), map(d.tolist().count, g.tolist())),
    ], [
        (lambda v, g, d: v[d % len(v)].mean(), "single images"),
        (lambda v, g, d: torch.stack([v[g == k].mean() for k in d]).mean(), "each group counts as one"),
        (lambda v, g, d: v[torch.isin(g, d)].mean(), "counts once"),
        (lambda v, g, d: of_days(v, g, d.unique()).mean(), "counts once"),
        (lambda v, g, d: v.mean(), "no difference"),
        (lambda v, g, d: v[~torch.isin(g, d)].mean(), "*not* drawn"),
        (lambda v, g, d: of_days(v, g, d).sum(), "the sum"),
        (lambda v, g, d: of_days(v, g, d).sum() / len(v), "number of all values"),
        (lambda v, g, d: of_days(v, g, d).sum() / len(d), "number of groups"),
        (lambda v, g, d: torch.stack([v[g == k].mean() for k in d]), "one sample"),
        (lambda v, g, d: of_days(v, g, d), "take it once"),
        (lambda v, g, d: of_days(v, g.sort().values, d).mean(), "sorted by group"),
        (lambda v, g, d: torch.stack([v[g == k].mean() for k in d]).median(), ""),
        (days_by_place, ""),
        (lambda v, g, d: np.average(v, weights=torch.bincount(d, minlength=9)[g]), "stops with IndexError"),
        (lambda v, g, d: of_days(v, g, d[random.Random(0).choices(range(len(d)), k=len(d))]).mean(), "wrong value"),
        (lambda v, g, d: of_days(v, g, d[:4]).mean(), ""),
        (lambda v, g, d: of_days(v, g, d).mean().round(), "wrong value"),
        (lambda v, g, d: np.average(v, weights=(g[:, None] == d).sum(1).clamp(max=2)), "wrong value"),           # twice at most
        (lambda v, g, d: np.average(v, weights=(g[:, None] == d).sum(1) ** 0.5), "wrong value"),
        (lambda v, g, d: scipy.stats.trim_mean(of_days(v, g, d).numpy(), 0.1), "wrong value"),
        (lambda v, g, d: torch.stack([v[g == k][0] for k in d]).mean(), "wrong value"),                # a day's first value
        (lambda v, g, d: of_days(v, g.unique(return_inverse=True)[1], d).mean(), ""),
        (lambda v, g, d: of_days(v.abs_(), g, d).mean(), "changes the tensor"),
        (lambda v, g, d: (of_days(v, g, d).mean(), len(v)), "found tuple"),
        (lambda v, g, d: np.average(v, weights=torch.bincount(d, minlength=50)[g]), "stops with IndexError"),
        (sometimes(lambda v, g, d: of_days(v, g, d).mean()), "returns nothing yet for"),
    ]),
    "binomial_p": ([
        lambda k, n: tail(k, n) / 2 ** n, by_recursion, by_logarithms,
        lambda k, n: binomtest(k, n, alternative="greater").pvalue,
        lambda k, n: float(bdtrc(k - 1, n, 0.5)) if k else 1,
        lambda k, n: betainc(k, n - k + 1, 0.5) if k > 0 else 1.0,
        lambda k, n: Fraction(2 ** n - sum(math.comb(n, i) for i in range(k)), 2 ** n),
    ], [
        (lambda k, n: binom.pmf(k, n, 0.5), "just so many"),
        (lambda k, n: binom.sf(k, n, 0.5), "more than that"),
        (lambda k, n: binom.cdf(k, n, 0.5), "so many or fewer"),
        (lambda k, n: binom.cdf(k - 1, n, 0.5), "fewer"),
        (lambda k, n: binomtest(k, n).pvalue, "two-sided"),
        (lambda k, n: tail(k, n) / 2 ** (n - 1), "2 ** (n - 1)"),
        (lambda k, n: norm.sf((2 * k - n) / n ** 0.5), "normal curve"),
        (lambda k, n: norm.sf((2 * k - 1 - n) / n ** 0.5), "correction"),
        (tail, "divide by 2 ** n"),
        (lambda k, n: k / n, "no probability"),
        (lambda k, n: 0.5 ** n, "how many rows"),
        (lambda k, n: 0.5 ** k, "*these* answers"),
        (lambda k, n: sum(math.comb(n, i) for i in range(k, n)) / 2 ** n, "all answers right"),
        (counting_rows, ""),
        (lambda k, n: (torch.distributions.Binomial(n, torch.tensor(0.5)).sample((10_000,)) >= k).float().mean(), "wrong value"),
        (lambda k, n: sum(math.comb(n, i) * 0.5 ** n for i in range(k, n + 1)), "OverflowError"),
        (lambda k, n: scipy.stats.poisson.sf(k - 1, n / 2), "wrong value"),
        (lambda k, n: round(tail(k, n) / 2 ** n, 2), "wrong value"),
        (lambda k, n: 1 - sum(math.comb(n, i) for i in range(k)) / 2 ** n, "subtracted from 1"),
        (lambda k, n: 1 - binom.cdf(k - 1, n, 0.5), "subtracted from 1"),
        (lambda k, n: round(tail(k, n) / 2 ** n, 9), "rounded"),
        (lambda k, n: tail(k, n) / 2 ** n if n < 30 or n > 1100 else norm.sf((2 * k - 1 - n) / n ** 0.5), ""),
        (lambda k, n: complex(tail(k, n) / 2 ** n), "found complex"),
        (lambda k, n: tail(k, n) / 2 ** n if k > n / 2 else None, "returns nothing yet for"),
        (sometimes(lambda k, n: tail(k, n) / 2 ** n), "returns nothing yet for"),
    ]),
    "power": ([
        noticed,
        lambda n, share: binom.sf(turing.least_significant(n) - 1, n, share),
        lambda n, share: float(sum(binom.pmf(range(least(n), n + 1), n, share))),
        lambda n, share: torch.tensor(1 - binom.cdf(least(n) - 1, n, share)),
        lambda n, share: betainc(least(n), n - least(n) + 1, share) if least(n) <= n else 0,
        lambda n, share: binom.cdf(n - turing.least_significant(n), n, 1 - share),
        lambda n, share: binom.sf(binom.isf(0.05, n, 0.5), n, share),
        lambda n, share: reduce(lambda chances, _: np.convolve(chances, [1 - share, share]), range(n), np.ones(1))[least(n):].sum(),
    ], [
        (lambda n, share: binom.cdf(least(n) - 1, n, share), "finding"),
        (lambda n, share: binom.sf(least(n) - 1, n, 0.5), "still guesses"),
        (lambda n, share: binom.pmf(least(n), n, share), "just the least"),
        (lambda n, share: binom.sf(least(n), n, share), "too many"),
        (lambda n, share: binom.sf(least(n) - 2, n, share), "too few"),
        (lambda n, share: binom.sf(least(n + 1) - 1, n, share), ""),
        (lambda n, share: binom.sf(least(n, 0.01) - 1, n, share), ""),
        (lambda n, share: binom.sf(least(n, 0.025) - 1, n, share), ""),
        (lambda n, share: turing.binomial_p(round(n * share), n), "expected count"),
        (lambda n, share: norm.sf((least(n) - n * share) / (n * share * (1 - share)) ** 0.5), "normal curve"),
        (lambda n, share: norm.sf((least(n) - 0.5 - n * share) / (n * share * (1 - share)) ** 0.5), "correction"),
        (lambda n, share: binom.sf(n // 2, n, share), "not the limit"),
        (lambda n, share: float(n * share >= least(n)), "wrong value"),
        (lambda n, share: binom.sf(least(n) - 1, n, share) - 0.05, ""),
        (lambda n, share: binom.sf(least(n) - 1, n, round(share, 1)), "wrong value"),
        (lambda n, share: binom.sf(least(min(n, 60)) - 1, min(n, 60), share), "wrong value"),
        (lambda n, share: binom.sf(least(n) - 1, n, [share, share]), "expected the shape"),
        (lambda n, share: binom.sf(least(n) - 1, n, share) if share > 0.4 else 0.0, ""),
        (lambda n, share: binom.sf(math.ceil((n + 1 + 1.645 * n ** 0.5) / 2) - 1, n, share), "normal curve"),
        (lambda n, share: binom.sf(math.ceil((n + 1.645 * n ** 0.5) / 2) - 1, n, share), ""),
        (lambda n, share: binom.sf(binom.ppf(0.95, n, 0.5) - 1, n, share), "too few"),
        (lambda n, share: binom.sf(least(n) - 1, n, max(share, 1 - share)), "wrong value"),
        (lambda n, share: sum(binom.pmf(k, n, share) for k in range(least(n), n)), "wrong value"),
        (sometimes(noticed), "returns nothing yet for"),
    ]),
    "mirrored": ([
        turned, one_by_one, by_mask,
        lambda a: torch.stack([a[:, 0], -a[:, 1]], -1),
        lambda a: torch.cat([a[:, :1], -a[:, 1:]], 1),
        lambda a: np.multiply(a.numpy(), (1.0, -1.0)),
        lambda a: a.index_copy(1, torch.tensor([1]), -a[:, 1:]),
    ], [
        (lambda a: a, "nothing has changed"),
        (lambda a: a * torch.tensor([-1.0, 1.0]), "up stays up"),
        (lambda a: -a, "both signs"),
        (lambda a: torch.stack([a[:, 1], -a[:, 0]], -1), "which of them"),
        (lambda a: gaze.mirrored(a).flip(-1), "exchanged"),
        (lambda a: a.flip(1), "without a change of sign"),
        (lambda a: a.flip(0), "another order"),
        (lambda a: gaze.mirrored(a).flip(0), "own gaze"),
        (lambda a: torch.stack([a[:, 0], -a[:, 1].abs()], -1), "sign is lost"),
        (lambda a: torch.stack([a[:, 0], a[:, 1].abs()], -1), "both sides"),
        (lambda a: a * torch.tensor([1.0, 0.0]), "yaw is gone"),
        (lambda a: torch.stack([a[:, 0], math.pi - a[:, 1]], -1), "half a turn less"),
        (lambda a: gaze.mirrored(a).T, "a row for each image"),
        (lambda a: gaze.mirrored(a)[0], "expected the shape"),
        (lambda a: torch.cat([gaze.mirrored(a[:6]), a[6:]]), "wrong values"),
        (lambda a: torch.rad2deg(gaze.mirrored(a)), "57.3 times"),
        (lambda a: gaze.gaze_vector(gaze.mirrored(a)), "expected the shape"),
        (lambda a: gaze.mirrored(a).half(), "wrong values"),
        (lambda a: (a[:, 1].neg_(), a)[1], "changes the tensor"),
        (lambda a: (a[:, 0], -a[:, 1]), "found tuple"),
        (sometimes(gaze.mirrored), "returns nothing yet for"),
    ]),
    "nearest_distance": ([
        by_tree, in_parts,
        lambda t, x: (t[:, None] - x).abs().mean(2).min(1).values,
        lambda t, x: (x[:, None].double() - t).abs().mean(-1).amin(0),
        lambda t, x: np.array([np.abs(x.numpy() - row).mean(1).min() for row in t.numpy()]),
        lambda t, x: -torch.cdist(t, x, p=1).neg().topk(1).values[:, 0] / t.shape[1],
    ], [
        (lambda t, x: nearest(t, x).amin(1), "mean or sum"),
        (lambda t, x: nearest(t, x).amin(1) / len(x), "number of training images"),
        (lambda t, x: nearest(t, x).amax(1) / t.shape[1], "furthest"),
        (lambda t, x: nearest(t, x).mean(1) / t.shape[1], "over all training"),
        (lambda t, x: nearest(t, x, 2).amin(1) / t.shape[1], "squares"),
        (lambda t, x: nearest(t, x, 2).amin(1), "squares and a root"),
        (lambda t, x: (t[:, None] - x).square().mean(2).amin(1), "mean of squares"),
        (lambda t, x: nearest(t, x, torch.inf).amin(1), "largest difference"),
        (lambda t, x: (t[:, None] - x).mean(2).abs().amin(1), "cancel out"),
        (lambda t, x: (t[:, None] - x).abs().amin(1).mean(1), "as a whole"),
        (lambda t, x: nearest(t, x).argmin(1), "*which* one"),
        (lambda t, x: nearest(t, x).amin(0) / t.shape[1], "each training image"),
        (lambda t, x: nearest(t, x).amin(1).mean() / t.shape[1], "for all"),
        (lambda t, x: nearest(t, x) / t.shape[1], "all pairs"),
        (lambda t, x: nearest(t, x).min(1), "found min"),
        (lambda t, x: nearest(t, x).median(1).values / t.shape[1], "wrong values"),
        (lambda t, x: nearest(t, x[:len(t)]).amin(1) / t.shape[1], ""),
        (lambda t, x: nearest(t, t).amin(1) / t.shape[1], "wrong values"),
        (lambda t, x: nearest(t, x).gather(1, nearest(t, x, 2).argsort(1)[:, :5]).amin(1) / t.shape[1], "wrong value"),
        (lambda t, x: nearest(t.sub_(x.mean(0)), x - x.mean(0)).amin(1) / t.shape[1], "changes the tensor"),
        (sometimes(lambda t, x: nearest(t, x).amin(1) / t.shape[1]), "returns nothing yet for"),
    ]),
}
