"""One check for each exercise: used in notebooks, in tests and in grading.

A check takes an answer (a function or a class), tries it, and returns if it is right.  It raises `Wrong` with one
sentence that names the likely mistake without showing the answer, and `Open` if there is no answer yet.
Nothing that an answer returns is compared before it has been turned into plain numbers: an object that claims to equal
everything proves nothing.
"""

import numpy as np
import torch
import torch.nn.functional as F
from scipy.stats import binom, norm

from . import gaze, history, losses, networks
from .evaluation import artefacts, pupil, realism, seeds, turing
from .evaluation import gaze as measuring
from .forgetting import chance_to_survive as library_chance_to_survive
from .images import to_float as library_to_float

TOLERANCE = 1e-4          # relative; absolute for values below 1


class Open(Exception):
    """The exercise has not been answered yet."""


class Wrong(AssertionError):
    """The answer is wrong; the text names the likely mistake.  Notebooks show the text alone, without a traceback."""

    def _render_traceback_(self):
        return [f"Not yet right: {self}"]


def yours_or_ours(mine, check, ours):
    """The learner's answer if it is right, ours if there is none yet.  A wrong one stops: raises `Wrong`.

    So an unsolved notebook runs to its end, and a solved one goes on with what the learner wrote.
    """
    try:
        check(mine)
    except Open as reason:
        print(f"Still open ({reason}): the notebook goes on with the library's {ours.__name__}.")
        return ours
    print(f"Right! The notebook goes on with your {mine.__name__}.")
    return mine


# ---- What checks are made of -----------------------------------------------------------------------------------------

def answer(mine, *arguments):
    """What `mine` returns for copies of the arguments.

    Raises Open if that is nothing, `...` or NotImplemented; Wrong if it fails or changes a tensor that it was given.
    """
    copies = [value.clone() if isinstance(value, torch.Tensor) else value for value in arguments]
    returned = attempt(mine, *copies)
    if returned is None or returned is ... or returned is NotImplemented:
        raise Open(f"{mine.__name__} returns nothing yet")
    for given, copy in zip(arguments, copies):
        if isinstance(given, torch.Tensor) and not (given.shape == copy.shape and given.allclose(copy, 0, 0, equal_nan=True)):
            raise Wrong(f"{mine.__name__} changes the tensor that it is given; return a new one")
    return returned


def attempt(action, *arguments):
    """Call `action`.  Raises Open where a `...` of the stub is in the way, Wrong for any other failure."""
    try:
        return action(*arguments)
    except NotImplementedError as error:
        raise Open("not implemented yet") from error
    except (Open, Wrong):
        raise
    except Exception as error:
        if "ellipsis" in str(error).lower():
            raise Open("a ... is still in it") from error
        raise Wrong(f"it stops with {type(error).__name__}: {error}") from error


def plain(value):
    """Numbers as a float64 tensor on the CPU, of torch's own class.  Wrong for what is no number, tensor or array."""
    if isinstance(value, torch.Tensor):
        with torch._C.DisableTorchFunctionSubclass():  # a subclass may answer as it likes
            value = torch.Tensor.as_subclass(torch.Tensor.detach(value), torch.Tensor)
    elif isinstance(value, (np.ndarray, np.generic)):
        value = torch.from_numpy(np.array(value, dtype=np.float64))
    elif isinstance(value, (bool, int, float)):
        value = torch.tensor(float(value))
    else:
        raise Wrong(f"expected a tensor or a number, found {type(value).__name__}")
    return value.to("cpu", torch.float64)


def same(value, other):
    """Of one shape, and equal but for rounding."""
    return value.shape == other.shape and torch.allclose(value, other, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)


def expect(value, right, mistakes):
    """Compare a returned value with the right one.  mistakes: {sentence: the value that this mistake gives}.

    Raises Wrong with the sentence that fits, else with what can be said in general.
    """
    value, right = plain(value), plain(right)
    if same(value, right):
        return
    for sentence, wrong in mistakes.items():
        if same(value, plain(wrong)):
            raise Wrong(sentence)
    if value.shape != right.shape:
        raise Wrong(f"expected the shape {tuple(right.shape)}, found {tuple(value.shape)}")
    if not value.isfinite().all():
        raise Wrong("right shape, but some values are infinite or not a number")
    factor = (value / right)[right.abs() > 1e-6]
    if len(factor) > 1 and factor.std() < 1e-3 * factor.mean().abs():
        raise Wrong(f"right shape, but all values are {factor.mean():.3g} times what they should be")
    raise Wrong("right shape, wrong values")


def drawn(*shape, seed=0):
    """Numbers for trying an answer, in [-1, 1] with a gap around 0, so that no sign is in doubt."""
    values = torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 1.8 - 0.9
    return values + 0.1 * values.sign()


# ---- Notebook 01: simulator and domain gap ---------------------------------------------------------------------------

def to_float(mine):
    """uint8 images to float in [-1, 1]."""
    images = torch.randint(256, (3, 1, 4, 5), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    images[0, 0, 0, :2] = torch.tensor([0, 255], dtype=torch.uint8)
    expect(answer(mine, images), library_to_float(images), {
        "the values lie in [0, 1]; a tanh reaches from -1 to 1": images / 255,
        "the values are not scaled: type is not range": images,
        "the values lie in [-0.5, 0.5]: as wide as what?": images / 255 - 0.5,
        "256 or 255: which value must become exactly 1?": images / 128 - 1,
        "uint8 arithmetic wraps around: convert first": images * 2 - 1,
    })


def gaze_vector(mine):
    """(pitch, yaw) to unit vectors."""
    angles = drawn(6, 2)
    right = gaze.gaze_vector(angles)
    degrees = gaze.gaze_vector(torch.deg2rad(angles))
    expect(answer(mine, angles), right, {
        "pitch: the image's y axis points down": right * torch.tensor([1, -1, 1]),
        "yaw: positive is to the image's left": right * torch.tensor([-1, 1, 1]),
        "the gaze goes into the head: which way does z point?": right * torch.tensor([1, 1, -1]),
        "all three signs are reversed": -right,
        "pitch and yaw are exchanged": gaze.gaze_vector(angles.flip(-1)),
        "the angles are radians already": degrees,
    })


def angular_error_deg(mine):
    """The angle between two gaze directions, in degrees."""
    ours, truth = 0.5 * drawn(8, 2), 0.5 * drawn(8, 2, seed=1)
    right = gaze.angular_error_deg(ours, truth)
    a, b = gaze.gaze_vector(ours), gaze.gaze_vector(truth)
    expect(answer(mine, ours, truth), right, {
        "right angle, wrong unit: radians": torch.deg2rad(right),
        "that is the distance in the plane of pitch and yaw, not the angle between the directions":
            torch.rad2deg((ours - truth).norm(dim=-1)),
        "that is the cosine of the angle": (a * b).sum(-1),
        "that is the distance of the vectors' tips": (a - b).norm(dim=-1),
        "one number for all: give one for each pair": right.mean(),
    })


# ---- Notebook 02: refiner and self-regularization --------------------------------------------------------------------

def self_regularization(mine):
    """The L1 distance of refined and synthetic, one number an image."""
    refined, synthetic = drawn(4, 1, 5, 6), drawn(4, 1, 5, 6, seed=1)
    distance = (refined - synthetic).flatten(1)
    expect(answer(mine, refined, synthetic), losses.self_regularization(refined, synthetic), {
        "right shape, wrong value: mean or sum?": distance.abs().mean(1),
        "one number for the whole batch: give one for each image": distance.abs().sum(),
        "one number for the whole batch, and a mean": distance.abs().mean(),
        "squares: that is the L2 norm": distance.square().sum(1),
        "squares and a root: that is the L2 norm": distance.norm(dim=1),
        "pixels that became brighter and pixels that became darker cancel out": distance.sum(1),
        "the absolute value comes too late: the differences have already cancelled out": distance.sum(1).abs(),
    })


def channel_mean(mine):
    """The mean of the colour channels, which keeps its axis."""
    images = drawn(3, 3, 4, 5)
    expect(answer(mine, images), losses.channel_mean(images), {
        "the channel axis is gone: keep it, with length 1": images.mean(1),
        "sum or mean of the channels?": images.sum(1, keepdim=True),
        "that is one colour per image: average over channels only": images.mean((2, 3), keepdim=True),
        "that is the mean over the batch": images.mean(0, keepdim=True),
    })


def image_gradients(mine):
    """Differences of neighbouring pixels, across and down, of the images' size."""
    images = drawn(3, 1, 4, 5)
    right = losses.image_gradients(images)
    expect(answer(mine, images), right, {
        "across and down are exchanged": right.flip(1),
        "absolute values forget which side of an edge is bright": right.abs(),
        "left minus right, above minus below: the other way round": -right,
        "only across": right[:, :1],
        "only down": right[:, 1:],
    })


# ---- Notebook 03: local adversarial loss -----------------------------------------------------------------------------

def local_adversarial_loss(mine):
    """Cross-entropy of each patch, summed over the patch map."""
    logits = 3 * drawn(3, 2, 4, 5)
    for label in (losses.REAL, losses.REFINED):
        right = losses.local_adversarial_loss(logits, label)
        patches = -torch.log_softmax(logits, 1)[:, label]
        pixels = -torch.log_softmax(logits.reshape(-1, 2), 1)[:, label].reshape(3, -1).sum(1)
        expect(answer(mine, logits, label), right, {
            "right shape, wrong value: mean or sum over the patches?": patches.mean((1, 2)),
            "one number for the whole batch: give one for each image": patches.sum(),
            "one number for the whole batch, and a mean: where did the patches and the images go?": patches.mean(),
            "the mean over images belongs to the training loop: give one number for each image": right.mean(),
            "one number for each patch: sum them, image by image": patches,
            "the labels are exchanged: which class is real?": losses.local_adversarial_loss(logits, 1 - label),
            "a reshape without moving the class axis: neighbouring pixels have become classes": pixels,
            "the sign: a loss is small when the verdict is right": -right,
            "softmax over the wrong axis": -torch.log_softmax(logits, 0)[:, label].sum((1, 2)),
            "log softmax is not taken: those are the logits": -logits[:, label].sum((1, 2)),
            "softmax taken twice": -torch.log_softmax(logits.softmax(1), 1)[:, label].sum((1, 2)),
            "probabilities are summed, not their logarithms": -logits.softmax(1)[:, label].sum((1, 2)),
        })


def receptive_field(mine):
    """Side of what one output sees, from (kernel, stride) of each layer."""
    gaze_discriminator = [(3, 2), (3, 2), (3, 1), (3, 1), (1, 1), (1, 1)]
    for layers in ([(3, 1)], [(3, 1), (3, 1)], [(7, 4), (5, 2)], [(3, 2), (3, 1)], gaze_discriminator):
        sides, steps = [kernel for kernel, _ in layers], [stride for _, stride in layers]
        late = 1 + sum((side - 1) * int(np.prod(steps[:i + 1])) for i, side in enumerate(sides))
        expect(answer(mine, layers), networks.receptive_field(layers), {
            "the strides have no effect: a layer behind a stride steps over several input pixels":
                1 + sum(sides) - len(sides),
            "each layer adds its kernel: but one of its pixels has been counted already": sum(sides),
            "a layer's stride counts for the layers behind it, not for itself": late,
            "one too few: a single pixel is a field of 1": networks.receptive_field(layers) - 1,
            "that is the step between two outputs, not what one of them sees": int(np.prod(steps)),
        })


# ---- Notebook 04: history buffer -------------------------------------------------------------------------------------

def marked(first, last):
    """Images (n, 1, 2, 2) that can be told apart: all pixels of image k are k."""
    return torch.arange(first, last).float()[:, None, None, None].expand(-1, 1, 2, 2).clone()


def marks(images):
    """Which images these are, sorted.  Raises Wrong if one is none of those that were given."""
    pixels = plain(images).flatten(1)
    if not (pixels == pixels[:, :1]).all():
        raise Wrong("pixels of different images are mixed: whole images are stored and overwritten, not pixels")
    return sorted(int(value) for value in pixels[:, 0])


def history_buffer(mine):
    """A class with the constructor, length, `sample` and `replace` of the library's HistoryBuffer."""
    kept = [_filled(mine, seed) for seed in range(6)]
    if all(old == kept[0] for old in kept):
        raise Wrong("the same places are overwritten whatever the generator says: draw them at random")
    buffer = mine(8, torch.Generator().manual_seed(0))
    images = marked(1, 9)
    attempt(buffer.replace, images)
    draws = [marks(attempt(buffer.sample, 2)) for _ in range(20)]
    if any(a == b for a, b in draws):
        raise Wrong("sample draws one image twice: draw different ones")
    if len({mark for pair in draws for mark in pair}) < 8:
        raise Wrong("sample never returns some of the stored images: draw from all of them, at random")
    images.zero_()
    attempt(buffer.sample, 8).zero_()
    if marks(attempt(buffer.sample, 8)) != list(range(1, 9)):
        raise Wrong("what is stored changes when the caller's tensors change: store and return copies")
    attempt(buffer.replace, marked(1, 5).requires_grad_())
    if attempt(buffer.sample, 8).requires_grad:
        raise Wrong("the stored images carry the refiner's graph along: detach them")


def _filled(make, seed):
    """Fill a history of 8 with 1..8 in two batches, overwrite with 9..12; which of the old ones are left."""
    buffer = attempt(make, 8, torch.Generator().manual_seed(seed))
    for first, expected in ((1, 4), (5, 8), (9, 8)):
        returned = attempt(buffer.replace, marked(first, first + 4))
        if returned is ... or returned is NotImplemented:
            raise Open("replace does nothing yet")
        if len(buffer) == 0:
            raise Wrong("the history stays empty: is the result of an append dropped?")
        if len(buffer) > 8:
            raise Wrong(f"the history grows to {len(buffer)} images, beyond its capacity of 8")
        if len(buffer) != expected:
            raise Wrong(f"{len(buffer)} images are stored where {expected} should be: are free places filled first?")
    stored = marks(attempt(buffer.sample, 8))
    fresh = sum(mark >= 9 for mark in stored)
    if fresh == 0:
        raise Wrong("a full history takes nothing in any more: it remembers the first images for ever")
    if fresh < 4:
        raise Wrong(f"of 4 images only {fresh} were stored: were places drawn twice?")
    return [mark for mark in stored if mark < 9]


def mixed_batch(mine):
    """Half fresh, half remembered; then half of the fresh ones are remembered."""
    fresh = marked(101, 109)
    buffer = _holding(0)
    first = _marks_of_batch(mine, fresh, buffer, 8)
    if len(buffer) == 0:
        raise Wrong("nothing is stored while the history is empty (its length is 0, so `if buffer:` is False): "
                    "it stays empty for ever")
    if first != list(range(101, 109)):
        raise Wrong("while the history holds fewer than half a batch, the batch is all fresh images")
    small = [_marks_of_batch(mine, fresh, _holding(8, capacity=8, seed=seed), 8) for seed in range(5)]
    if any(len(set(batch)) < 8 for batch in small):
        raise Wrong("an image occurs twice in the batch: draw from the history before storing the fresh ones")
    buffer = _holding(64)
    batch = _marks_of_batch(mine, fresh, buffer, 8)
    remembered = sum(mark <= 64 for mark in batch)
    if remembered != 4:
        raise Wrong(f"{remembered} of 8 images are remembered ones: half of them should be")
    stored = marks(buffer.sample(64))
    new = sum(mark > 100 for mark in stored)
    if new == 0:
        raise Wrong("the fresh images are never stored")
    if len(set(stored)) < 64:
        raise Wrong("an image is stored twice: store fresh ones, not the mixed batch")
    if new != 4:
        raise Wrong(f"{new} fresh images of 8 are stored: half of them should be")
    if any(_marks_of_batch(mine, fresh, buffer, 8) == batch for _ in range(3)):
        raise Wrong("the same images are remembered each time: draw them at random")
    _marks_of_batch(mine, marked(101, 108), _holding(64), 7)


def _holding(n, capacity=64, seed=0):
    buffer = history.HistoryBuffer(capacity, torch.Generator().manual_seed(seed))
    if n:
        buffer.replace(marked(1, n + 1))
    return buffer


def _marks_of_batch(mine, fresh, buffer, size):
    batch = plain(answer(mine, fresh, buffer))
    if batch.shape[1:] != fresh.shape[1:]:
        raise Wrong(f"expected a batch of images like {tuple(fresh.shape)}, found {tuple(batch.shape)}")
    if len(batch) != size:
        raise Wrong(f"the batch has {len(batch)} images where {size} came in")
    return marks(batch)


def chance_to_survive(mine):
    """The chance that an image is still in the history after some rounds."""
    for rounds, capacity, batch in ((4, 64, 32), (1, 64, 32), (10, 256, 32), (30, 1024, 64), (3, 100, 10)):
        half = batch / 2
        once = half / capacity
        right = library_chance_to_survive(rounds, capacity, batch)
        expect(answer(mine, rounds, capacity, batch), right, {
            "a whole batch is not stored, only half of it": (1 - batch / capacity) ** rounds,
            "that is the chance to be gone": 1 - right,
            "that is the chance to survive one round": 1 - once,
            "that is the chance to be overwritten in one round": once,
            "chances are added up, but each round strikes those that are left": max(0.0, 1 - rounds * once),
            "that is the chance to be overwritten in every single round": once ** rounds,
            "the places of one round are different ones: they cannot strike twice":
                (1 - 1 / capacity) ** (half * rounds),
        })


# ---- Notebook 05: training SimGAN ------------------------------------------------------------------------------------

def refiner_loss(mine):
    """The refiner's loss, one number an image: fool the discriminator, and stay near the input."""
    logits, refined, synthetic, weight = 3 * drawn(3, 2, 2, 3), drawn(3, 1, 4, 5), drawn(3, 1, 4, 5, seed=1), 0.3
    fool = losses.local_adversarial_loss(logits, losses.REAL)
    caught = losses.local_adversarial_loss(logits, losses.REFINED)
    stay = losses.self_regularization(refined, synthetic)
    right = losses.refiner_loss(logits, refined, synthetic, weight)
    expect(answer(mine, logits, refined, synthetic, weight), right, {
        "the refiner helps the discriminator: which verdict does it want for its images?": caught + weight * stay,
        "fooling as the opposite of being caught: that gradient vanishes when it is needed": -caught + weight * stay,
        "the weight is missing": fool + stay,
        "the weight is on the wrong term": weight * fool + stay,
        "no adversarial term: the refiner would learn to do nothing": weight * stay,
        "no self-regularization: the labels would be lost": fool,
        "staying near is punished: check a sign": fool - weight * stay,
        "one number for the whole batch: give one for each image": right.mean(),
        "one number for the whole batch, and a sum": right.sum(),
        "self-regularization as a mean over pixels: mean or sum?": fool + weight * stay / refined[0].numel(),
    })


def library_discriminator_loss(on_refined, on_real):
    """Eq. 2 for each pair of images, as `Training.update_discriminator` has it.  Logits (N, 2, h, w)  ->  (N,)."""
    return (losses.local_adversarial_loss(on_refined, losses.REFINED)
            + losses.local_adversarial_loss(on_real, losses.REAL))


def discriminator_loss(mine):
    """The discriminator's loss, one number a pair: call refined patches refined, and real ones real."""
    on_refined, on_real = 3 * drawn(3, 2, 2, 3), 3 * drawn(3, 2, 2, 3, seed=1)
    refined = losses.local_adversarial_loss(on_refined, losses.REFINED)
    real = losses.local_adversarial_loss(on_real, losses.REAL)
    right = library_discriminator_loss(on_refined, on_real)
    expect(answer(mine, on_refined, on_real), right, {
        "both labels are exchanged: which class is real?": library_discriminator_loss(on_real, on_refined),
        "refined images are to be called refined: that is the refiner's wish, not the discriminator's":
            losses.local_adversarial_loss(on_refined, losses.REAL) + real,
        "real images are to be called real": refined + losses.local_adversarial_loss(on_real, losses.REFINED),
        "the real images are missing: calling everything refined would do": refined,
        "the refined images are missing: calling everything real would do": real,
        "a minus between the two: one verdict would be rewarded for being wrong": refined - real,
        "half of it: the paper adds both sums": right / 2,
        "the mean over patches: mean or sum?": right / 6,
        "one number for the whole batch: give one for each pair": right.mean(),
        "one number for the whole batch, and a sum": right.sum(),
    })


# ---- Notebook 06: feature-space self-regularization ------------------------------------------------------------------

def local_contrast(mine):
    """Difference from the mean of the 9 x 9 surroundings, in their standard deviations."""
    images = drawn(2, 1, 12, 13) + torch.linspace(-1, 1, 13)          # uneven light
    mean = losses.blurred(images, 9)
    apart = images - mean
    variance = losses.blurred(apart ** 2, 9)
    right = losses.local_contrast(images)
    whole = (images - images.mean((2, 3), keepdim=True)) / (images.var((2, 3), keepdim=True, correction=0) + 0.01).sqrt()
    expect(answer(mine, images), right, {
        "the surroundings' mean is taken away, but nothing is divided: half the light still costs half": apart,
        "divided by the variance, not by its root: half the light would double the result": apart / (variance + 0.01),
        "the small number is missing under the root: flat skin would become loud noise": apart / variance.sqrt(),
        "the small number is added to the root instead of under it": apart / (variance.sqrt() + 0.01),
        "the mean is not taken away: psi would see brightness": images / (variance + 0.01).sqrt(),
        "mean and spread of the whole image: uneven light would be charged for": whole,
        "the surroundings minus the pixel: the sign": -right,
        "zeros beyond the edge are counted in the mean: the frame would be charged for": _zero_padded_contrast(images),
        "a window of 5 x 5, not 9 x 9": (images - losses.blurred(images))
        / (losses.blurred((images - losses.blurred(images)) ** 2) + 0.01).sqrt(),
        "the spread is that of the pixels about 0, not about their mean": apart / (losses.blurred(images ** 2, 9) + 0.01).sqrt(),
    })


def _zero_padded_contrast(images):
    apart = images - F.avg_pool2d(images, 9, 1, 4)
    return apart / (F.avg_pool2d(apart ** 2, 9, 1, 4) + 0.01).sqrt()


# ---- Notebook 08: pupil centres --------------------------------------------------------------------------------------

def mean_shift(mine):
    """Mean distance between centres before and after, at 55 px eye width, leaving out what was not found."""
    before, width = 20 + 5 * drawn(7, 2), 110
    after = before + 3 * drawn(7, 2, seed=1)
    before[2], after[5, 0] = torch.nan, torch.nan
    found = (after - before).isfinite().all(1)
    moved, half = (after - before)[found], 55 / width
    lengths = moved.norm(dim=1)
    right = pupil.mean_shift(before, after, width)
    expect(answer(mine, before, after, width), right, {
        "it is not a number: images without a fit must be left out": torch.nan,
        "the length of the mean: shifts to the left and to the right cancel out": half * moved.mean(0).norm(),
        "pixels of the image as it is: the article's are those of an eye 55 px wide": lengths.mean(),
        "the scale is upside down: a wider image has smaller pixels": lengths.mean() / half,
        "an image without a fit counts as one that did not move: leave it out": half * lengths.sum() / len(before),
        "the root of the mean square: large shifts count for more": half * lengths.square().mean().sqrt(),
        "across plus down: the distance is the hypotenuse": half * moved.abs().sum(1).mean(),
        "the mean of single coordinates: a shift has a length": half * moved.abs().mean(),
        "the median: the article has a mean": half * lengths.median(),
        "the sum, not the mean": half * lengths.sum(),
        "one number for each image: their mean is asked for": half * lengths,
    })


def vertex(mine):
    """The highest point of the parabola through three neighbouring values."""
    for before, top, after in ((1.0, 3.0, 2.0), (0.2, 0.9, 0.1), (2.0, 2.0, 1.0), (-1.0, 5.0, 4.5)):
        right = pupil.vertex(before, top, after)
        expect(answer(mine, before, top, after), right, {
            "to the wrong side: it lies towards the higher neighbour": -right,
            "twice as far as it should be": 2 * right,
            "half as far as it should be": right / 2,
            "counted from the first value: count from the middle one": 1 + right,
            "the height of the top: asked is its place": top - 0.25 * (before - after) * right,
            "a centre of mass: it depends on what is added to all three values": (after - before) / (before + top + after),
            "the difference of the neighbours: divide by the curvature": (after - before) / 2,
        })
    expect(answer(mine, 1.0, 1.0, 1.0), 0.0, {"three equal values have no curvature: answer 0 there": torch.nan})


# ---- Notebook 10: the visual Turing test -----------------------------------------------------------------------------

def binomial_p(mine):
    """The chance of so many right answers or more by guessing."""
    for right, n in ((7, 10), (3, 4), (33, 50), (4, 10)):
        exact = turing.binomial_p(right, n)
        one = float(binom.pmf(right, n, 0.5))
        expect(answer(mine, right, n), exact, {
            "the chance of just so many: those that are even better count, too": one,
            "the chance of more than that: so many count, too": exact - one,
            "the chance of so many or fewer: which tail is surprising?": 1 - exact + one,
            "the chance of fewer: which tail is surprising?": 1 - exact,
            "two-sided: only being right too often is evidence of seeing a difference": min(1.0, 2 * exact),
            "a normal curve in place of the exact sum": float(norm.sf((right - n / 2) / (n / 4) ** 0.5)),
            "a normal curve in place of the exact sum, with a correction": float(norm.sf((right - 0.5 - n / 2) / (n / 4) ** 0.5)),
            "the number of ways, not their share: divide by 2 ** n": exact * 2 ** n,
            "the share of right answers is no probability of getting them": right / n,
        })


def power(mine):
    """The chance that a subject with a given chance to be right is found out."""
    for n, share in ((20, 0.7), (50, 0.6), (100, 0.6)):
        least, right = int(turing.least_significant(n)), float(turing.power(n, share))
        expect(answer(mine, n, share), right, {
            "the chance of missing the subject: power is that of finding": 1 - right,
            "the subject still guesses: use its own chance to be right": float(binom.sf(least - 1, n, 0.5)),
            "the chance of just the least significant count: more is significant, too": float(binom.pmf(least, n, share)),
            "one answer too many is asked for: the least significant count is enough": float(binom.sf(least, n, share)),
            "one answer too few: that count is not yet significant": float(binom.sf(least - 2, n, share)),
            "the p-value of the expected count: power averages over all counts": turing.binomial_p(round(n * share), n),
        })


# ---- Notebook 07: ablations ------------------------------------------------------------------------------------------

def paired_interval(mine):
    """(low, high) of the mean difference over seeds, 95 %, by Student's t."""
    from scipy.stats import t
    for values, base in (([5.9, 6.1, 6.6], [5.0, 5.4, 5.5]), ([2.0, 4.5, 3.0, 6.0, 5.5], [1.0, 4.0, 2.8, 4.5, 4.9])):
        values, base = np.array(values), np.array(base)
        n, difference = len(values), values - base
        right, middle = seeds.paired_interval(values, base), difference.mean()

        def around(reach, middle=middle):
            return np.array([middle - reach, middle + reach])

        sd, factor, apart = difference.std(ddof=1), t.ppf(0.975, n - 1), np.hypot(values.std(ddof=1), base.std(ddof=1))
        expect(answer(mine, torch.from_numpy(values), torch.from_numpy(base)), right, {
            "the difference is taken the other way round: what minus the base?": -right[::-1],
            "1.96 is for many seeds: few seeds know their own scatter badly": around(1.96 * sd / n**0.5),
            "that is how single seeds scatter: a mean of n scatters less": around(factor * sd),
            "the standard deviation of a sample: divide by n - 1, not by n": around(factor * difference.std() / n**0.5),
            "5 % in all, half of it on each side: the quantile is another one": around(t.ppf(0.95, n - 1) * sd / n**0.5),
            "with n values, n - 1 degrees of freedom": around(t.ppf(0.975, n) * sd / n**0.5),
            "the seeds' own scatter is still in it: take the differences seed by seed first":
                around(factor * apart / n**0.5),
            "that is the interval of the values, not of their difference to the base":
                around(factor * values.std(ddof=1) / n**0.5, values.mean()),
            "high comes after low": right[::-1],
        })


def diversity(mine):
    """How much images of a set differ from each other: 0 when all are the same."""
    images = torch.randint(256, (6, 1, 4, 5), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    pixels = images.float()
    expect(answer(mine, images), artefacts.diversity(images), {
        "that is the contrast within images: a set of copies of one image would have it, too":
            pixels.flatten(1).std(1).mean(),
        "all gray levels in one heap: a set of copies of one image would have that, too": pixels.std(),
        "one number for each pixel: take their mean": pixels.std(0),
        "the variance, in squares of gray levels: take the standard deviation": pixels.var(0).mean(),
        "the mean must come last: root of the mean variance is another number": pixels.var(0).mean().sqrt(),
        "gray levels run from 0 to 255 here: leave them so": (pixels / 127.5).std(0).mean(),
        "the standard deviation of a sample: divide by n - 1 (torch does so by default)": pixels.std(0, correction=0).mean(),
    })


# ---- Notebook 09: gaze estimation ------------------------------------------------------------------------------------

def cumulative_curve(mine):
    """Percentage of errors that are at most each of some degrees."""
    errors, degrees = torch.tensor([0.5, 2.0, 3.0, 3.0, 6.0, 7.0, 8.0, 20.0]), torch.tensor([0.0, 3.0, 7.0, 30.0])
    right = plain(measuring.cumulative_curve(errors, degrees))
    at_most = (errors <= degrees[:, None]).double()
    expect(answer(mine, errors, degrees), right, {
        "shares lie in [0, 1]; percent go to 100": right / 100,
        "an error of just d degrees is within d degrees": 100 * (errors < degrees[:, None]).double().mean(1),
        "that falls with d: those are the images beyond it": 100 - right,
        "those are numbers of images: a share of how many?": at_most.sum(1),
        "one value for each image: one for each of the degrees is wanted": 100 * at_most.mean(0),
        "one yes or no for each image and degree: take the mean over the images": 100 * at_most,
        "one number for all degrees: give one for each": right.mean(),
    })


def resampled_mean(mine):
    """The mean after whole groups were drawn, with replacement, in place of single values."""
    values, group = 5 + 4 * drawn(9), torch.tensor([0, 0, 1, 1, 1, 2, 3, 3, 3])
    means = torch.stack([values[group == g].mean() for g in range(4)])
    for picked in (torch.tensor([1, 1, 3, 0]), torch.tensor([2, 2, 2, 3])):
        expect(answer(mine, values, group, picked), float(measuring.resampled_mean(values, group, picked)), {
            "single images were drawn: the numbers are those of groups": values[picked].mean(),
            "each group counts as one, however many images it has": means[picked].mean(),
            "a group that was drawn twice counts once": values[torch.isin(group, picked)].mean(),
            "what was drawn makes no difference: that is the mean of all values": values.mean(),
            "that is the sum": torch.cat([values[group == g] for g in picked]).sum(),
            "one number for each group: they make one sample": means[picked],
        })


# ---- Notebook 11: real data ------------------------------------------------------------------------------------------

def mirrored(mine):
    """The gaze of mirrored images."""
    angles = drawn(6, 2)
    expect(answer(mine, angles), gaze.mirrored(angles), {
        "nothing has changed: left has become right": angles,
        "up stays up in a mirror on the wall": angles * torch.tensor([-1.0, 1.0]),
        "both signs have changed: that eye has been turned by half a turn": -angles,
        "pitch comes first, yaw second": (angles * torch.tensor([-1.0, 1.0])).flip(-1),
        "pitch and yaw are exchanged": gaze.mirrored(angles).flip(-1),
        "the sign is lost: which way did the eye look before?": torch.stack([angles[:, 0], -angles[:, 1].abs()], -1),
    })


def nearest_distance(mine):
    """Each test row's mean |difference| to the nearest training row."""
    test, training = drawn(5, 7), drawn(9, 7, seed=1)
    apart = (test[:, None] - training).abs()                                     # (N, M, D)
    expect(answer(mine, test, training), realism.nearest_distance(test, training), {
        "right shape, wrong value: mean or sum?": apart.sum(2).amin(1),
        "that is the distance to the furthest one": apart.mean(2).amax(1),
        "that is the mean over all training images": apart.mean((1, 2)),
        "squares: that is not the L1 distance": torch.cdist(test, training).amin(1) / 7,
        "the nearest value of each pixel: an image must be near as a whole": apart.amin(1).mean(1),
        "one number for each training image: give one for each test image": apart.mean(2).amin(0),
        "one number for all: give one for each test image": apart.mean(2).amin(1).mean(),
        "all pairs: which is the nearest?": apart.mean(2),
    })
