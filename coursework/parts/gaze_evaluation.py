"""What is asked in the assignment on the honest evaluation of gaze estimators, and how it is marked."""

import torch

from simgan_lib.evaluation.statistics import bootstrap_interval
from simgan_lib.gaze import angular_error_deg, gaze_angles, gaze_vector
from simgan_lib.teaching.checks import expect
from simgan_lib.teaching.checks.base import plain, wrong_if

from ..grading.marking import Part, catching, criterion


# ---- 1. people to test on, days to choose on ----
def _images(draw, people=4, least=1):
    """Person and day of each image, in random order; person's and days' numbers with gaps."""
    person, day = [], []
    for name in draw.order(30)[:people].tolist():
        for number in draw.order(40)[:draw.integer(least, 5)].tolist():
            n = draw.integer(1, 4)
            person, day = person + [name] * n, day + [number] * n
    order = draw.order(len(person))
    return torch.tensor(person)[order], torch.tensor(day)[order]


def _sets(answer, *given):
    """What the student's split returns, as three lists of places."""
    found = answer(*given)
    wrong_if(not isinstance(found, (tuple, list)) or len(found) != 3, "three sets of places are asked: (train, validation, test)")
    return [sorted(plain(places).flatten().tolist()) for places in found]


def _split(person, day, tested, last):
    """The right three sets."""
    test, late = torch.isin(person, tested), torch.zeros(len(person), dtype=torch.bool)
    for name in person.unique():
        days = day[person == name].unique()
        late |= (person == name) & torch.isin(day, days[len(days) - min(last, len(days) - 1):])
    return [part.nonzero()[:, 0].tolist() for part in (~test & ~late, ~test & late, test)]


def _case(draw, least, last):
    person, day = _images(draw, draw.one_of(4, 3, 6), least)
    return person, day, person.unique()[draw.order(len(person.unique()))[:draw.one_of(1, 2)]], last


@criterion(1, "all images of the people who are tested, and no others, are in the test set")
def split_test(answer, draw):
    given = _case(draw, 3, 1)
    wrong_if(_sets(answer, *given)[2] != _split(*given)[2], "the test set holds other images than those of the people in `tested`")


@criterion(2, "each other person's last days are for validation, the rest for training")
def split_days(answer, draw):
    given = _case(draw, 3, draw.one_of(1, 2))
    found, right = _sets(answer, *given), _split(*given)
    wrong_if(set(found[0]) & set(found[1]), "an image is in training and in validation")
    wrong_if(found[1] != right[1], "other images are in validation than those of each person's own last days")
    wrong_if(found[0] != right[0], "training holds other images than all that are left")


@criterion(1, "people of few days keep one day for training")
def split_few(answer, draw):
    given = _case(draw, 1, draw.one_of(2, 3, 1))
    wrong_if(_sets(answer, *given) != _split(*given), f"with {given[3]} last days and people of 1 to 5 days, the sets are others")


# ---- 2. the baseline ----
def _angles(draw, n, about):
    return torch.tensor(about) + draw.values(n, 2, scale=0.5)


def _constant(answer, train, test, tolerance):
    direction = gaze_angles(gaze_vector(train.double()).mean(0))
    right = angular_error_deg(direction.expand(len(test), 2), test)
    own = gaze_angles(gaze_vector(test.double()).mean(0)).expand(len(test), 2)
    expect(answer(train, test), right, {
        "the constant comes from the test set: nobody knows its labels": angular_error_deg(own, test),
        "that is the error of looking straight ahead": angular_error_deg(torch.zeros(len(test), 2), test),
        "radians: degrees are asked": right.deg2rad(), "one number for all: one for each test image is asked": right.mean(),
        "the mean of the angles is not the mean direction": angular_error_deg(train.mean(0).expand(len(test), 2), test),
        "the difference of the angles is not the angle between the directions": (direction - test).norm(dim=1).rad2deg(),
    }, tolerance)


@criterion(1, "the errors where all look nearly straight ahead")
def baseline_small(answer, draw):
    train, test = (0.06 * _angles(draw, draw.one_of(9, 1, 30), about) for about in ((0.7, -0.5), (-0.8, 0.3)))
    _constant(answer, train, test, 1e-2)


@criterion(2, "the errors where they look all around")
def baseline_wide(answer, draw):
    train = _angles(draw, draw.one_of(9, 1, 30), (0.4, 0.6))
    _constant(answer, train, _angles(draw, draw.one_of(7, 1, 12), (-0.2, draw.one_of(-0.5, 0.3))), 1e-3)


# ---- 3. is one estimator better? ----
def _paired(draw, days=12):
    """Errors of two estimators on the same images: images and days are hard or easy for both, days favour one or the other."""
    size = torch.tensor([3 + 4 * (place % 4) for place in range(days)])
    day = torch.arange(days).repeat_interleave(size) * 3 + 2
    favour = draw.values(days)
    common = 9 + (draw.values(days, scale=4.0).repeat_interleave(size) + draw.values(len(day), scale=2.0))
    one = common + (favour + 0.2 * size - 1.8).repeat_interleave(size)
    order = draw.order(len(day))
    return one[order], (common + draw.values(len(day), scale=0.3))[order], day[order]


def _interval(answer, *given):
    found = answer(*given)
    wrong_if(not isinstance(found, (tuple, list)) or len(found) != 3, "three values are asked: (mean, low, high)")
    return found


@criterion(1, "the mean difference")
def difference_mean(answer, draw):
    one, other, day = _paired(draw, draw.one_of(8, 2, 5))
    right = (one - other).mean()
    each = torch.stack([(one - other)[day == name].mean() for name in day.unique()])
    expect(_interval(answer, one, other, day, draw.integer(0, 999))[0], right,
           {"the sign is turned: first minus second": -right, "every image counts once, not every day": each.mean()})


@criterion(3, "the interval is paired, and draws whole days", rounds=3)
def difference_interval(answer, draw):
    one, other, day = _paired(draw)
    _, low, high = _interval(answer, one, other, day, draw.integer(0, 999))
    low, high = plain(low), plain(high)
    right = bootstrap_interval((one - other).numpy(), 1, day.numpy(), 20_000)
    wide, single = right["high"] - right["low"], bootstrap_interval((one - other).numpy(), 1)
    wrong_if(low.numel() != 1 or high.numel() != 1, "one number for each end is asked")
    wrong_if(not high > low, "the lower end is not below the upper end")
    wrong_if(abs(high - low - (single["high"] - single["low"])) < 0.15 * wide, "images were drawn: days are to be drawn as a whole")
    wrong_if(high - low > 1.4 * wide, "far too wide: are both estimators drawn on the same days?")
    near = max(abs(low - right["low"]), abs(high - right["high"])) < 0.07 * wide
    wrong_if(not near, f"[{float(low):.3f}, {float(high):.3f}] is far from [{right['low']:.3f}, {right['high']:.3f}]: "
                       "95 % is asked, of the mean over all images of the days drawn")


@criterion(1, "a single day has no interval")
def difference_single(answer, draw):
    n = draw.integer(2, 9)
    mean, low, high = _interval(answer, draw.values(n), draw.values(n), torch.full((n,), draw.integer(0, 9)), 0)
    wrong_if(low is not None or high is not None, "one day says nothing of how days differ: low and high are None")
    plain(mean)


# ---- 4. the test that catches a leaking split ----
def _parted(test):
    return (~test).nonzero()[:, 0], test.nonzero()[:, 0]


def _people(person, generator, share):
    names = person.unique()
    names = names[torch.randperm(len(names), generator=generator)]
    return torch.isin(person, names[:min(len(names) - 1, max(1, int(share * len(names))))])


def a_half(person, day, generator):
    return _parted(_people(person, generator, 0.5))


def one_person(person, day, generator):
    return _parted(person == person[torch.randint(len(person), (), generator=generator)])


def shuffled(person, day, generator):
    return tuple(places[torch.randperm(len(places), generator=generator)] for places in _parted(_people(person, generator, 0.3)))


def by_image(person, day, generator):
    return _parted(torch.randperm(len(person), generator=generator) % 2 == 0)


def by_day(person, day, generator):
    return _parted(_people(100 * person + day, generator, 0.5))


def one_slips(person, day, generator):
    train, test = a_half(person, day, generator)
    return (torch.cat([train, test[:1]]), test[1:]) if len(test) > 1 else (train, test)


def as_sorted(person, day, generator):
    test = torch.arange(len(person)) >= len(person) // 2
    return _parted(test) if len(person) > 2 else a_half(person, day, generator)


def forgets(person, day, generator):
    train, test = a_half(person, day, generator)
    return train[torch.isin(day[train], day[train].unique()[1:])] if day[train].unique().numel() > 1 else train[:-1], test


def twice(person, day, generator):
    train, test = a_half(person, day, generator)
    return torch.cat([train, train[-1:]]), test


def both(person, day, generator):
    train, test = a_half(person, day, generator)
    return torch.cat([train, test[-1:]]), test


def none_tested(person, day, generator):
    return _parted(torch.zeros(len(person), dtype=torch.bool))


RIGHT = {"half of the people": a_half, "one person": one_person, "in random order": shuffled}
BROKEN = {"images are drawn": by_image, "days are drawn": by_day, "one single image of a tested person is trained on": one_slips,
          "cut as if sorted by person": as_sorted, "a day is lost": forgets, "an image is twice in training": twice,
          "an image is in both": both, "nobody is tested": none_tested}


PARTS = [
    Part("split", "three_sets", (split_test, split_days, split_few)),
    Part("baseline", "constant_errors", (baseline_small, baseline_wide)),
    Part("difference", "difference_interval", (difference_mean, difference_interval, difference_single), seconds=40),
    Part("test", "check_split", (catching(8, RIGHT, BROKEN),), seconds=60),
]
