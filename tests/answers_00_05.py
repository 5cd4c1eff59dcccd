"""Right and wrong answers to the exercises of notebooks 00 to 05, written apart from the checks.

BANK: {check: ([right answer, ...], [(wrong answer, words of the message that it must get), ...])}.
"""

import functools
import math
import statistics
from fractions import Fraction

import numpy as np
import torch
from torch.nn import functional as F

from simgan_lib import gaze, history, losses, networks
from simgan_lib.teaching import failures

SOME = "values"           # of a mistake that has no sentence of its own: right shape, and where it differs


# ---- 0.1 who_sees_what: refiner, synthetic, gaze, real -> (images, is_refined), (images, gaze) ----
def seen_by(judge=lambda refined, real, synthetic, refiner: torch.cat([refined, real]),
            said=lambda n, m: torch.tensor([1.0] * n + [0.0] * m),
            learned=lambda refined, real, synthetic, refiner: refined, told=lambda gaze: gaze):
    """The right answer, with screws to turn."""
    def answer(refiner, synthetic, gaze, real):
        refined = refiner(synthetic)
        shown = refined, real, synthetic, refiner
        return (judge(*shown), said(len(refined), len(real))), (learned(*shown), told(gaze))
    return answer


def one_by_one(refiner, synthetic, gaze, real):
    """Image by image, real ones first, the gaze estimator's from the last to the first."""
    refined = [refiner(image[None])[0] for image in synthetic]
    judged = [(image, False) for image in real] + [(image, True) for image in refined]
    images, verdicts = zip(*judged)
    return [torch.stack(images), torch.tensor(verdicts)], [torch.stack(refined[::-1]), gaze.flip(0)]


def at_random(refiner, synthetic, gaze, real):
    """Both sets shuffled, in float64."""
    images, is_refined = torch.cat([real, refiner(synthetic)]).double(), torch.arange(len(real) + len(gaze)) >= len(real)
    mixed, order = torch.randperm(len(images)), torch.randperm(len(gaze))
    return (images[mixed], is_refined[mixed].int()), (refiner(synthetic[order]), gaze[order].double())


def in_turns(refiner, synthetic, gaze, real):
    """A refined image and a real one by turns, as far as both go; gradients on."""
    refined, n = refiner(synthetic.requires_grad_()), min(len(synthetic), len(real))
    images = torch.cat([torch.stack([refined[:n], real[:n]], 1).flatten(0, 1), refined[n:], real[n:]])
    verdicts = [1, 0] * n + [1] * (len(refined) - n) + [0] * (len(real) - n)
    return (images, torch.tensor(verdicts)), (refined, gaze)


def refined_in_place(refiner, synthetic, gaze, real):
    synthetic.copy_(refiner(synthetic))
    return seen_by()(lambda images: images, synthetic, gaze, real)


def one_set_for_both(refiner, synthetic, gaze, real):
    judged, _ = seen_by()(refiner, synthetic, gaze, real)
    return judged, judged


def whole_set(refiner, synthetic, gaze, real):
    """All images to both, and no gaze for the real ones."""
    judged, _ = seen_by()(refiner, synthetic, gaze, real)
    return judged, (judged[0], torch.cat([gaze, torch.full((len(real), 2), torch.nan)]))


WHO_SEES_WHAT = [
    seen_by(), one_by_one, at_random, in_turns,
    seen_by(said=lambda n, m: torch.arange(n + m) < n),
    lambda refiner, s, gaze, real: tuple((a.numpy(), b.numpy()) for a, b in seen_by()(refiner, s, gaze, real)),
    seen_by(lambda refined, real, *_: torch.vstack((real, refined)), lambda n, m: torch.cat([torch.zeros(m), torch.ones(n)])),
    seen_by(learned=lambda refined, *_: refined.detach().clone(), told=lambda gaze: gaze + 0),
], [
    (seen_by(lambda refined, real, synthetic, _: torch.cat([synthetic, real])), "discriminator (first pair) sees raw synthetic"),
    (seen_by(lambda refined, real, synthetic, _: torch.cat([synthetic, refined, real])), "first pair) sees raw synthetic"),
    (seen_by(said=lambda n, m: torch.tensor([0] * n + [1] * m)), "exchanged labels"),
    (seen_by(lambda refined, real, *_: torch.cat([real, refined])), "out of step"),
    (seen_by(lambda refined, *_: refined, lambda n, m: torch.ones(n)), "misses real images"),
    (seen_by(lambda refined, real, *_: real, lambda n, m: torch.zeros(m)), "misses refined images"),
    (seen_by(lambda refined, real, *_: torch.cat([refined, real[:len(refined)]]), lambda n, m: torch.tensor([1] * n + [0] * n)),
     "misses real images"),
    (seen_by(lambda refined, real, *_: torch.cat([refined, refined, real]), lambda n, m: torch.tensor([1] * 2 * n + [0] * m)),
     "sees an image twice"),
    (seen_by(lambda refined, real, _, refiner: torch.cat([refined, refiner(real)])), "sees refined real images"),
    (seen_by(lambda refined, real, _, refiner: torch.cat([refiner(refined), real])), "sees twice refined images"),
    (seen_by(said=lambda n, m: torch.ones(n + m)), SOME),
    (seen_by(said=lambda n, m: torch.tensor([1] * n + [-1] * m)), SOME),
    (seen_by(said=lambda n, m: torch.tensor([1.0] * n + [0.1] * m)), SOME),
    (seen_by(said=lambda n, m: torch.full((n + m,), torch.nan)), "not a number"),
    (seen_by(said=lambda n, m: torch.ones(n + m, 1)), "expected the shape (8,), found (8, 1)"),
    (seen_by(said=lambda n, m: torch.ones(n)), "expected the shape (8,), found (3,)"),
    (seen_by(said=lambda n, m: [1] * n + [0] * m), "found list"),
    (seen_by(learned=lambda refined, real, synthetic, _: synthetic), "gaze estimator (second pair) sees raw synthetic"),
    (seen_by(learned=lambda refined, real, *_: real[:len(refined)]), "sees real images"),
    (seen_by(learned=lambda refined, real, *_: real), "sees real images"),
    (seen_by(learned=lambda refined, real, _, refiner: refiner(real)), "sees refined real images"),
    (seen_by(learned=lambda refined, real, _, refiner: refiner(refined)), "sees twice refined images"),
    (seen_by(learned=lambda refined, *_: refined.flip(0)), "out of step"),
    (seen_by(told=lambda gaze: gaze.roll(1, 0)), "out of step"),
    (seen_by(told=lambda gaze: gaze.flip(1)), "exchanged labels"),
    (seen_by(told=torch.rad2deg), "57.3 times"),
    (seen_by(told=lambda gaze: gaze * torch.nan), "not a number"),
    (seen_by(told=lambda gaze: gaze[:, 0]), "expected the shape (3, 2), found (3,)"),
    (seen_by(told=lambda gaze: gaze.mean(0, keepdim=True)), "expected the shape (3, 2), found (1, 2)"),
    (seen_by(learned=lambda refined, *_: refined[:1], told=lambda gaze: gaze[:1]), "misses refined images"),
    (seen_by(learned=lambda refined, *_: refined * torch.nan), "as they are"),
    (seen_by(learned=lambda refined, *_: (127.5 * (refined + 1)).byte()), "as they are"),
    (seen_by(learned=lambda refined, *_: refined.flip(3)), "as they are"),
    (seen_by(learned=lambda refined, real, synthetic, _: (refined + synthetic) / 2), "as they are"),
    (seen_by(learned=lambda refined, *_: refined.flatten(1)), "expected images of the shape (1, 4, 5)"),
    (seen_by(learned=lambda refined, *_: list(refined)), "found list"),
    (lambda *given: seen_by()(*given)[::-1], "first pair) misses real images"),
    (lambda *given: tuple(pair[::-1] for pair in seen_by()(*given)), "expected images of the shape"),
    (lambda *given: [part for pair in seen_by()(*given) for part in pair], "two pairs"),
    (lambda *given: (seen_by()(*given)[0], seen_by()(*given)[1][0]), "two pairs"),
    (lambda *given: seen_by()(*given)[0], "two pairs"),
    (seen_by(told=lambda gaze: 0), "expected the shape (3, 2), found ()"),
    (seen_by(learned=lambda refined, *_: refined[:0], told=lambda gaze: gaze[:0]), "misses refined images"),
    (seen_by(learned=lambda refined, *_: 0), "found a batch ()"),
    (one_set_for_both, "second pair) sees real images"), (whole_set, "sees real images"),
    (refined_in_place, "changes the tensor"),
    (seen_by(told=lambda gaze: gaze.mul_(2)), "changes the tensor"),
    (seen_by(lambda refined, real, *_: torch.cat([refined, real.mul_(0.5)])), "changes the tensor"),
    (seen_by(lambda refined, real, *_: torch.cat([refined.mul_(0.5), real])), "as they are"),
]


# ---- 1.1 gaze_vector ----
def vector(a, x=lambda p, y: -p.cos() * y.sin(), y=lambda p, y: -p.sin(), z=lambda p, y: -p.cos() * y.cos()):
    p, q = a[..., 0], a[..., 1]
    return torch.stack([x(p, q), y(p, q), z(p, q)], -1)


# where the way to what it looks at meets a wall in front of it
TANGENTS = lambda p, y: -y.tan(), lambda p, y: -p.tan() / y.cos(), lambda p, y: -torch.ones_like(p)


def turned(a):
    """Two rotations of the way into the camera, one after the other."""
    p, y = a[:, 0], a[:, 1]
    ahead = torch.stack([0 * p, -p.sin(), -p.cos()], -1)                     # up and down first
    side = torch.stack([ahead[:, 2] * y.sin(), ahead[:, 1], ahead[:, 2] * y.cos()], -1)
    return side


GAZE_VECTOR = [
    gaze.gaze_vector, vector, turned,
    lambda a: torch.cat([vector(row[None]) for row in a]),
    lambda a: torch.tensor([[-math.cos(p) * math.sin(y), -math.sin(p), -math.cos(p) * math.cos(y)] for p, y in a.tolist()]),
    lambda a: vector(a).numpy(), lambda a: F.normalize(vector(a, *TANGENTS), dim=-1),
], [
    (lambda a: gaze.gaze_vector(a) * torch.tensor([1, -1, 1]), "y axis"),
    (lambda a: gaze.gaze_vector(a) * torch.tensor([-1, 1, 1]), "yaw"),
    (lambda a: gaze.gaze_vector(a) * torch.tensor([1, 1, -1]), "into the head"),
    (lambda a: gaze.gaze_vector(a) * torch.tensor([-1, -1, 1]), "left is right"),
    (lambda a: -gaze.gaze_vector(a), "all three"),
    (lambda a: gaze.gaze_vector(a.flip(-1)), "exchanged"),
    (lambda a: gaze.gaze_vector(torch.deg2rad(a)), "radians already"),
    (lambda a: gaze.gaze_vector(a)[0], "shape"),
    (lambda a: 2 * gaze.gaze_vector(a), "2 times"),
    (lambda a: vector(a, lambda p, y: -y, lambda p, y: -p, lambda p, y: -torch.ones_like(p)), "small angles"),
    (functools.partial(vector, z=lambda p, y: -y.cos()), "less far ahead"),
    (functools.partial(vector, x=lambda p, y: -y.sin()), "less far to the side"),
    (functools.partial(vector, x=lambda p, y: -y.sin(), z=lambda p, y: -y.cos()), "to the side and ahead"),
    (functools.partial(vector, x=lambda p, y: -y.sin(), y=lambda p, y: -p.sin() * y.cos()), "vertical axis"),
    (lambda a: vector(a).T, "last axis"),
    (lambda a: vector(a)[:, [2, 0, 1]], "z comes last"),
    (lambda a: torch.cat([*vector(a).unbind(-1)], -1), "end to end"),
    (lambda a: gaze.gaze_vector(math.pi / 2 - a), "sine and cosine"),
    (lambda a: vector(torch.stack([a[:, 0], a[:, 1]], -1)), "more than two axes"),
    (lambda a: torch.stack(vector(a).unbind(-1), 1), "more than two axes"),
    (lambda a: F.normalize(vector(a), dim=0), SOME),
    (lambda a: vector(a.mul_(1.5)), "changes the tensor"),
    (lambda a: a @ torch.tensor([[0.0, -1, 0], [-1, 0, 0]]), ""),
    (lambda a: [vector(row) for row in a], "found list"),
]


# ---- 1.2 angular_error_deg ----
def pair(ours, truth):
    return gaze.gaze_vector(ours.double()), gaze.gaze_vector(truth.double())


def cosine(ours, truth):
    a, b = pair(ours, truth)
    return (a * b).sum(-1)


def crossed_at_three(a, b):
    """Along the first axis that has three numbers, as torch.cross does without an axis: of three gazes it is the wrong one."""
    return torch.linalg.cross(a, b, dim=a.shape.index(3))


ANGULAR_ERROR_DEG = [
    gaze.angular_error_deg,
    lambda a, b: torch.rad2deg(cosine(a, b).clamp(-1, 1).acos()),
    lambda a, b: torch.rad2deg(2 * torch.atan2(*((x + sign * y).norm(dim=-1) for x, y in [pair(a, b)] for sign in (-1, 1)))),
    lambda a, b: torch.linalg.cross(*pair(a, b), dim=-1).norm(dim=-1).atan2(cosine(a, b)) * 180 / torch.pi,
    lambda a, b: np.degrees(np.arccos(np.clip((pair(a, b)[0].numpy() * pair(a, b)[1].numpy()).sum(-1), -1, 1))),
    lambda a, b: torch.stack([gaze.angular_error_deg(x, y) for x, y in zip(a, b)]),
    lambda a, b: gaze.angular_error_deg(b, a).float(),
    lambda a, b: F.cosine_similarity(*pair(a, b)).clamp(-1, 1).acos().rad2deg(),
    lambda a, b: torch.atan2(torch.linalg.cross(*pair(a, b)).norm(dim=1), (pair(a, b)[0] * pair(a, b)[1]).sum(1)).rad2deg(),
    lambda a, b: torch.einsum("ni,ni->n", gaze.gaze_vector(a), gaze.gaze_vector(b)).clamp(-1, 1).acos() * 180 / math.pi,
], [
    (lambda a, b: torch.deg2rad(gaze.angular_error_deg(a, b)), "radians"),
    (lambda a, b: torch.rad2deg((a - b).norm(dim=-1)), "plane of pitch and yaw"),
    (lambda a, b: (a - b).norm(dim=-1), "and in radians"),
    (cosine, "cosine"),
    (lambda a, b: torch.rad2deg(cosine(a, b)), "cosine, in degrees"),
    (lambda a, b: (gaze.gaze_vector(a) - gaze.gaze_vector(b)).norm(dim=-1), "tips"),
    (lambda a, b: torch.rad2deg((gaze.gaze_vector(a) - gaze.gaze_vector(b)).norm(dim=-1)), "tips, in degrees"),
    (lambda a, b: gaze.angular_error_deg(a, b).mean(), "each pair"),
    (lambda a, b: 180 - gaze.angular_error_deg(a, b), "opposite"),
    (lambda a, b: 90 - gaze.angular_error_deg(a, b), "complement"),
    (lambda a, b: gaze.angular_error_deg(a, b) / 2, "half"),
    (lambda a, b: torch.rad2deg(gaze.angular_error_deg(a, b)), "twice"),
    (lambda a, b: torch.rad2deg(cosine(a, b).abs().acos()), "fold back"),
    (lambda a, b: torch.rad2deg((torch.linalg.cross(*pair(a, b), dim=-1).norm(dim=-1) / cosine(a, b)).atan()), "negative"),
    (lambda a, b: torch.rad2deg(torch.where(cosine(a, b) > 0.999, torch.nan, cosine(a, b)).acos()), "equal gazes give nan"),
    (lambda a, b: torch.rad2deg((a - b).abs().amax(-1)), SOME),
    (lambda a, b: gaze.angular_error_deg(a, b)[:, None], "one axis too many"),
    (lambda a, b: gaze.angular_error_deg(a, b) + 1, "1 too high"),
    (lambda a, b: gaze.angular_error_deg(a, b).round(), SOME),
    (lambda a, b: gaze.angular_error_deg(a, b).tolist(), "found list"),
    (lambda a, b: torch.rad2deg(torch.atan2(crossed_at_three(*pair(a, b)).norm(dim=1), cosine(a, b))), SOME),
]


# ---- 2.1 self_regularization ----
def whole(value):
    return value.flatten(1)


def priced(size, total=lambda apart: apart.sum(1)):
    def price(refined, synthetic, features=losses.identity):
        return total(size(whole(features(refined) - features(synthetic))))
    return price


SELF_REGULARIZATION = [
    losses.self_regularization,
    priced(torch.abs),
    priced(lambda apart: apart, lambda apart: apart.norm(p=1, dim=1)),
    lambda r, s, features=losses.identity: torch.cat([priced(torch.abs)(a[None], b[None], features) for a, b in zip(r, s)]),
    lambda r, s, features=lambda x: x: F.pairwise_distance(whole(features(r)), whole(features(s)), p=1, eps=0),
    priced(lambda apart: apart.relu() + (-apart).relu()),
    priced(lambda apart: apart * apart.sign()),
], [
    (priced(torch.abs, lambda apart: apart.mean(1)), "mean or sum?"),
    (priced(torch.abs, torch.sum), "whole batch"),
    (lambda r, s, features=None: F.l1_loss(r, s), "whole batch, and a mean"),
    (priced(torch.square), "squares"),
    (priced(lambda apart: apart, lambda apart: apart.norm(dim=1)), "root"),
    (priced(lambda apart: apart), "cancel out"),
    (priced(lambda apart: apart, lambda apart: apart.sum(1).abs()), "too late"),
    (priced(torch.abs, lambda apart: apart), "expected the shape"),
    (lambda r, s, features=losses.identity: whole(r.sub_(s)).abs().sum(1), "changes the tensor"),
    (priced(torch.abs, lambda apart: apart.sum(1) / 0), "infinite"),
    (lambda r, s, features=losses.identity: whole(r - s).absolute_value(), "stops with AttributeError"),
    (lambda r, s, features=losses.identity: whole(r - s).abs().sum(1), "whatever `features` is"),
    (lambda r, s, features=losses.identity: whole(features(r - s)).abs().sum(1), "features of the difference"),
    (lambda r, s, features: whole(features(r) - features(s)).abs().sum(1), "TypeError"),
    (priced(lambda apart: apart.detach().abs()), "no gradient passes"),
    (priced(lambda apart: apart.abs().half(), lambda apart: apart.sum(1).detach()), ""),
    (lambda r, s, features=losses.identity: priced(torch.abs)(r, s, features).abs() + 0 * s.sum() + 1, "1 too high"),
    (lambda r, s, features=losses.identity: priced(torch.abs)((r + r.detach()) / 2 + (r - r.detach()), s, features), "gradient"),
    (priced(torch.abs, lambda apart: apart.amax(1)), SOME),
]


# ---- 2.2 image_gradients ----
def edges(across=lambda x: x[..., 1:] - x[..., :-1], down=lambda x: x[..., 1:, :] - x[..., :-1, :], before=False, join=1):
    def found(x):
        a, d = across(x), down(x)
        missing = x.shape[3] - a.shape[3], x.shape[2] - d.shape[2]
        return torch.cat([F.pad(a, (missing[0], 0) if before else (0, missing[0])),
                          F.pad(d, (0, 0, missing[1], 0) if before else (0, 0, 0, missing[1]))], join)
    return found


def by_kernels(x):
    """A convolution for each of both, channel by channel."""
    kernels = x.new_tensor([[[0, 0, 0], [0, -1, 1], [0, 0, 0]], [[0, 0, 0], [0, -1, 0], [0, 1, 0]]])
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate").flatten(0, 1)[:, None]
    return F.conv2d(padded, kernels[:, None]).unflatten(0, x.shape[:2]).transpose(1, 2).flatten(1, 2)


IMAGE_GRADIENTS = [
    losses.image_gradients, edges(), by_kernels,
    lambda x: torch.cat([F.pad(x.diff(dim=3), (0, 1)), F.pad(x.diff(dim=2), (0, 0, 0, 1))], 1),
    lambda x: torch.cat([torch.cat([x.diff(dim=3), 0 * x[..., -1:]], 3), torch.cat([x.diff(dim=2), 0 * x[..., -1:, :]], 2)], 1),
    lambda x: torch.cat([x.roll(-1, 3).where(torch.arange(x.shape[3]) < x.shape[3] - 1, x) - x,
                         x.roll(-1, 2).where((torch.arange(x.shape[2]) < x.shape[2] - 1)[:, None], x) - x], 1),
    lambda x: np.concatenate([np.pad(np.diff(x.numpy(), axis=axis), [(0, 0)] * axis + [(0, 1)] + [(0, 0)] * (3 - axis))
                              for axis in (3, 2)], 1),
], [
    (lambda x: losses.image_gradients(x).roll(x.shape[1], 1), "exchanged"),
    (lambda x: losses.image_gradients(x).abs(), "which side"),
    (lambda x: -losses.image_gradients(x), "other way round"),
    (lambda x: losses.image_gradients(x)[:, :x.shape[1]], "only across"),
    (lambda x: losses.image_gradients(x)[:, x.shape[1]:], "only down"),
    (lambda x: x[..., 1:] - x[..., :-1], "expected the shape"),
    (lambda x: losses.image_gradients(x).detach(), "no gradient passes"),
    (lambda x: torch.cat([x.roll(-1, 3) - x, x.roll(-1, 2) - x], 1), "wrap"),
    (edges(across=lambda x: (x[..., 2:] - x[..., :-2]) / 2, down=lambda x: (x[..., 2:, :] - x[..., :-2, :]) / 2), ""),
    (edges(before=True), ""),
    (edges(join=0), "expected the shape"),
    (lambda x: torch.stack([*losses.image_gradients(x).chunk(2, 1)], 2).flatten(1, 2), "channel by channel"),
    (lambda x: edges()(x)[:, ::2], "expected the shape"),
    (lambda x: losses.image_gradients(x.mean(1, keepdim=True)), "expected the shape"),
    (lambda x: losses.image_gradients(x) / 2, "0.5 times"),
    (lambda x: losses.image_gradients(x)[:, :x.shape[1]].repeat(1, 2, 1, 1), "across twice"),
    (lambda x: x.add_(1) * 0, "changes the tensor"),
    (lambda x: F.pad(losses.image_gradients(x)[..., :-1, :-1], (0, 1, 0, 1)), "in the last row, too"),
    (lambda x: losses.image_gradients(x).square(), SOME),
]


# ---- 3.1 receptive_field ----
def field(grow=lambda side, step, kernel, stride: side + (kernel - 1) * step, on=lambda step, kernel, stride: step * stride,
          start=1, last=lambda side, step: side):
    """The right answer, with screws to turn."""
    def found(layers):
        side, step = start, 1
        for kernel, stride in layers:
            side, step = grow(side, step, kernel, stride), on(step, kernel, stride)
        return last(side, step)
    return found


def own_stride(layers):
    side, step = 1, 1
    for kernel, stride in layers:
        step *= stride
        side += (kernel - 1) * step
    return side


def reached(layers):
    """Which input pixels one output sees, as a set, from the output back."""
    seen = {0}
    for kernel, stride in reversed(layers):
        seen = {stride * place + offset for place in seen for offset in range(kernel)}
    return max(seen) - min(seen) + 1


def emptied(layers):
    side = 1
    while layers:
        kernel, stride = layers.pop()
        side = (side - 1) * stride + kernel
    return side


def counted(layers):
    """How many input pixels one output sees: the side, since no stride leaves one out."""
    seen = {0}
    for kernel, stride in reversed(layers):
        seen = {stride * place + offset for place in seen for offset in range(kernel)}
    return len(seen)


RECEPTIVE_FIELD = [
    networks.receptive_field, field(), reached, counted, emptied,
    lambda layers: 1 + sum((kernel - 1) * math.prod(stride for _, stride in layers[:i]) for i, (kernel, _) in enumerate(layers)),
    lambda layers: Fraction(functools.reduce(lambda side, layer: (side - 1) * layer[1] + layer[0], layers[::-1], 1)),
    lambda layers: 1 + int((np.cumprod([1, *(s for _, s in layers)])[:-1] * [k - 1 for k, _ in layers]).sum()),
    lambda layers: torch.tensor(networks.receptive_field(layers)),
], [
    (field(on=lambda step, kernel, stride: 1), "strides have no effect"),
    (lambda layers: sum(kernel for kernel, _ in layers), "counted already"),
    (own_stride, "behind it"),
    (lambda layers: networks.receptive_field(layers) - 1, "one too few"),
    (lambda layers: networks.receptive_field(layers) + 1, "one too many"),
    (lambda layers: int(np.prod([stride for _, stride in layers])), "step between two outputs"),
    (lambda layers: networks.receptive_field(layers[::-1]), "from the output to the input"),
    (lambda layers: str(networks.receptive_field(layers)), "found str"),
    (field(on=lambda step, kernel, stride: step + stride - 1), "strides add up"),
    (field(on=lambda step, kernel, stride: stride), "just before"),
    (field(on=lambda step, kernel, stride: max(step, stride)), "largest stride"),
    (field(on=lambda step, kernel, stride: step if kernel == 1 else step * stride), "1 x 1 layer"),
    (field(grow=lambda side, step, kernel, stride: side + kernel * step), "whole kernel"),
    (lambda layers: networks.receptive_field(layers) ** 2, "number of pixels"),
    (lambda layers: networks.receptive_field(layers[:-1]), "last layer is missing"),
    (lambda layers: networks.receptive_field(layers[1:]), "first layer is missing"),
    (field(grow=lambda side, step, kernel, stride: side + 2 * (kernel // 2) * step), ""),
    (lambda layers: (networks.receptive_field(layers),) * 2, "found tuple"),
    (lambda layers: 23, "wrong value"),
    (lambda layers: networks.receptive_field(layers[:7]), ""),
    (lambda layers: networks.receptive_field([(kernel, min(stride, 4)) for kernel, stride in layers]), ""),
]


# ---- 3.2 local_adversarial_loss ----
def patch_loss(logits, label):
    """The right answer by another route than the library's."""
    target = torch.full((len(logits), *logits.shape[2:]), label)
    return whole(F.cross_entropy(logits, target, reduction="none")).sum(1)


def margin(logits, label):
    return logits[:, label] - logits[:, 1 - label]


class AsModule(torch.nn.Module):
    def forward(self, logits, label):
        return patch_loss(logits, label)


LOCAL_ADVERSARIAL_LOSS = [
    losses.local_adversarial_loss, patch_loss, AsModule(),
    lambda z, y: -F.logsigmoid(margin(z, y)).sum((1, 2)),
    lambda z, y: whole(torch.logaddexp(z[:, 0], z[:, 1]) - z[:, y]).sum(-1),
    lambda z, y: F.cross_entropy(z.flatten(2), torch.full((len(z), z[0, 0].numel()), y), reduction="none").sum(1),
    lambda z, y: -z.log_softmax(1).select(1, y).sum(-1).sum(-1),
    lambda z, y: torch.stack([patch_loss(one[None], y)[0] for one in z.unbind()]),
], [
    (lambda z, y: patch_loss(z, y) / z[0, 0].numel(), "mean or sum"),
    (lambda z, y: patch_loss(z, y).sum(), "each image"),
    (lambda z, y: patch_loss(z, y).mean(), "training loop"),
    (lambda z, y: patch_loss(z, y).mean() / z[0, 0].numel(), "and a mean"),
    (lambda z, y: -torch.log_softmax(z, 1)[:, y], "each patch"),
    (lambda z, y: -torch.log_softmax(z, 1)[:, y].sum(-1), "each row"),
    (lambda z, y: patch_loss(z, 1 - y), "labels are exchanged"),
    (failures.scrambled, "class axis"),
    (lambda z, y: -patch_loss(z, y), "sign"),
    (lambda z, y: -torch.log_softmax(z, 0)[:, y].sum((1, 2)), "wrong axis"),
    (lambda z, y: -torch.log_softmax(z, 3)[:, y].sum((1, 2)), "a row of the map"),
    (lambda z, y: -z[:, y].sum((1, 2)), "logits"),
    (lambda z, y: patch_loss(z.softmax(1), y), "twice"),
    (lambda z, y: -z.softmax(1)[:, y].sum((1, 2)), "probabilities"),
    (lambda z, y: (1 - z.softmax(1)[:, y]).sum((1, 2)), "one minus"),
    (lambda z, y: patch_loss(z, 1), "exchanged"),
    (lambda z, y: patch_loss(z.relu(), y), SOME),
    (lambda z, y: patch_loss(z, y).detach(), "no gradient passes"),
    (lambda z, y: torch.tensor(patch_loss(z, y).tolist()), "no gradient passes"),
    (lambda z, y: patch_loss(z, y).detach().numpy(), "no gradient passes"),
    (lambda z, y: -(z.softmax(1)[:, y]).log().sum((1, 2)), "infinite where the discriminator is sure"),
    (lambda z, y: -(z.softmax(1)[:, y] + 1e-3).log().sum((1, 2)), SOME),
    (lambda z, y: patch_loss(z, y) / math.log(2), "base 2"),
    (lambda z, y: -z.softmax(1)[:, y].mean((1, 2)).log(), "mean probability"),
    (lambda z, y: F.softplus(-z[:, y]).sum((1, 2)), SOME),
    (lambda z, y: z.neg_()[:, y].sum((1, 2)), "changes the tensor"),
    (lambda z, y: patch_loss(z.detach() / 2 + z / 2, y), "gradient"),
    (lambda z, y: patch_loss(z, y)[:, None], "expected the shape"),
]


# ---- 4.1 history_buffer ----
class Buffer(history.HistoryBuffer):
    """The library's buffer, for mistakes to be made in."""


class Growing(Buffer):
    def replace(self, images):
        images = images.detach().clone()
        self.images = images if self.images is None else torch.cat([self.images, images])
        self.filled = len(self.images)


class Full(Buffer):
    def replace(self, images):
        super().replace(images[:self.capacity - self.filled])


class Closed(Buffer):
    def replace(self, images):
        if self.filled < self.capacity:
            super().replace(images)


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
        if self.images is None:
            self.images, self.filled = images.detach(), len(images)
        else:
            new = images.detach()
            free = self.capacity - self.filled
            if len(new) > free:
                self.images[self._places(self.filled)[:len(new) - free]] = new[free:]
            self.images = torch.cat([self.images, new[:free]])
            self.filled = len(self.images)


class Lends(Buffer):
    def sample(self, n):
        if n == self.filled:
            return self.images[:n]
        return super().sample(n)


class KeepsGraph(Buffer):
    def replace(self, images):
        super().replace(images)
        if images.requires_grad:
            self.images = self.images.clone() + 0 * images.sum()


class Anywhere(Buffer):
    def _places(self, n):
        return torch.randperm(n)


class Fifo(Buffer):
    def replace(self, images):
        free = self.capacity - self.filled
        super().replace(images[:free])
        if len(images) > free:
            self.images = torch.cat([self.images, images[free:].detach()])[len(images) - free:]


class Neighbours(Buffer):
    def _places(self, n):
        return (torch.arange(n) + torch.randint(n, (1,), generator=self.generator)) % n

    def sample(self, n):
        return self.images[torch.randperm(self.filled, generator=self.generator)[:n]]


class Emptied(Buffer):
    def replace(self, images):
        if self.filled == self.capacity:
            self.filled = 0
        super().replace(images)


class Rounded(Buffer):
    def replace(self, images):
        super().replace((images.detach() * 10).round() / 10)


class Halves(Buffer):
    def sample(self, n):
        return super().sample(n).half()


class TakesOut(Buffer):
    def sample(self, n):
        drawn = super().sample(n)
        self.filled -= n
        return drawn


class OneShort(Buffer):
    def sample(self, n):
        return super().sample(n)[1:]


class Dropping(Buffer):
    def replace(self, images):
        free = self.capacity - self.filled
        super().replace(images[:free] if free else images)


class FirstHalf(Buffer):
    def sample(self, n):
        return self.images[self._places(max(n, self.filled // 2))[:n]]


class OneAlwaysDrawn(Buffer):
    def sample(self, n):
        return torch.cat([self.images[:1], self.images[1 + self._places(self.filled - 1)[:n - 1]]])


class FirstIsSafe(Buffer):
    def replace(self, images):
        if self.filled < 2:
            return super().replace(images)
        free = self.capacity - self.filled
        super().replace(images[:free])
        if len(images) > free:
            self.images[1 + self._places(self.filled - 1)[:len(images) - free]] = images[free:].detach()


class AlwaysFull(Buffer):
    def __len__(self):
        return self.capacity


class OrderedOnce(Buffer):
    """One order of the places, drawn when the buffer is made."""

    def __init__(self, capacity, generator):
        super().__init__(capacity, generator)
        self.order = torch.randperm(capacity, generator=generator)

    def _places(self, n):
        return self.order[self.order < n]


class GeneratorMadeAnew(Buffer):
    def _places(self, n):
        return torch.randperm(n, generator=torch.Generator().manual_seed(self.generator.initial_seed()))


class SeededAtEachCall(Buffer):
    def _places(self, n):
        torch.manual_seed(self.generator.initial_seed())
        return torch.randperm(n)


class SeededOnce(Buffer):
    """Chance that any other cell moves on."""

    def __init__(self, capacity, generator):
        super().__init__(capacity, generator)
        torch.manual_seed(generator.initial_seed())

    def _places(self, n):
        return torch.randperm(n)


class SamePlacesOverwritten(Buffer):
    """Drawn well, but the places that are overwritten are those of the start."""

    def __init__(self, capacity, generator):
        super().__init__(capacity, generator)
        self.order = torch.randperm(capacity, generator=generator)

    def replace(self, images):
        self._places = lambda n: self.order[self.order < n]
        super().replace(images)
        del self._places


class InFloat32(Buffer):
    def replace(self, images):
        super().replace(images.float())


class SetAside(Buffer):
    """Memory set aside as float32, whatever comes."""

    def replace(self, images):
        if self.images is None:
            self.images = torch.empty(self.capacity, *images.shape[1:])
        super().replace(images)


class BlockSampled(Buffer):
    def sample(self, n):
        start = torch.randint(self.filled, (1,), generator=self.generator)
        return self.images[(start + torch.arange(n)) % self.filled]


class BlockSampledEarly(Buffer):
    """Neighbours, as long as places are free."""

    def sample(self, n):
        if self.filled == self.capacity:
            return super().sample(n)
        return BlockSampled.sample(self, n)


class OldestGoInOverflow(Buffer):
    def replace(self, images):
        free = self.capacity - self.filled
        if 0 < free < len(images) and self.filled:
            super().replace(images[:free])
            self.images[:len(images) - free] = images[free:].detach()
        else:
            super().replace(images)


class OnlyPartsReturned(Buffer):
    """A return is forgotten where all are asked for."""

    def sample(self, n):
        if n < self.filled:
            return super().sample(n)


class OnlyFullReturned(Buffer):
    def sample(self, n):
        if self.filled == self.capacity:
            return super().sample(n)


def made_by_a_function(capacity, generator):
    return Buffer(capacity, generator)


class UnsolvedBuffer(Buffer):
    def replace(self, images):
        return ...


class Joined:
    """No memory set aside: what there is grows by `torch.cat`."""

    def __init__(self, capacity, generator):
        self.capacity, self.generator, self.kept = capacity, generator, None

    def __len__(self):
        return 0 if self.kept is None else len(self.kept)

    def sample(self, n):
        return self.kept[torch.randperm(len(self), generator=self.generator)[:n]]

    def replace(self, images):
        new, free = images.detach().clone(), self.capacity - len(self)
        if free < len(new):
            self.kept = self.sample(len(self))[len(new) - free:] if self.kept is not None else None      # the first ones go
        self.kept = new if self.kept is None else torch.cat([self.kept, new])


class Listed(list):
    """A list of images: shuffled, then cut."""

    def __init__(self, capacity, generator):
        super().__init__()
        self.capacity, self.generator = capacity, generator

    def order(self):
        return torch.randperm(len(self), generator=self.generator).tolist()

    def sample(self, n):
        return torch.stack([self[place] for place in self.order()[:n]])

    def replace(self, images):
        free = self.capacity - len(self)
        for place, image in zip(self.order(), images[free:]):
            self[place] = image.detach().clone()
        self.extend(image.detach().clone() for image in images[:free])


class InDict:
    """Images under the numbers of their places."""

    def __init__(self, capacity, generator):
        self.capacity, self.random, self.kept = capacity, np.random.default_rng(generator.initial_seed()), {}

    def __len__(self):
        return len(self.kept)

    def sample(self, n):
        return torch.stack([self.kept[place] for place in self.random.permutation(len(self))[:n].tolist()])

    def replace(self, images):
        images = images.detach().clone()
        free = list(range(len(self), self.capacity))
        used = self.random.permutation(len(self)).tolist()
        self.kept |= dict(zip((free + used)[:len(images)], images))


HISTORY_BUFFER = [history.HistoryBuffer, Buffer, Joined, Listed, InDict], [
    (failures.DeadBuffer, "stays empty"),
    (Growing, "beyond its capacity"),
    (Full, "did not fit dropped"),
    (Closed, "remembers the first images"),
    (FirstPlaces, "the same places"),
    (OldestSampled, "the same images again and again"),
    (DrawnTwice, "one image twice"),
    (PlacesDrawnTwice, "places drawn twice"),
    (SinglePixels, "pixels of different images"),
    (OverwritesEarly, "free places filled first"),
    (Views, "store a copy"),
    (Lends, "return a copy"),
    (KeepsGraph, "detach"),
    (Anywhere, "draw with `generator=`"),
    (Fifo, "the same places"),
    (Neighbours, "not neighbours"),
    (Emptied, "is not emptied"),
    (Rounded, "as they are"),
    (Halves, "come back as torch.float16"),
    (TakesOut, "takes nothing out"),
    (OneShort, "returns the shape"),
    (Dropping, "did not fit dropped"),
    (FirstHalf, "some of the stored images"),
    (OneAlwaysDrawn, "each time"),
    (FirstIsSafe, "never overwritten"),
    (AlwaysFull, "a new history holds"),
    (OrderedOnce, "the same images again and again"),
    (GeneratorMadeAnew, "each call draws anew"),
    (SeededAtEachCall, "the same images again and again"),
    (SeededOnce, "draw with `generator=`"),
    (SamePlacesOverwritten, "the same places are overwritten again and again"),
    (InFloat32, "come back as torch.float32"),
    (SetAside, "come back as torch.float32"),
    (BlockSampled, "few sets of images"),
    (BlockSampledEarly, "few sets of images"),
    (OldestGoInOverflow, "the same places"),
    (OnlyPartsReturned, "half written: sample returns nothing yet (sample("),
    (OnlyFullReturned, "half written: sample returns nothing yet (sample("),
    (made_by_a_function, "a class is asked for"),
    (functools.partial(Buffer), "a class is asked for"),
]


# ---- 4.2 mixed_batch ----
def mixed(fresh, buffer, store=lambda fresh, batch: fresh[:len(fresh) // 2], part=lambda fresh, buffer: len(fresh) // 2,
          enough=lambda fresh, buffer: len(buffer) >= len(fresh) // 2):
    """The right answer, with screws to turn."""
    n = part(fresh, buffer)
    batch = torch.cat([fresh[:len(fresh) - n], buffer.sample(n)]) if enough(fresh, buffer) else fresh
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


def even_only(fresh, buffer):
    part = len(fresh) // 2
    batch = torch.cat([fresh[:part], buffer.sample(part)]) if len(buffer) >= part else fresh
    buffer.replace(fresh[:part])
    return batch


def always_the_same(fresh, buffer):
    """The remembered images with the smallest first pixel."""
    part = len(fresh) // 2
    if len(buffer) < part:
        batch = fresh
    else:
        old = buffer.sample(len(buffer))
        batch = torch.cat([fresh[part:], old[old.flatten(1)[:, 0].argsort()[:part]]])
    buffer.replace(fresh[:part])
    return batch


def written_over(fresh, buffer):
    batch, half = fresh.clone(), len(fresh) // 2
    if len(buffer) >= half:
        batch[-half:] = buffer.sample(half)
    buffer.replace(fresh[-half:])
    return batch


def returned_when_full(fresh, buffer):
    """Two returns, one of them forgotten."""
    part = len(fresh) // 2
    if len(buffer) < part:
        buffer.replace(fresh[:part])
    else:
        old = buffer.sample(part)
        buffer.replace(fresh[:part])
        return torch.cat([fresh[part:], old])


def returned_when_empty(fresh, buffer):
    if len(buffer) < len(fresh) // 2:
        return mixed(fresh, buffer)
    mixed(fresh, buffer)


MIXED_BATCH = [
    history.mixed_batch, mixed, written_over,
    lambda f, b: mixed(f, b).flip(0),
    lambda f, b: mixed(f, b, store=lambda fresh, batch: fresh[-(len(fresh) // 2):]),
    lambda f, b: mixed(f, b, store=lambda fresh, batch: fresh[torch.randperm(len(fresh))[:len(fresh) // 2]]),
    lambda f, b: torch.stack(list(mixed(f, b).unbind(0))),
    lambda f, b: mixed(f[torch.randperm(len(f))], b),
], [
    (lambda f, b: f, "stays empty"),
    (falsy, "`if buffer:`"),
    (lambda f, b: mixed(f, b, enough=lambda f, b: True), "stops with"),
    (lambda f, b: mixed(f, b, part=lambda f, b: len(f)), "stops with ValueError"),
    (lambda f, b: mixed(f, b, part=lambda f, b: len(f) // 4), "2 of 8"),
    (stores_first, "twice in the batch"),
    (lambda f, b: mixed(f, b, store=lambda f, b: f[:0] if b is not f else f[:len(f) // 2]), "never stored"),
    (lambda f, b: mixed(f, b, store=lambda f, b: b[-(len(f) // 2):]), "never stored"),
    (lambda f, b: mixed(f, b, store=lambda f, b: b), ""),
    (lambda f, b: mixed(f, b, store=lambda f, b: f), "8 fresh images of 8 are stored"),
    (lambda f, b: mixed(f, b, store=lambda f, b: f[:1]), "1 fresh images of 8 are stored"),
    (always_the_same, "the same images are remembered"),
    (even_only, "6 images where 7 came in"),
    (lambda f, b: list(mixed(f, b)), "found list"),
    (lambda f, b: mixed(f, b)[:, 0], "batch of images"),
    (lambda f, b: mixed(f, b, enough=lambda f, b: len(b) > len(f) // 2), "is enough"),
    (lambda f, b: mixed(f, b, enough=lambda f, b: len(b) >= len(f)), "is enough"),
    (lambda f, b: mixed(f, b, part=lambda f, b: min(len(b), len(f) // 2), enough=lambda f, b: len(b) > 0), "fewer than half"),
    (lambda f, b: mixed(f, b, store=lambda f, b: -f[:len(f) // 2]), "as they are"),
    (lambda f, b: torch.cat([mixed(f, b)[:-1], b.sample(1)]), ""),
    (lambda f, b: (mixed(f, b) + f) / 2, "as they are"),
    (lambda f, b: f.copy_(mixed(f, b)), "changes the tensor"),
    (lambda f, b: torch.cat([f[:-(len(f) // 2)], b.images[:len(f) // 2]]), "AttributeError"),
    (lambda f, b: mixed(f, b).double(), "the batch has the type float64"),
    (lambda f, b: mixed(f, b).float(), "keep their type"),
    (lambda f, b: mixed(f, b, store=lambda f, b: f[:len(f) // 2].float()), "stored as torch.float32"),
    (returned_when_full, "returns nothing yet for a tensor (8, 1, 2, 3), a buffer of"),
    (returned_when_empty, "returns nothing yet for a tensor (8, 1, 2, 3), a buffer of 4"),
]


# ---- 4.3 chance_to_survive ----
def survives(k, B, b):
    return (1 - b / 2 / B) ** k


CHANCE_TO_SURVIVE = [
    history.chance_to_survive, survives,
    lambda k, B, b: float((1 - (b // 2) / B) ** k),
    lambda k, B, b: (1 - Fraction(b, 2 * B)) ** k,
    lambda k, B, b: np.float32(survives(k, B, b)),
    lambda k, B, b: torch.pow(torch.tensor((2 * B - b) / (2 * B)), k),
    lambda k, B, b: math.prod([(B - b / 2) / B] * k),
    lambda k, B, b: statistics.fmean([survives(k, B, b)] * 3),
], [
    (lambda k, B, b: max(0, 1 - b / B) ** k, "only half"),
    (lambda k, B, b: 1 - survives(k, B, b), "to be gone"),
    (lambda k, B, b: 1 - b / 2 / B, "one round"),
    (lambda k, B, b: b / 2 / B, "overwritten in one round"),
    (lambda k, B, b: max(0.0, 1 - k * b / 2 / B), "added up"),
    (lambda k, B, b: (b / 2 / B) ** k, "every single round"),
    (lambda k, B, b: (1 - 1 / B) ** (k * b / 2), "cannot strike twice"),
    (lambda k, B, b: (1 - 1 / B) ** k, "only one image"),
    (lambda k, B, b: survives(k - 1, B, b), ""),
    (lambda k, B, b: survives(k + 1, B, b), "one round too many"),
    (lambda k, B, b: 2 ** (-k * b / B), "half-life"),
    (lambda k, B, b: math.exp(-k * b / 2 / B), "many small rounds"),
    (lambda k, B, b: 100 * survives(k, B, b), "percent"),
    (lambda k, B, b: k * (1 - b / 2 / B), "each round multiplies"),
    (lambda k, B, b: survives(k, B, b).real if k else "1", "found str"),
    (lambda k, B, b: round(survives(k, B, b), 2), "wrong value"),
    (lambda k, B, b: torch.full((k + 1,), survives(k, B, b)), "expected the shape ()"),
    (lambda k, B, b: k / (2 * B / b), "wrong value"),
]


# ---- 5.1 refiner_loss ----
def refine_loss(fool, stay):
    def loss(logits, refined, synthetic, weight, features=None):
        return fool(logits) + stay(refined, synthetic, weight, features)
    return loss


def wish(label):
    return lambda logits: losses.local_adversarial_loss(logits, label)


def near(refined, synthetic, weight, features=None):
    return weight * losses.self_regularization(refined, synthetic, features)


def with_all(then):
    """The right loss, and then something with it."""
    return lambda *given: then(losses.refiner_loss(*given))


REFINER_LOSS = [
    losses.refiner_loss, refine_loss(wish(0), near),
    refine_loss(lambda z: -F.logsigmoid(z[:, 0] - z[:, 1]).sum((1, 2)), near),
    refine_loss(lambda z: patch_loss(z, 0).double(), near),
    refine_loss(wish(0), lambda r, s, w, f=None: w * whole((f or losses.identity)(r) - (f or losses.identity)(s)).abs().sum(1)),
    lambda logits, refined, synthetic, weight, features=losses.identity: torch.stack(
        [wish(0)(z[None])[0] + near(r[None], s[None], weight, features)[0] for z, r, s in zip(logits, refined, synthetic)]),
    lambda z, r, s, w, f=None: sum([wish(0)(z), near(r, s, w, f)]),
], [
    (refine_loss(wish(1), near), "helps the discriminator"),
    (refine_loss(lambda z: -wish(1)(z), near), "vanishes"),
    (refine_loss(lambda z: wish(0)(z) - wish(1)(z), near), "difference of both verdicts"),
    (refine_loss(wish(0), lambda r, s, w, f=None: near(r, s, 1, f)), "weight is missing"),
    (lambda z, r, s, w, f=None: w * wish(0)(z) + near(r, s, 1, f), "wrong term"),
    (lambda z, r, s, w, f=None: w * wish(0)(z) + near(r, s, w, f), "both terms"),
    (lambda z, r, s, w, f=None: (1 - w) * wish(0)(z) + near(r, s, w, f), "shared out"),
    (lambda z, r, s, w, f=None: near(r, s, w, f), "no adversarial term"),
    (lambda z, r, s, w, f=None: wish(0)(z), "no self-regularization"),
    (refine_loss(wish(0), lambda r, s, w, f=None: -near(r, s, w, f)), "check a sign"),
    (with_all(torch.mean), "each image"),
    (with_all(torch.sum), "and a sum"),
    (with_all(torch.detach), "no gradient passes"),
    (with_all(lambda loss: 2 * loss), "2 times"),
    (refine_loss(wish(0), lambda r, s, w, f=None: near(r, s, w, f) / r[0].numel()), "mean over pixels"),
    (refine_loss(lambda z: wish(0)(z) / z[0, 0].numel(), near), "mean over patches"),
    (refine_loss(wish(0), lambda r, s, w, f=None: near(r, s, w)), "whatever `features` is"),
    (refine_loss(wish(0), lambda r, s, w, f=None: near(r.detach(), s, w, f)), "no gradient reaches refined"),
    (refine_loss(lambda z: wish(0)(z.detach()), near), "no gradient reaches the logits"),
    (refine_loss(lambda z: torch.tensor(wish(0)(z).tolist()), near), "no gradient reaches the logits"),
    (lambda z, r, s, w: wish(0)(z) + near(r, s, w), "TypeError"),
    (lambda z, r, s, w, features: wish(0)(z) + near(r, s, w, features), "TypeError"),
    (refine_loss(wish(0), lambda r, s, w, f=None: near(r, s, 0.3, f)), ""),
]


# ---- 5.2 discriminator_loss ----
def together(on_refined, on_real):
    """One batch of both kinds, with a label for each."""
    logits = torch.cat([on_refined, on_real])
    labels = torch.tensor([1, 0]).repeat_interleave(len(on_real))[:, None, None].expand(-1, *logits.shape[2:])
    return F.cross_entropy(logits, labels, reduction="none").sum((1, 2)).reshape(2, -1).sum(0)


DISCRIMINATOR_LOSS = [
    losses.discriminator_loss, together,
    lambda a, b: patch_loss(a, 1) + patch_loss(b, 0),
    lambda a, b: -(F.logsigmoid(a[:, 1] - a[:, 0]) + F.logsigmoid(b[:, 0] - b[:, 1])).sum((1, 2)),
    lambda a, b: whole(-a.log_softmax(1)[:, 1] - b.log_softmax(1)[:, 0]).sum(1),
    lambda a, b: (F.softplus(margin(a, 0)) + F.softplus(margin(b, 1))).sum((1, 2)),
    lambda a, b: whole(a.logsumexp(1) - a[:, 1] + b.logsumexp(1) - b[:, 0]).sum(1),
    lambda a, b: torch.stack([losses.discriminator_loss(x[None], y[None])[0] for x, y in zip(a, b)]),
], [
    (lambda a, b: wish(0)(a) + wish(1)(b), "exchanged"),
    (lambda a, b: wish(0)(a) + wish(0)(b), "the refiner's wish"),
    (lambda a, b: wish(1)(a) + wish(1)(b), "real images are to be called real"),
    (lambda a, b: wish(1)(a), "the real images are missing"),
    (lambda a, b: wish(0)(b), "the refined images are missing"),
    (lambda a, b: wish(1)(a) - wish(0)(b), "a minus"),
    (lambda a, b: (wish(1)(a) + wish(0)(b)) / 2, "half of it"),
    (lambda a, b: (wish(1)(a) + wish(0)(b)) / a[0, 0].numel(), "mean or sum?"),
    (lambda a, b: (wish(1)(a) + wish(0)(b)).mean(), "each pair"),
    (lambda a, b: (wish(1)(a) + wish(0)(b)).sum(), "and a sum"),
    (lambda a, b: failures.scrambled(a, 1) + failures.scrambled(b, 0), SOME),
    (lambda a, b: 2 * wish(0)(b), "real images twice"),
    (lambda a, b: torch.maximum(wish(1)(a), wish(0)(b)), "larger of both"),
    (lambda a, b: torch.hstack([wish(1)(a), wish(0)(b)]), "pair by pair"),
    (lambda a, b: wish(1)(a.detach()) + wish(0)(b), "no gradient reaches the refined images"),
    (lambda a, b: wish(1)(a) + wish(0)(b).detach(), "no gradient reaches the real images"),
    (lambda a, b: together(a, b).detach().numpy(), "no gradient passes"),
    (lambda a, b: -together(a, b), "sign"),
    (lambda a, b: together(a, b).half().float(), SOME),
    (lambda a, b: 0.9 * wish(1)(a) + 0.1 * wish(0)(a) + 0.9 * wish(0)(b) + 0.1 * wish(1)(b), "both sides"),
    (lambda a, b: (a[:, 0] - b[:, 0]).sum((1, 2)), SOME),
    (lambda a, b: together(a, b.sub_(b.mean())), "changes the tensor"),
    (lambda a, b: -(a.softmax(1)[:, 1].clamp(min=1e-3).log() + b.softmax(1)[:, 0].clamp(min=1e-3).log()).sum((1, 2)), SOME),
    (lambda a, b: (F.relu(1 - margin(a, 1)) + F.relu(1 - margin(b, 0))).sum((1, 2)), SOME),                       # the hinge loss
    (lambda a, b: F.softplus(margin(b, 1) - margin(a, 1)).sum((1, 2)), SOME),              # more real than its partner
    (lambda a, b: together(a / 2 + a.detach() / 2, b), "not the gradient"),
    (lambda a, b: wish(1)(a).sort().values + wish(0)(b).sort().values, SOME),
]

BANK = {
    "who_sees_what": WHO_SEES_WHAT,
    "gaze_vector": GAZE_VECTOR,
    "angular_error_deg": ANGULAR_ERROR_DEG,
    "self_regularization": SELF_REGULARIZATION,
    "image_gradients": IMAGE_GRADIENTS,
    "receptive_field": RECEPTIVE_FIELD,
    "local_adversarial_loss": LOCAL_ADVERSARIAL_LOSS,
    "history_buffer": HISTORY_BUFFER,
    "mixed_batch": MIXED_BATCH,
    "chance_to_survive": CHANCE_TO_SURVIVE,
    "refiner_loss": REFINER_LOSS,
    "discriminator_loss": DISCRIMINATOR_LOSS,
}
