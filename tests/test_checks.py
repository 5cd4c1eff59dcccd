"""Each check passes the right answer, calls the stub open, and names each of a bank of plausible mistakes."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from scipy.stats import binom, binomtest, norm
from torch.nn import functional as F

from simgan_lib import gaze, history, images, losses, networks
from simgan_lib.evaluation import artefacts, pupil, realism, turing
from simgan_lib.evaluation import statistics as seeds
from simgan_lib.teaching import checks, failures
from simgan_lib.teaching.checks import Open, Wrong, yours_or_ours


def whole(value):
    return value.flatten(1)


def patch_loss(logits, label):
    """The right answer by another route than the library's."""
    target = torch.full((len(logits), *logits.shape[2:]), label)
    return F.cross_entropy(logits, target, reduction="none").flatten(1).sum(1)


def span(quantile=lambda n: scipy.stats.t.ppf(0.975, n - 1), scale=lambda n: n**0.5, correction=1):
    """An interval of the mean difference, with a place for each mistake."""
    def found(values, base):
        difference, n = values - base, len(values)
        reach = quantile(n) * difference.std(correction=correction) / scale(n)
        return torch.stack([difference.mean() - reach, difference.mean() + reach])
    return found


def reshaped_loss(logits, label):
    rows = logits.reshape(-1, 2)
    return F.cross_entropy(rows, torch.full((len(rows),), label), reduction="none").reshape(len(logits), -1).sum(1)


def field_without_stride(layers):
    return 1 + sum(kernel - 1 for kernel, _ in layers)


def field_with_own_stride(layers):
    side, step = 1, 1
    for kernel, stride in layers:
        step *= stride
        side += (kernel - 1) * step
    return side


class Buffer(history.HistoryBuffer):
    """The library's buffer, for mistakes to be made in."""


class Dead(Buffer):
    def replace(self, images):
        np.append(np.empty((0, *images.shape[1:])), images.detach(), axis=0)


class Growing(Buffer):
    def replace(self, images):
        images = images.detach().clone()
        self.images = images if self.images is None else torch.cat([self.images, images])
        self.filled = len(self.images)


class Full(Buffer):
    def replace(self, images):
        super().replace(images[:self.capacity - self.filled])


class FirstPlaces(Buffer):
    def _places(self, n):
        return torch.arange(n)

    def sample(self, n):
        return self.images[torch.randperm(self.filled, generator=self.generator)[:n]]


class OldestSampled(Buffer):
    def sample(self, n):
        return self.images[:n].clone()


class DrawnTwice(Buffer):
    def sample(self, n):
        if n == self.filled:
            return super().sample(n)
        return self.images[torch.randint(self.filled, (n,), generator=self.generator)]


class PlacesDrawnTwice(Buffer):
    def replace(self, images):
        if self.filled < self.capacity:
            return super().replace(images)
        self.images[torch.randint(self.filled, (len(images),), generator=self.generator)] = images.detach()


class SinglePixels(Buffer):
    def replace(self, images):
        if self.filled < self.capacity:
            return super().replace(images)
        flat, new = self.images.flatten(), images.detach().flatten()
        flat[torch.randperm(len(flat), generator=self.generator)[:len(new)]] = new
        self.images = flat.reshape(self.images.shape)


class OverwritesEarly(Buffer):
    def replace(self, images):
        if self.filled:
            self.images[self._places(self.filled)[:len(images)]] = images.detach()
        else:
            super().replace(images)


class Views(Buffer):
    def replace(self, images):
        if self.images is None and len(images) == self.capacity:
            self.images, self.filled = images, len(images)
        else:
            super().replace(images)


class KeepsGraph(Buffer):
    def replace(self, images):
        if images.requires_grad:
            self.images = self.images.clone()
            self.images[self._places(self.filled)[:len(images)]] = images
        else:
            super().replace(images)


class UnsolvedBuffer(Buffer):
    def replace(self, images):
        return ...


def mixed(fresh, buffer, store=lambda fresh, batch: fresh[:len(fresh) // 2], half=2):
    """The right answer, with screws to turn."""
    part = len(fresh) // half
    enough = len(buffer) >= part
    batch = torch.cat([fresh[:len(fresh) - part], buffer.sample(part)]) if enough else fresh
    stored = store(fresh, batch)
    if len(stored):
        buffer.replace(stored)
    return batch


def stores_first(fresh, buffer):
    part = len(fresh) // 2
    small = len(buffer) < part
    buffer.replace(fresh[:part])
    return fresh if small else torch.cat([fresh[:len(fresh) - part], buffer.sample(part)])


def falsy(fresh, buffer):
    return mixed(fresh, buffer) if buffer else fresh


def no_way_to_start(fresh, buffer):
    part = len(fresh) // 2
    batch = torch.cat([fresh[:part], buffer.sample(part)])
    buffer.replace(fresh[:part])
    return batch


def even_only(fresh, buffer):
    part = len(fresh) // 2
    batch = torch.cat([fresh[:part], buffer.sample(part)]) if len(buffer) >= part else fresh
    buffer.replace(fresh[:part])
    return batch


def always_the_oldest(fresh, buffer):
    part = len(fresh) // 2
    batch = torch.cat([fresh[:len(fresh) - part], buffer.images[:part]]) if len(buffer) >= part else fresh
    if len(buffer) < part:
        buffer.replace(fresh[:part])
    else:
        buffer.images[-part:] = fresh[:part]
    return batch


def refine_loss(fool, stay):
    def loss(logits, refined, synthetic, weight):
        return fool(logits) + stay(refined, synthetic, weight)
    return loss


def wish(label):
    return lambda logits: losses.local_adversarial_loss(logits, label)


def near(refined, synthetic, weight):
    return weight * losses.self_regularization(refined, synthetic)


def lengths(before, after):
    return (after - before).norm(dim=1)


def top_of_parabola(before, top, after):
    """The right answer by another route than the library's."""
    a, b, _ = np.polyfit([-1, 0, 1], [before, top, after], 2)
    return 0.0 if abs(a) < 1e-12 else float(-b / (2 * a))


def contrast(mean=lambda x: F.avg_pool2d(x, 9, 1, 4, count_include_pad=False), take=None,
             root=lambda variance: (variance + 0.01).sqrt()):
    """The right answer by another route than the library's, with screws to turn."""
    def psi(x):
        apart = x - mean(x)
        return (x - (take or mean)(x)) / root(mean(apart ** 2))
    return psi


# check: (right answers, {wrong answer: words of the message that it must get})
BANK = {
    "to_float": ([images.to_float, lambda x: 2 * (x / 255) - 1], [
        (lambda x: x / 255, "tanh"),
        (lambda x: x.float(), "not scaled"),
        (lambda x: x / 255 - 0.5, "[-0.5, 0.5]"),
        (lambda x: x / 128 - 1, "256 or 255"),
        (lambda x: (x * 2 - 1), "wraps around"),
    ]),
    "gaze_vector": ([gaze.gaze_vector], [
        (lambda a: gaze.gaze_vector(a) * torch.tensor([1, -1, 1]), "y axis"),
        (lambda a: gaze.gaze_vector(a) * torch.tensor([-1, 1, 1]), "yaw"),
        (lambda a: gaze.gaze_vector(a) * torch.tensor([1, 1, -1]), "into the head"),
        (lambda a: -gaze.gaze_vector(a), "all three"),
        (lambda a: gaze.gaze_vector(a.flip(-1)), "exchanged"),
        (lambda a: gaze.gaze_vector(torch.deg2rad(a)), "radians already"),
        (lambda a: gaze.gaze_vector(a)[0], "shape"),
        (lambda a: 2 * gaze.gaze_vector(a), "2 times"),
    ]),
    "angular_error_deg": ([gaze.angular_error_deg], [
        (lambda a, b: torch.deg2rad(gaze.angular_error_deg(a, b)), "radians"),
        (lambda a, b: torch.rad2deg((a - b).norm(dim=-1)), "plane of pitch and yaw"),
        (lambda a, b: (gaze.gaze_vector(a) * gaze.gaze_vector(b)).sum(-1), "cosine"),
        (lambda a, b: (gaze.gaze_vector(a) - gaze.gaze_vector(b)).norm(dim=-1), "tips"),
        (lambda a, b: gaze.angular_error_deg(a, b).mean(), "each pair"),
    ]),
    "self_regularization": ([losses.self_regularization, lambda r, s: whole(r - s).norm(p=1, dim=1)], [
        (lambda r, s: whole(r - s).abs().mean(1), "mean or sum?"),
        (lambda r, s: (r - s).abs().sum(), "whole batch"),
        (lambda r, s: F.l1_loss(r, s), "whole batch, and a mean"),
        (lambda r, s: whole(r - s).square().sum(1), "squares"),
        (lambda r, s: whole(r - s).norm(dim=1), "root"),
        (lambda r, s: whole(r - s).sum(1), "cancel out"),
        (lambda r, s: whole(r - s).sum(1).abs(), "too late"),
        (lambda r, s: whole(r - s).abs(), "expected the shape (4,)"),
        (lambda r, s: whole(r.sub_(s)).abs().sum(1), "changes the tensor"),
        (lambda r, s: whole(r - s).abs().sum(1) / 0, "infinite"),
        (lambda r, s: whole(r - s).absolute_value(), "stops with AttributeError"),
    ]),
    "channel_mean": ([losses.channel_mean, lambda x: x.sum(1)[:, None] / 3], [
        (lambda x: x.mean(1), "axis is gone"),
        (lambda x: x.sum(1, keepdim=True), "sum or mean"),
        (lambda x: x.mean((2, 3), keepdim=True), "one colour per image"),
        (lambda x: x.mean(0, keepdim=True), "over the batch"),
    ]),
    "image_gradients": ([losses.image_gradients], [
        (lambda x: losses.image_gradients(x).flip(1), "exchanged"),
        (lambda x: losses.image_gradients(x).abs(), "which side"),
        (lambda x: -losses.image_gradients(x), "other way round"),
        (lambda x: losses.image_gradients(x)[:, :1], "only across"),
        (lambda x: losses.image_gradients(x)[:, 1:], "only down"),
        (lambda x: x[..., 1:] - x[..., :-1], "expected the shape"),
    ]),
    "local_adversarial_loss": ([losses.local_adversarial_loss, patch_loss], [
        (lambda z, y: patch_loss(z, y) / 20, "mean or sum"),
        (lambda z, y: patch_loss(z, y).sum(), "each image"),
        (lambda z, y: patch_loss(z, y).mean(), "training loop"),
        (lambda z, y: patch_loss(z, y).mean() / 20, "and a mean"),
        (lambda z, y: -torch.log_softmax(z, 1)[:, y], "each patch"),
        (lambda z, y: patch_loss(z, 1 - y), "labels are exchanged"),
        (failures.scrambled, "class axis"),
        (lambda z, y: -patch_loss(z, y), "sign"),
        (lambda z, y: -torch.log_softmax(z, 0)[:, y].sum((1, 2)), "wrong axis"),
        (lambda z, y: -z[:, y].sum((1, 2)), "logits"),
        (lambda z, y: patch_loss(z.softmax(1), y), "twice"),
        (lambda z, y: -z.softmax(1)[:, y].sum((1, 2)), "probabilities"),
        (lambda z, y: patch_loss(z, 1), "exchanged"),
        (lambda z, y: patch_loss(z.relu(), y), "wrong values"),
    ]),
    "receptive_field": ([networks.receptive_field], [
        (field_without_stride, "strides have no effect"),
        (lambda layers: sum(kernel for kernel, _ in layers), "counted already"),
        (field_with_own_stride, "behind it"),
        (lambda layers: networks.receptive_field(layers) - 1, "one too few"),
        (lambda layers: int(np.prod([stride for _, stride in layers])), "step between two outputs"),
        (lambda layers: networks.receptive_field(layers[::-1]), "wrong value"),
        (lambda layers: str(networks.receptive_field(layers)), "expected a tensor or a number, found str"),
    ]),
    "history_buffer": ([history.HistoryBuffer], [
        (failures.DeadBuffer, "stays empty"),
        (Growing, "beyond its capacity"),
        (Full, "nothing in any more"),
        (FirstPlaces, "whatever the generator says"),
        (OldestSampled, "some of the stored images"),
        (DrawnTwice, "one image twice"),
        (PlacesDrawnTwice, "places drawn twice"),
        (SinglePixels, "pixels of different images"),
        (OverwritesEarly, "free places filled first"),
        (Views, "copies"),
        (KeepsGraph, "detach"),
    ]),
    "mixed_batch": ([history.mixed_batch, mixed, lambda f, b: mixed(f, b).flip(0)], [
        (lambda f, b: f, "stays empty"),
        (falsy, "`if buffer:`"),
        (no_way_to_start, "stops with"),
        (lambda f, b: mixed(f, b, half=1, store=lambda f, b: f[:4]), "8 of 8"),
        (lambda f, b: mixed(f, b, half=4), "2 of 8"),
        (stores_first, "twice in the batch"),
        (lambda f, b: mixed(f, b, store=lambda f, b: f[:0] if b is not f else f[:4]), "never stored"),
        (lambda f, b: mixed(f, b, store=lambda f, b: b[-4:]), "never stored"),
        (lambda f, b: mixed(f, b, store=lambda f, b: b), "not the mixed batch"),
        (lambda f, b: mixed(f, b, store=lambda f, b: f), "8 fresh images of 8 are stored"),
        (always_the_oldest, "the same images are remembered"),
        (even_only, "6 images where 7 came in"),
        (lambda f, b: list(mixed(f, b)), "found list"),
        (lambda f, b: mixed(f, b)[:, 0], "batch of images"),
    ]),
    "chance_to_survive": ([history.chance_to_survive, lambda r, c, b: float((1 - (b // 2) / c) ** r)], [
        (lambda r, c, b: (1 - b / c) ** r, "only half"),
        (lambda r, c, b: 1 - (1 - b / 2 / c) ** r, "to be gone"),
        (lambda r, c, b: 1 - b / 2 / c, "one round"),
        (lambda r, c, b: b / 2 / c, "overwritten in one round"),
        (lambda r, c, b: max(0.0, 1 - r * b / 2 / c), "added up"),
        (lambda r, c, b: (b / 2 / c) ** r, "every single round"),
        (lambda r, c, b: (1 - 1 / c) ** (r * b / 2), "cannot strike twice"),
    ]),
    "refiner_loss": ([losses.refiner_loss, refine_loss(wish(0), near)], [
        (refine_loss(wish(1), near), "helps the discriminator"),
        (refine_loss(lambda z: -wish(1)(z), near), "vanishes"),
        (refine_loss(wish(0), lambda r, s, w: near(r, s, 1)), "weight is missing"),
        (lambda z, r, s, w: w * wish(0)(z) + near(r, s, 1), "wrong term"),
        (lambda z, r, s, w: near(r, s, w), "no adversarial term"),
        (lambda z, r, s, w: wish(0)(z), "no self-regularization"),
        (refine_loss(wish(0), lambda r, s, w: -near(r, s, w)), "check a sign"),
        (lambda *given: losses.refiner_loss(*given).mean(), "each image"),
        (lambda *given: losses.refiner_loss(*given).sum(), "and a sum"),
        (refine_loss(wish(0), lambda r, s, w: near(r, s, w) / 20), "mean or sum"),
    ]),
    "discriminator_loss": ([losses.discriminator_loss, lambda a, b: patch_loss(a, 1) + patch_loss(b, 0)], [
        (lambda a, b: wish(0)(a) + wish(1)(b), "exchanged"),
        (lambda a, b: wish(0)(a) + wish(0)(b), "the refiner's wish"),
        (lambda a, b: wish(1)(a) + wish(1)(b), "real images are to be called real"),
        (lambda a, b: wish(1)(a), "the real images are missing"),
        (lambda a, b: wish(0)(b), "the refined images are missing"),
        (lambda a, b: wish(1)(a) - wish(0)(b), "a minus"),
        (lambda a, b: (wish(1)(a) + wish(0)(b)) / 2, "half of it"),
        (lambda a, b: (wish(1)(a) + wish(0)(b)) / 6, "mean or sum?"),
        (lambda a, b: (wish(1)(a) + wish(0)(b)).mean(), "each pair"),
        (lambda a, b: (wish(1)(a) + wish(0)(b)).sum(), "and a sum"),
        (lambda a, b: failures.scrambled(a, 1) + failures.scrambled(b, 0), "right shape"),
    ]),
    "local_contrast": ([losses.local_contrast, contrast()], [
        (lambda x: x - losses.blurred(x, 9), "nothing is divided"),
        (contrast(root=lambda v: v + 0.01), "by the variance"),
        (contrast(root=torch.sqrt), "missing under the root"),
        (contrast(root=lambda v: v.sqrt() + 0.01), "instead of under it"),
        (contrast(take=lambda x: 0 * x), "would see brightness"),
        (contrast(mean=lambda x: x.mean((2, 3), keepdim=True)), "whole image"),
        (lambda x: -losses.local_contrast(x), "the sign"),
        (contrast(mean=lambda x: F.avg_pool2d(x, 9, 1, 4)), "zeros beyond the edge"),
        (contrast(mean=losses.blurred), "5 x 5"),
        (lambda x: (x - losses.blurred(x, 9)) / (losses.blurred(x ** 2, 9) + 0.01).sqrt(), "about 0"),
        (lambda x: losses.local_contrast(x)[:, 0], "expected the shape"),
        (lambda x: losses.local_contrast(x.mean(1, keepdim=True)), "must keep them"),
        (contrast(root=lambda v: (v.mean(1, keepdim=True) + 0.01).sqrt()), "each has its own"),
    ]),
    "mean_shift": ([pupil.mean_shift, lambda a, b, w: lengths(a, b).nanmean() * 55 / w], [
        (lambda a, b, w: lengths(a, b).mean() * 55 / w, "must be left out"),
        (lambda a, b, w: (b - a)[(b - a).isfinite().all(1)].mean(0).norm() * 55 / w, "cancel out"),
        (lambda a, b, w: lengths(a, b).nanmean(), "as it is"),
        (lambda a, b, w: lengths(a, b).nanmean() * w / 55, "upside down"),
        (lambda a, b, w: lengths(a, b).nan_to_num().mean() * 55 / w, "did not move"),
        (lambda a, b, w: lengths(a, b).square().nanmean().sqrt() * 55 / w, "mean square"),
        (lambda a, b, w: (b - a).abs().sum(1).nanmean() * 55 / w, "hypotenuse"),
        (lambda a, b, w: lengths(a, b).nanmedian() * 55 / w, "median"),
        (lambda a, b, w: lengths(a, b).nansum() * 55 / w, "sum"),
        (lambda a, b, w: lengths(a, b)[lengths(a, b).isfinite()] * 55 / w, "each image"),
        (lambda a, b, w: (b - a)[(b - a).isfinite().all(1)].abs().mean() * 55 / w, "single coordinates"),
    ]),
    "vertex": ([pupil.vertex, top_of_parabola], [
        (lambda a, b, c: -pupil.vertex(a, b, c), "wrong side"),
        (lambda a, b, c: 2 * pupil.vertex(a, b, c), "twice"),
        (lambda a, b, c: pupil.vertex(a, b, c) / 2, "half"),
        (lambda a, b, c: 1 + pupil.vertex(a, b, c), "from the first"),
        (lambda a, b, c: b - 0.25 * (a - c) * pupil.vertex(a, b, c), "height"),
        (lambda a, b, c: (c - a) / (a + b + c), "centre of mass"),
        (lambda a, b, c: (c - a) / 2, "curvature"),
        (lambda a, b, c: 0.5 * (a - c) / (a - 2 * b + c), "ZeroDivisionError"),
        (lambda a, b, c: pupil.vertex(a, b, c) if a != c else torch.nan, "three equal values"),
    ]),
    "binomial_p": ([turing.binomial_p, lambda k, n: sum(math.comb(n, i) for i in range(k, n + 1)) / 2 ** n], [
        (lambda k, n: binom.pmf(k, n, 0.5), "just so many"),
        (lambda k, n: binom.sf(k, n, 0.5), "more than that"),
        (lambda k, n: binom.cdf(k, n, 0.5), "so many or fewer"),
        (lambda k, n: binom.cdf(k - 1, n, 0.5), "fewer"),
        (lambda k, n: binomtest(k, n).pvalue, "two-sided"),
        (lambda k, n: norm.sf((2 * k - n) / n ** 0.5), "normal curve"),
        (lambda k, n: norm.sf((2 * k - 1 - n) / n ** 0.5), "correction"),
        (lambda k, n: sum(math.comb(n, i) for i in range(k, n + 1)), "divide by 2 ** n"),
        (lambda k, n: k / n, "no probability"),
        (lambda k, n: 2 * turing.binomial_p(k, n) if k == 7 else turing.binomial_p(k, n), "two-sided"),
    ]),
    "power": ([turing.power, lambda n, share: float(sum(binom.pmf(range(turing.least_significant(n), n + 1), n, share)))], [
        (lambda n, share: 1 - turing.power(n, share), "finding"),
        (lambda n, share: turing.power(n, 0.5), "still guesses"),
        (lambda n, share: binom.pmf(turing.least_significant(n), n, share), "just the least"),
        (lambda n, share: binom.sf(turing.least_significant(n), n, share), "too many"),
        (lambda n, share: binom.sf(turing.least_significant(n) - 2, n, share), "too few"),
        (lambda n, share: turing.binomial_p(round(n * share), n), "expected count"),
    ]),
    "paired_interval": ([seeds.paired_interval, span(), lambda a, b: torch.tensor(
        scipy.stats.ttest_rel(a.numpy(), b.numpy()).confidence_interval())], [
        (lambda a, b: span()(b, a), "other way round"),
        (span(quantile=lambda n: 1.96), "many seeds"),
        (span(scale=lambda n: 1), "single seeds"),
        (span(correction=0), "n - 1, not by n"),
        (span(quantile=lambda n: scipy.stats.t.ppf(0.95, n - 1)), "each side"),
        (span(quantile=lambda n: scipy.stats.t.ppf(0.975, n)), "degrees of freedom"),
        (lambda a, b: (a - b).mean() + torch.tensor([-1, 1]) * scipy.stats.t.ppf(0.975, len(a) - 1)
            * ((a.var() + b.var()) / len(a)).sqrt(), "seed by seed"),
        (lambda a, b: span()(a, torch.zeros_like(a)), "not of their difference"),
        (lambda a, b: span()(a, b).flip(0), "after low"),
        (lambda a, b: span()(a, b)[1], "expected the shape"),
    ]),
    "diversity": ([artefacts.diversity, lambda images: images.double().std(0).mean()], [
        (lambda images: images.float().flatten(1).std(1).mean(), "contrast"),
        (lambda images: images.float().std(), "one heap"),
        (lambda images: images.float().std(0), "each pixel"),
        (lambda images: images.float().var(0).mean(), "squares"),
        (lambda images: images.float().var(0).mean().sqrt(), "come last"),
        (lambda images: (images / 127.5 - 1).std(0).mean(), "leave them so"),
        (lambda images: images.float().std(0, correction=0).mean(), "n - 1"),
        (lambda images: images.std(0).mean(), "RuntimeError"),
    ]),
    "cumulative_curve": ([seeds.cumulative_curve,
                          lambda e, d: 100 * (e <= d[:, None]).float().mean(1)], [
        (lambda e, d: (e <= d[:, None]).float().mean(1), "go to 100"),
        (lambda e, d: 100 * (e < d[:, None]).float().mean(1), "just d degrees"),
        (lambda e, d: 100 * (e > d[:, None]).float().mean(1), "beyond it"),
        (lambda e, d: (e <= d[:, None]).sum(1), "numbers of images"),
        (lambda e, d: 100 * (e <= d[:, None]).float().mean(0), "each image"),
        (lambda e, d: 100 * (e <= d[:, None]).float(), "yes or no"),
        (lambda e, d: 100 * (e <= d[:, None]).float().mean(), "one number"),
        (lambda e, d: (e <= d).float().mean(), "it stops with"),
    ]),
    "resampled_mean": ([seeds.resampled_mean,
                        lambda v, g, d: torch.cat([v[g == k] for k in d]).mean()], [
        (lambda v, g, d: v[d].mean(), "single images"),
        (lambda v, g, d: torch.stack([v[g == k].mean() for k in d]).mean(), "each group counts as one"),
        (lambda v, g, d: v[torch.isin(g, d)].mean(), "counts once"),
        (lambda v, g, d: v.mean(), "no difference"),
        (lambda v, g, d: torch.cat([v[g == k] for k in d]).sum(), "the sum"),
        (lambda v, g, d: torch.stack([v[g == k].mean() for k in d]), "one sample"),
    ]),
    "mirrored": ([gaze.mirrored, lambda a: torch.stack([a[:, 0], -a[:, 1]], -1)], [
        (lambda a: a, "nothing has changed"),
        (lambda a: a * torch.tensor([-1.0, 1.0]), "up stays up"),
        (lambda a: -a, "both signs"),
        (lambda a: torch.stack([a[:, 1], -a[:, 0]], -1), "first"),
        (lambda a: gaze.mirrored(a).flip(-1), "exchanged"),
        (lambda a: torch.stack([a[:, 0], -a[:, 1].abs()], -1), "sign is lost"),
    ]),
    "nearest_distance": ([realism.nearest_distance, lambda t, x: (t[:, None] - x).abs().mean(2).min(1).values], [
        (lambda t, x: torch.cdist(t, x, p=1).amin(1), "mean or sum"),
        (lambda t, x: (t[:, None] - x).abs().mean(2).amax(1), "furthest"),
        (lambda t, x: (t[:, None] - x).abs().mean((1, 2)), "over all training"),
        (lambda t, x: torch.cdist(t, x).amin(1) / t.shape[1], "squares"),
        (lambda t, x: (t[:, None] - x).abs().amin(1).mean(1), "as a whole"),
        (lambda t, x: (t[:, None] - x).abs().mean(2).amin(0), "each training image"),
        (lambda t, x: (t[:, None] - x).abs().mean(2).amin(1).mean(), "for all"),
        (lambda t, x: (t[:, None] - x).abs().mean(2), "all pairs"),
    ]),
}
RIGHT = [(name, right) for name, (rights, _) in BANK.items() for right in rights]
WRONG = [(name, *wrong) for name, (_, wrongs) in BANK.items() for wrong in wrongs]
FUNCTIONS = sorted(set(BANK) - {"history_buffer"})


@pytest.mark.parametrize("name, right", RIGHT)
def test_a_right_answer_passes(name, right):
    getattr(checks, name)(right)


@pytest.mark.parametrize("name, wrong, words", WRONG)
def test_a_wrong_answer_gets_the_name_of_its_mistake(name, wrong, words):
    with pytest.raises(Wrong) as caught:
        getattr(checks, name)(wrong)
    assert words in str(caught.value)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("nothing", [None, ..., NotImplemented])
def test_a_stub_that_returns_nothing_is_open(name, nothing):
    with pytest.raises(Open):
        getattr(checks, name)(lambda *given: nothing)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_stub_that_raises_or_goes_on_with_its_dots_is_open(name):
    def raises(*given):
        raise NotImplementedError

    def goes_on(*given):
        return 1 + ...

    for stub in (raises, goes_on):
        with pytest.raises(Open):
            getattr(checks, name)(stub)


def test_a_class_with_an_unwritten_method_is_open():
    with pytest.raises(Open):
        checks.history_buffer(UnsolvedBuffer)


class Agreeable:
    """Equal to everything, close to everything."""

    shape = torch.Size([4])

    def __eq__(self, other):
        return True

    def __sub__(self, other):
        return 0


class AgreeableTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True if function is torch.allclose else super().__torch_function__(function, types, args, kwargs or {})

    def detach(self):
        return self

    def __eq__(self, other):
        return True


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("trick", [Agreeable(), torch.zeros(4).as_subclass(AgreeableTensor), "", [], float("nan")])
def test_an_object_that_equals_everything_proves_nothing(name, trick):
    with pytest.raises(Wrong):
        getattr(checks, name)(lambda *given: trick)


def test_yours_if_right_ours_if_open_and_a_stop_if_wrong(capsys):
    def mine(refined, synthetic):
        return whole(refined - synthetic).abs().sum(1)

    def wrong(refined, synthetic):
        return whole(refined - synthetic).abs().mean(1)

    ours, check = losses.self_regularization, checks.self_regularization

    assert yours_or_ours(mine, check, ours) is mine
    assert "Right" in capsys.readouterr().out
    assert yours_or_ours(lambda *given: ..., check, ours) is ours
    assert "open" in capsys.readouterr().out
    with pytest.raises(Wrong, match="mean or sum"):
        yours_or_ours(wrong, check, ours)


def test_notebooks_show_a_mistake_as_one_line():
    assert Wrong("mean or sum?")._render_traceback_() == ["Not yet right: mean or sum?"]


def test_checks_leave_the_global_random_state_alone():
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    for name, right in RIGHT:
        getattr(checks, name)(right)

    assert torch.equal(before, torch.random.get_rng_state())
