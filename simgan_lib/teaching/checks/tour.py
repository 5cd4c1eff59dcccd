"""Check of notebook 00: judging refiners by their numbers."""

import torch

from .base import check, expect, expect_rule


def nearest_kept(distances, shifts, limit):
    """Of the refiners that keep the label, the one whose images are nearest to the other domain: its place, from 0.

    distances, shifts: float (K,), the refined images' distance to that domain and how far pupils moved, in pixels, NaN
    where no pupil was found.  limit: the label is kept if pupils moved by no more than this.
    """
    return torch.where(shifts <= limit, distances, torch.inf).argmin()


@check(nearest_kept)
def best_refiner(answer, draw):
    """Of the refiners that keep the label, the place of the one that is nearest to the other domain."""
    n, limit, place = draw.one_of(7, 3, 4, 10), draw.integer(2, 8) / 4 * draw.one_of(1, 64, 1 / 64), draw.one_of(0, 1, 2)
    for gone in (draw.one_of(2, 5), draw.one_of(2, 0, 1)):
        _nearest(answer, *_refiners(draw, n, limit, min(gone, n - 1)), limit)
    nearer = torch.arange(3.0)
    expect_rule("a refiner that moves pupils by just the limit keeps the label",
                answer(nearer, torch.where(nearer < place, 2 * limit, limit), limit), place)


def _refiners(draw, n, limit, gone):
    """Distances and shifts (n,) in random order.  The `gone` nearest ones have lost the label, moved or with no pupil found."""
    roles, distances, shifts = draw.order(n), torch.empty(n), torch.empty(n)
    distances[roles] = draw.one_of(1, 1e-5, 1e4) * torch.linspace(0.1, 1, n)  # gone, ..., best, next, ..., does nothing, furthest
    lost = [draw.one_of(3, 1.001), torch.nan, 3, torch.nan, 3][:gone]
    shifts[roles] = limit * torch.tensor([*lost, draw.one_of(0.9, 0, 0.5), 0.1, *[0.5] * n])[:n]
    if n > gone + 3:
        shifts[roles[-2]] = 0.0
    return distances, shifts


def _nearest(answer, distances, shifts, limit):
    kept = shifts <= limit
    found = answer(distances, shifts, limit)
    expect(found, nearest_kept(distances, shifts, limit), {
        "the nearest of all, but its pupils have moved: which refiners keep the label?": distances.argmin(),
        "no pupil is found in its images (nan): is that a label kept?": torch.where(shifts > limit, torch.inf, distances).argmin(),
        "the one that moves pupils least also does nothing": shifts.nan_to_num(torch.inf).argmin(),
        "the furthest of those that keep the label": torch.where(kept, distances, -torch.inf).argmax(),
        "its place among those that keep the label: it is asked among all": distances[kept].argmin(),
        "that is the distance: the place is asked": distances[kept].min(),
        "pixels and distances cannot be added: they have other units": (distances + shifts).nan_to_num(torch.inf).argmin(),
        "places count from 0": nearest_kept(distances, shifts, limit) + 1,
    })
    turned = distances.argsort(descending=True)
    expect_rule("the same refiners in another order, and another one is taken",
                answer(distances[turned], shifts[turned], limit), (turned == int(found)).nonzero()[0, 0])
