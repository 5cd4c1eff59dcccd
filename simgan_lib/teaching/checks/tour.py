"""Check of notebook 00: which images each network learns from."""

from collections import Counter

import torch

from .base import check, expect, plain, same, which, wrong_if


def training_sets(refiner, synthetic, gaze, real):
    """What the discriminator and the gaze estimator learn from: (images, is_refined), (images, gaze).

    refiner: from images to their refined images, of the same shape.  synthetic: float (N, C, H, W) in [-1, 1], with gaze (N, 2).
    real: float (M, C, H, W), without labels.  is_refined: float (N + M,), 1 for refined, 0 for real: `losses.REFINED`, `REAL`.
    """
    refined = refiner(synthetic)
    is_refined = torch.cat([refined.new_ones(len(refined)), real.new_zeros(len(real))])
    return (torch.cat([refined, real]), is_refined), (refined, gaze)


@check(training_sets)
def who_sees_what(answer, draw):
    """Refined and real images for the discriminator; for the gaze estimator refined ones, with the simulator's labels."""
    n, *shape = draw.images(least=2)
    synthetic, gaze, real = draw.values(n, *shape), draw.values(n, 2), draw.values(n + draw.one_of(2, 1, 4, -1) or 2, *shape)
    slope, shift = draw.number(0.3, 0.6), draw.number(0.1, 0.3)

    def refiner(images):
        return slope * images + shift

    judged, learned = map(_two, _two(answer(refiner, synthetic, gaze, real)))
    (_, is_refined), (refined, _) = training_sets(refiner, synthetic, gaze, real)
    known = {"refined": refined, "real": real, "raw synthetic": synthetic,
             "refined real": refiner(real), "twice refined": refiner(refined)}
    _learns("the discriminator (first pair)", *judged, known, is_refined, exchanged=1 - is_refined)
    _learns("the gaze estimator (second pair)", *learned, known, gaze, exchanged=gaze.flip(1))


def _two(value):
    wrong_if(not isinstance(value, (tuple, list)) or len(value) != 2,
             "two pairs are asked: one for the discriminator, and then one for the gaze estimator")
    return value


def _learns(who, images, found, known, labels, exchanged):
    """Ask for the first of the known images, {kind: images}, as many as labels: each once, with its own label, in any order."""
    kinds, places = [kind for kind in known for _ in known[kind]], which(images, torch.cat([*known.values()]))
    seen, asked = (Counter(kinds[place] for place in some) for some in (set(places), range(len(labels))))
    wrong_if(seen - asked, f"{who} sees {' and '.join(seen - asked)} images: are they meant for it?")
    wrong_if(asked - seen, f"{who} misses {' and '.join(asked - seen)} images")
    wrong_if(len(places) > len(labels), f"{who} sees an image twice")
    found, right = plain(found), plain(labels)[places]
    wrong_if(not same(found, right) and same(found.sort(0).values, right.sort(0).values),
             f"{who} gets the right images and labels, but out of step: each image has its own label")
    expect(found, right, {f"{who} gets exchanged labels: what does each number stand for?": exchanged[places]})
