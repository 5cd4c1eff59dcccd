"""Right and wrong answers to the exercises of notebooks 12 and 13, written apart from the checks.

BANK: {check: ([right answer, ...], [(wrong answer, words of the message that it must get), ...])}.
"""

import functools

import numpy as np
import torch
from torch.nn import functional as F

from simgan_lib.neighbours import rotation, ssgan


# ---- 12.1 rotate_batch: images (n, c, s, s) -> (turned (4 n, c, s, s), labels) ----
def rotated(images, turns=(0, 1, 2, 3), axes=(2, 3), turn=torch.rot90):
    return torch.cat([turn(images, k, axes) for k in turns]), torch.arange(4).repeat_interleave(len(images))


def by_flips(images):
    """A quarter turn against the clock is a transpose and then a flip of the rows."""
    quarter = images.transpose(2, 3).flip(2)
    half = images.flip((2, 3))
    three = images.flip(2).transpose(2, 3)
    return torch.cat([images, quarter, half, three]), torch.cat([torch.full((len(images),), k) for k in range(4)])


def transposed(images, *parts, labels=None):
    return torch.cat([images, *parts]), torch.arange(4).repeat_interleave(len(images)) if labels is None else labels


def one_after_the_other(images):
    turned = [torch.rot90(image, k, (1, 2)) for image in images for k in range(4)]
    return torch.stack(turned), torch.arange(4).repeat(len(images))


def labelled(change):
    return lambda images: (rotated(images)[0], change(torch.arange(4).repeat_interleave(len(images)), images))


ROTATE_BATCH = [
    rotated, by_flips, rotation.rotate_batch,
    lambda images: list(rotated(images)),
    lambda images: (torch.stack([torch.rot90(images, k, (-2, -1)) for k in range(4)]).flatten(0, 1),
                    torch.tensor([k for k in range(4) for _ in images])),
    lambda images: (torch.from_numpy(np.concatenate([np.rot90(images.numpy(), k, (2, 3)) for k in range(4)])),
                    torch.from_numpy(np.repeat(np.arange(4), len(images)))),
], [
    (lambda x: transposed(x, x.mT, torch.rot90(x, 2, (2, 3)), x.mT.flip(2, 3)), "transpose"),
    (lambda x: transposed(x, x.mT, x.flip(2), x.mT.flip(2)), "transpose"),
    (lambda x: transposed(x, x.mT, x.flip(2, 3), x.mT), "transpose"),
    (lambda x: transposed(x, x.flip(3), x.flip(2, 3), x.flip(2)), "mirror"),
    (functools.partial(rotated, turns=(0, 3, 2, 1)), "against the clock"),
    (functools.partial(rotated, turns=(0, -1, -2, -3)), "against the clock"),
    (functools.partial(rotated, turns=(1, 2, 3)), "are missing"),
    (functools.partial(rotated, turns=(1, 2, 3, 0)), "come first"),
    (functools.partial(rotated, turns=(0, 0, 0, 0)), "nothing is turned"),
    (one_after_the_other, "stand together"),
    (lambda x: (one_after_the_other(x)[0], rotated(x)[1]), "stand together"),
    (lambda x: (rotated(x)[0], one_after_the_other(x)[1]), ""),
    (labelled(lambda labels, x: labels + 1), "begin at 0"),
    (labelled(lambda labels, x: 90 * labels), "degrees"),
    (labelled(lambda labels, x: labels.float()), "whole numbers"),
    (labelled(lambda labels, x: 0 * labels), ""),
    (labelled(lambda labels, x: F.one_hot(labels, 4)), "shape"),
    (labelled(lambda labels, x: torch.arange(4)), ""),
    (lambda x: rotated(x)[0], "two things"),
    (lambda x: (rotated(x)[0] * 0.5, rotated(x)[1]), "0.5 times"),
    (lambda x: rotated(x.flip(0)) if len(x) > 1 else rotated(x), ""),
]


# ---- 12.2 and 12.3: SS-GAN's losses ----
def turned(judge, images, loss=lambda logits, labels: F.cross_entropy(logits, labels)):
    images, labels = rotated(images)
    return loss(judge.turned(images), labels)


def hinge(judge, real, fake):
    return F.relu(1 - judge(real)).mean() + F.relu(1 + judge(fake)).mean()


def right_discriminator(judge, real, fake, beta, fool=lambda fake: fake.detach(), verdict=hinge, turns=turned):
    return verdict(judge, real, fool(fake)) + beta * turns(judge, real)


def by_hand(judge, real, fake, beta):
    images, labels = by_flips(real)
    chance = judge.turned(images).log_softmax(1)
    return ((1 - judge(real)).clamp(min=0).mean() + (1 + judge(fake.detach())).clamp(min=0).mean()
            - beta * chance[torch.arange(len(labels)), labels].mean())


def at_once(judge, real, fake, beta):
    """Both sets through the discriminator in one batch."""
    on_real, on_fake = judge(torch.cat([real, fake.detach()])).split([len(real), len(fake)])
    return F.relu(1 - on_real).mean() + F.relu(1 + on_fake).mean() + beta * turned(judge, real)


def none_where_no_weight(judge, real, fake, beta):
    loss = hinge(judge, real, fake.detach())
    return loss + beta * turned(judge, real) if beta else loss


def without_graph(judge, real, fake, beta):
    with torch.no_grad():
        on_fake = F.relu(1 + judge(fake)).mean()
    return F.relu(1 - judge(real)).mean() + on_fake + beta * turned(judge, real)


def half_taught(judge, real, fake, beta):
    return hinge(judge, real, fake.detach()) + beta * turned(judge, real).detach()


def with_fakes(judge, real, fake, beta):
    return hinge(judge, real, fake.detach()) + beta * (turned(judge, real) + turned(judge, fake.detach()))


def binary(logits, labels):
    return F.binary_cross_entropy_with_logits(logits, F.one_hot(labels, 4).float())


def verdict(on_real=lambda v: F.relu(1 - v).mean(), on_fake=lambda v: F.relu(1 + v).mean()):
    return functools.partial(right_discriminator, verdict=lambda judge, real, fake: on_real(judge(real)) + on_fake(judge(fake)))


ROTATION_DISCRIMINATOR_LOSS = [
    right_discriminator, by_hand, at_once, none_where_no_weight,
    lambda judge, real, fake, beta: ssgan.discriminator_loss(judge, real, fake, beta),
    functools.partial(right_discriminator, turns=lambda judge, real: turned(judge, real, F.cross_entropy) + 0),
], [
    (functools.partial(right_discriminator, verdict=lambda judge, real, fake: hinge(judge, rotated(real)[0], rotated(fake)[0])),
     "upright"),
    (functools.partial(right_discriminator, verdict=lambda judge, real, fake: hinge(judge, rotated(real)[0], fake)), "upright"),
    (with_fakes, "real ones alone"),
    (lambda judge, real, fake, beta: hinge(judge, real, fake.detach()) + beta * turned(judge, torch.cat([real, fake.detach()])),
     "real ones alone"),
    (lambda judge, real, fake, beta: hinge(judge, real, fake.detach()) + beta * turned(judge, fake.detach()), "in place of real"),
    (functools.partial(right_discriminator, turns=lambda judge, real: turned(judge, real, binary)), "binary"),
    (lambda judge, real, fake, beta: hinge(judge, real, fake.detach()) + turned(judge, real), "beta is missing"),
    (lambda judge, real, fake, beta: hinge(judge, real, fake.detach()), "no rotation loss"),
    (lambda judge, real, fake, beta: beta * hinge(judge, real, fake.detach()) + turned(judge, real), "wrong term"),
    (lambda judge, real, fake, beta: hinge(judge, real, fake.detach()) - beta * turned(judge, real), "sign"),
    (lambda judge, real, fake, beta: right_discriminator(judge, fake, real, beta), ""),
    (verdict(lambda v: F.relu(1 + v).mean(), lambda v: F.relu(1 - v).mean()), "exchanged"),
    (verdict(lambda v: -v.mean(), lambda v: v.mean()), "Wasserstein"),
    (verdict(lambda v: F.softplus(-v).mean(), lambda v: F.softplus(v).mean()), "in place of the hinge"),
    (verdict(lambda v: F.relu(1 - v).sum(), lambda v: F.relu(1 + v).sum()), "sums"),
    (verdict(lambda v: F.relu(1 - v).mean() / 2, lambda v: F.relu(1 + v).mean() / 2), "mean of both"),
    (functools.partial(right_discriminator, turns=lambda judge, real: 4 * len(real) * turned(judge, real)), "take its mean"),
    (functools.partial(right_discriminator, fool=lambda fake: fake), "detach"),
    (without_graph, "gradient"),
    (half_taught, "gradient"),
    (functools.partial(right_discriminator, turns=lambda judge, real: F.cross_entropy(
        judge.turned(torch.cat([real, real.mT, real.flip(2, 3), real.mT])), rotated(real)[1])), ""),
    (functools.partial(right_discriminator, turns=lambda judge, real: F.cross_entropy(
        judge.turned(real), torch.zeros(len(real), dtype=torch.long))), ""),
]


def right_generator(judge, fake, alpha, score=lambda v: -v.mean(), turns=turned):
    return score(judge(fake)) + alpha * turns(judge, fake)


ROTATION_GENERATOR_LOSS = [
    right_generator,
    lambda judge, fake, alpha: ssgan.generator_loss(judge, fake, alpha),
    lambda judge, fake, alpha: -judge(fake).sum() / len(fake) - alpha * judge.turned(by_flips(fake)[0]).log_softmax(1)[
        torch.arange(4 * len(fake)), by_flips(fake)[1]].mean(),
    lambda judge, fake, alpha: torch.stack([-judge(fake).mean(), alpha * turned(judge, fake)]).sum(),
    lambda judge, fake, alpha: right_generator(judge, fake, alpha) if alpha else -judge(fake).mean(),
], [
    (lambda judge, fake, alpha: -judge(rotated(fake)[0]).mean() + alpha * turned(judge, fake), "upright"),
    (functools.partial(right_generator, score=lambda v: v.mean()), "convict"),
    (functools.partial(right_generator, score=lambda v: F.relu(1 - v).mean()), "hinge"),
    (functools.partial(right_generator, score=lambda v: F.softplus(-v).mean()), "plain score"),
    (functools.partial(right_generator, score=lambda v: -v.sum()), "sums"),
    (lambda judge, fake, alpha: right_generator(judge, fake, -alpha), "hides"),
    (lambda judge, fake, alpha: right_generator(judge, fake, 1), "alpha is missing"),
    (lambda judge, fake, alpha: right_generator(judge, fake, 0), "no rotation loss"),
    (lambda judge, fake, alpha: -alpha * judge(fake).mean() + turned(judge, fake), "wrong term"),
    (functools.partial(right_generator, turns=lambda judge, fake: turned(judge, fake, binary)), "binary"),
    (functools.partial(right_generator, turns=lambda judge, fake: 4 * len(fake) * turned(judge, fake)), "take its mean"),
    (lambda judge, fake, alpha: right_generator(judge, fake.detach(), alpha), "no gradient"),
    (lambda judge, fake, alpha: -judge(fake).mean() + alpha * turned(judge, fake.detach()), "gradient"),
    (lambda judge, fake, alpha: -judge(fake.detach()).mean() + alpha * turned(judge, fake), "gradient"),
    (functools.partial(right_generator, turns=lambda judge, fake: F.cross_entropy(
        judge.turned(torch.cat([fake, fake.mT, fake.flip(2, 3), fake.mT])), rotated(fake)[1])), ""),
]


# ---- 13.1 hypercolumn: maps [(n, c, h, w), ...], size -> (n, sum of c, *size) ----
def stretched(maps, size, **how):
    return torch.cat([F.interpolate(one, size, **{"mode": "bilinear", "align_corners": False} | how) for one in maps], 1)


def by_places(maps, size):
    """Each pixel's place in the coarse map, written out: middles of pixels on middles, linear in between."""
    def along(one, dim, n):
        old = one.shape[dim]
        at = ((torch.arange(n) + 0.5) * old / n - 0.5).clamp(0, old - 1)
        low = at.floor().long()
        share = (at - low).reshape([-1 if d == dim else 1 for d in range(4)])
        return one.index_select(dim, low) * (1 - share) + one.index_select(dim, (low + 1).clamp(max=old - 1)) * share
    return torch.cat([along(along(one, 2, size[0]), 3, size[1]) for one in maps], 1)


def by_upsample(maps, size):
    layer = torch.nn.Upsample(size, mode="bilinear")
    return torch.cat([layer(one) for one in maps], dim=1)


def by_sampling(maps, size):
    columns = []
    for one in maps:
        whole = torch.eye(2, 3).expand(len(one), 2, 3)
        grid = F.affine_grid(whole, [len(one), 1, *size], align_corners=False)
        columns.append(F.grid_sample(one, grid, padding_mode="border", align_corners=False))
    return torch.cat(columns, 1)


def filled(maps, size):
    columns = torch.zeros(len(maps[0]), sum(one.shape[1] for one in maps), *size)
    at = 0
    for one in maps:
        columns[:, at:at + one.shape[1]] = F.interpolate(one, size=size, mode="bilinear")
        at += one.shape[1]
    return columns


def repeated(maps, size):
    rows = [-(-size[0] // one.shape[2]) for one in maps]
    columns = [-(-size[1] // one.shape[3]) for one in maps]
    return torch.cat([one.repeat_interleave(r, 2).repeat_interleave(c, 3)[..., :size[0], :size[1]]
                      for one, r, c in zip(maps, rows, columns)], 1)


def cornered(maps, size):
    found = torch.zeros(len(maps[0]), sum(one.shape[1] for one in maps), *size)
    at = 0
    for one in maps:
        found[:, at:at + one.shape[1], :one.shape[2], :one.shape[3]] = one
        at += one.shape[1]
    return found


HYPERCOLUMN = [
    stretched, by_places, by_upsample, by_sampling, filled,
    lambda maps, size: torch.cat([F.interpolate(one, tuple(size), mode="bilinear") for one in list(maps)], -3),
], [
    (functools.partial(stretched, mode="nearest", align_corners=None), "nearest"),
    (functools.partial(stretched, mode="nearest-exact", align_corners=None), ""),
    (lambda maps, size: torch.cat([F.interpolate(one, size) for one in maps], 1), "nearest"),
    (functools.partial(stretched, align_corners=True), "align_corners"),
    (functools.partial(stretched, mode="bicubic"), "bicubic"),
    (functools.partial(stretched, mode="area", align_corners=None), "areas"),
    (repeated, "whole factors"),
    (cornered, "corner"),
    (lambda maps, size: stretched(maps[::-1], size), "reverse"),
    (lambda maps, size: stretched(maps[:1], size), "first map"),
    (lambda maps, size: stretched(maps[-1:], size), "last map"),
    (lambda maps, size: stretched(maps, size[::-1]), "height and width"),
    (lambda maps, size: stretched([one.mT for one in maps], size), "rows and columns"),
    (lambda maps, size: [F.interpolate(one, size, mode="bilinear") for one in maps], "one tensor"),
    (lambda maps, size: torch.cat([F.interpolate(one.mean(1, keepdim=True), size, mode="bilinear") for one in maps], 1), "shape"),
    (lambda maps, size: sum(F.interpolate(one, size, mode="bilinear").mean(1, keepdim=True) for one in maps), ""),
    (lambda maps, size: F.normalize(stretched(maps, size), dim=1), ""),
    (lambda maps, size: F.relu(stretched(maps, size)), ""),
    (lambda maps, size: stretched(maps, size).flip(3), ""),
    (lambda maps, size: stretched(maps, size).movedim(1, 3), ""),
    (lambda maps, size: stretched(maps, maps[0].shape[2:]), ""),
]


# ---- 13.2 part_iou: predicted, true (n, h, w), classes -> (classes,) ----
def counted(predicted, true, classes, share=lambda found, wanted: (found & wanted).sum() / (found | wanted).sum()):
    return torch.stack([torch.as_tensor(share(predicted == part, true == part)).double() for part in range(classes)])


def by_confusion(predicted, true, classes):
    table = torch.zeros(classes, classes, dtype=torch.float64)
    for one, other in zip(predicted.flatten().tolist(), true.flatten().tolist()):
        table[other, one] += 1
    return table.diagonal() / (table.sum(0) + table.sum(1) - table.diagonal())


def by_sets(predicted, true, classes):
    found = []
    for part in range(classes):
        one = {at for at, value in enumerate(predicted.flatten().tolist()) if value == part}
        other = {at for at, value in enumerate(true.flatten().tolist()) if value == part}
        found.append(len(one & other) / len(one | other) if one | other else float("nan"))
    return torch.tensor(found)


def by_one_hot(predicted, true, classes):
    one, other = (F.one_hot(mask.long(), classes).float() for mask in (predicted, true))
    both = (one * other).sum((0, 1, 2))
    return both / (one + other - one * other).sum((0, 1, 2))


def by_numpy(predicted, true, classes):
    p, t = predicted.numpy(), true.numpy()
    with np.errstate(invalid="ignore"):
        return np.array([((p == k) & (t == k)).sum() / np.float64(((p == k) | (t == k)).sum()) for k in range(classes)])


def from_dice(predicted, true, classes):
    dice = counted(predicted, true, classes, lambda found, wanted: 2 * (found & wanted).sum() / (found.sum() + wanted.sum()))
    return dice / (2 - dice)


def of_images(predicted, true, classes, mean=lambda values: values.nanmean(0)):
    return mean(torch.stack([counted(p[None], t[None], classes) for p, t in zip(predicted, true)]))


def shared(share):
    return functools.partial(counted, share=share)


PART_IOU = [
    counted, by_confusion, by_sets, by_one_hot, by_numpy, from_dice,
], [
    (of_images, "mean over images"),
    (functools.partial(of_images, mean=lambda values: values.nan_to_num(0.0).mean(0)), "mean over images"),
    (functools.partial(of_images, mean=lambda values: values.mean(0)), ""),
    (lambda p, t, k: counted(p, t, k).nan_to_num(0.0), "NaN"),
    (lambda p, t, k: counted(p, t, k).nan_to_num(1.0), "NaN"),
    (shared(lambda found, wanted: (found & wanted).sum() / ((found | wanted).sum() + 1e-9)), "NaN"),
    (shared(lambda found, wanted: (found & wanted).sum() / (found | wanted).sum() if wanted.any() else float("nan")), "0, not NaN"),
    (shared(lambda found, wanted: (found & wanted).sum() / (found | wanted).sum() if found.any() else float("nan")), "0, not NaN"),
    (shared(lambda found, wanted: (found & wanted).sum() / wanted.sum()), "were found"),
    (shared(lambda found, wanted: (found & wanted).sum() / found.sum()), "are right"),
    (shared(lambda found, wanted: 2 * (found & wanted).sum() / (found.sum() + wanted.sum())), "Dice"),
    (shared(lambda found, wanted: (found & wanted).sum() / (found.sum() + wanted.sum())), "twice"),
    (shared(lambda found, wanted: (found & wanted).sum() / torch.maximum(found.sum(), wanted.sum())), "larger"),
    (shared(lambda found, wanted: (found & wanted).sum() / torch.minimum(found.sum(), wanted.sum())), "smaller"),
    (shared(lambda found, wanted: (found & wanted).double().mean()), "all pixels"),
    (shared(lambda found, wanted: (found == wanted).double().mean()), "small part"),
    (shared(lambda found, wanted: (found ^ wanted).sum() / (found | wanted).sum()), "what differs"),
    (shared(lambda found, wanted: (found | wanted).sum() / (found & wanted).sum()), "upside down"),
    (lambda p, t, k: counted(p, t, k).nanmean(), "shape"),
    (lambda p, t, k: counted(p, t, k)[1:], "shape"),
    (lambda p, t, k: 100 * counted(p, t, k), "100 times"),
    (lambda p, t, k: (p == t).double().mean(), "shape"),
    (lambda p, t, k: counted(p, t, k).flip(0), ""),
    (lambda p, t, k: counted(p, t, len(t.unique())), ""),
]

BANK = {"rotate_batch": ROTATE_BATCH, "rotation_discriminator_loss": ROTATION_DISCRIMINATOR_LOSS,
        "rotation_generator_loss": ROTATION_GENERATOR_LOSS, "hypercolumn": HYPERCOLUMN, "part_iou": PART_IOU}
