"""Answers to the assignment on the honest evaluation of gaze estimators, written apart from its marking."""

from . import changed

# ---- split ----
SPLIT = '''
def three_sets(person, day, tested, last):
    test, late = torch.isin(person, tested), torch.zeros(len(person), dtype=torch.bool)
    for name in person.unique():
        days = day[person == name].unique()
        late |= (person == name) & torch.isin(day, days[max(1, len(days) - last):])
    return tuple(part.nonzero()[:, 0] for part in (~test & ~late, ~test & late, test))
'''
SPLIT_LOOP = '''
import warnings
def three_sets(person, day, tested, last):
    warnings.warn("loops"); print("splitting")
    sets, days = ([], [], []), {}
    for who, when in zip(person.tolist(), day.tolist()):
        days.setdefault(who, set()).add(when)
    for i, (who, when) in enumerate(zip(person.tolist(), day.tolist())):
        if who in tested.tolist():
            sets[2].append(i)
        else:
            sets[int(when in sorted(days[who])[1:][-last:])].append(i)
    return tuple(torch.tensor(places) for places in sets)
'''
SPLIT_NUMPY = '''
import numpy as np
def three_sets(person, day, tested, last):
    p, d = person.numpy(), day.numpy()
    rank = np.array([len(np.unique(d[(p == a) & (d >= b)])) for a, b in zip(p, d)])     # 1: the last day
    first = np.array([d[p == a].min() == b for a, b in zip(p, d)])
    test = np.isin(p, tested.numpy())
    late = (rank <= last) & ~first & ~test
    return [np.flatnonzero(mask) for mask in (~test & ~late, late, test)]
'''
SPLIT_SORT = '''
def three_sets(person, day, tested, last):
    pairs = torch.unique(torch.stack([person, day], 1), dim=0)
    late = set()
    for name in pairs[:, 0].unique().tolist():
        own = pairs[pairs[:, 0] == name].tolist()
        late |= {tuple(pair) for pair in own[1:][::-1][:last]}
    kind = torch.tensor([2 if p in tested else int((int(p), int(d)) in late) for p, d in zip(person, day)])
    return [torch.where(kind == k)[0].flip(0) for k in range(3)]
'''
DAYS = "days[max(1, len(days) - last):]"
SPLITS = [SPLIT, SPLIT_LOOP, SPLIT_NUMPY, SPLIT_SORT], [
    ("def three_sets(person, day, tested, last):\n    pass", 0, "no answer"),
    (changed(SPLIT, (DAYS, "days[:last]")), 1, "other images are in validation"),
    (changed(SPLIT, (DAYS, "day.unique()[-last:]")), 1, "own last days"),
    (changed(SPLIT, (DAYS, "days[-last:]")), 3, "people of 1 to 5 days"),
    (changed(SPLIT, (DAYS, "days[max(1, len(days) - 1):]")), 1, ""),
    (changed(SPLIT, (DAYS, "days[max(1, len(days) - last - 1):]")), 1, ""),
    (changed(SPLIT, (DAYS, "days[max(2, len(days) - last):]")), 1, ""),
    (changed(SPLIT, ("torch.isin(day, " + DAYS + ")", "(day > days.max() - last)")), 1, ""),
    (changed(SPLIT, ("torch.isin(person, tested)", "(person == tested[0])")), 0, "test set"),
    (changed(SPLIT, ("~test & late, test", "late, test")), 1, "other images are in validation"),
    (changed(SPLIT, ("(~test & ~late,", "(~test,")), 1, "in training and in validation"),
    (changed(SPLIT, ("(~test & ~late, ~test & late, test)", "(test, ~test & late, ~test & ~late)")), 0, "test set"),
    (changed(SPLIT, ("part.nonzero()[:, 0]", "part")), 0, "test set"),
    (changed(SPLIT, ("(~test & ~late, ~test & late, test)", "(~test, test)")), 0, "three sets"),
    (changed(SPLIT, ("    return", "    late = torch.rand(len(person)) < 0.3\n    return")), 1, ""),
    (changed(SPLIT, ("(person == name) & torch", "torch")), 1, ""),
]

# ---- baseline ----
BASELINE = '''
from simgan_lib.gaze import angular_error_deg, gaze_angles, gaze_vector
def constant_errors(train, test):
    direction = gaze_angles(gaze_vector(train).mean(0))
    return angular_error_deg(direction.expand(len(test), 2), test)
'''
BASELINE_NUMPY = '''
import numpy as np
def constant_errors(train, test):
    def vectors(gaze):
        p, y = np.asarray(gaze, dtype=float).T
        return np.stack([np.cos(p) * np.sin(y), np.sin(p), np.cos(p) * np.cos(y)], 1)
    mean = vectors(train).mean(0)
    cosine = vectors(test) @ (mean / np.linalg.norm(mean))
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))
'''
BASELINE_EINSUM = '''
import warnings
from simgan_lib.gaze import gaze_vector
def constant_errors(train, test):
    warnings.warn("einsum")
    mean = torch.nn.functional.normalize(gaze_vector(train.double()).sum(0), dim=0)
    return torch.einsum("nc,c->n", gaze_vector(test.double()), mean).clamp(-1, 1).acos() * 180 / torch.pi
'''
BASELINE_LOOP = '''
from simgan_lib.gaze import angular_error_deg, gaze_angles, gaze_vector
def constant_errors(train, test):
    print("one by one")
    total = sum(gaze_vector(gaze) for gaze in train)
    return torch.stack([angular_error_deg(gaze_angles(total), gaze) for gaze in test]).float()
'''
BASELINES = [BASELINE, BASELINE_NUMPY, BASELINE_EINSUM, BASELINE_LOOP], [
    ("def constant_errors(train, test):\n    pass", 0, "no answer"),
    (changed(BASELINE, ("gaze_angles(gaze_vector(train).mean(0))", "train.mean(0)")), 1, "mean of the angles"),
    (changed(BASELINE, ("gaze_vector(train)", "gaze_vector(test)")), 0, "test set"),
    (changed(BASELINE, ("gaze_vector(train)", "gaze_vector(torch.cat([train, test]))")), 0, ""),
    (changed(BASELINE, ("direction.expand(len(test), 2)", "torch.zeros_like(test)")), 0, "straight ahead"),
    (changed(BASELINE, ("direction.expand(len(test), 2), test)", "direction.expand(len(test), 2), test).deg2rad()")), 0, "radians"),
    (changed(BASELINE, ("direction.expand(len(test), 2), test)", "direction.expand(len(test), 2), test).mean()")), 0, "one number"),
    (changed(BASELINE, ("angular_error_deg(direction.expand(len(test), 2), test)", "(direction - test).norm(dim=1).rad2deg()")), 1,
     "difference of the angles"),
    (changed(BASELINE, (".mean(0))", ".mean(0)).flip(0)")), 0, ""),
    (changed(BASELINE, (".mean(0))", ".median(0).values)")), 0, ""),
    (changed(BASELINE, ("gaze_vector(train).mean(0)", "gaze_vector(train)[0]")), 0, ""),
    (changed(BASELINE, (", 2), test)", ", 2), test) ** 2")), 0, ""),
    (changed(BASELINE, (", 2), test)", ", 2), test).sort().values")), 0, ""),
    (changed(BASELINE, ("direction.expand(len(test), 2)", "test")), 0, ""),
]

# ---- difference ----
DIFFERENCE = '''
import numpy as np
def difference_interval(one, other, day, seed):
    one, other, day, rng = one.numpy(), other.numpy(), day.numpy(), np.random.default_rng(seed)
    difference, names = one - other, np.unique(day)
    if len(names) == 1:
        return difference.mean(), None, None
    places = [np.flatnonzero(day == name) for name in names]
    draws = rng.integers(len(names), size=(3000, len(names)))
    means = [np.concatenate([difference[places[k]] for k in draw]).mean() for draw in draws]
    low, high = np.percentile(means, [2.5, 97.5])
    return difference.mean(), low, high
'''
DIFFERENCE_KIT = '''
from simgan_lib.evaluation.statistics import bootstrap_interval
def difference_interval(one, other, day, seed):
    found = bootstrap_interval((one - other).numpy(), seed, day.numpy(), 4000)
    return found["mean"], found["low"], found["high"]
'''
DIFFERENCE_TORCH = '''
import warnings
def difference_interval(one, other, day, seed):
    warnings.warn("vectorised"); print("drawing")
    d = (one - other).double()
    names, group = day.unique(return_inverse=True)
    if len(names) < 2:
        return d.mean(), None, None
    total, size = torch.zeros(len(names)).double().index_add(0, group, d), group.bincount()
    draw = torch.randint(len(names), (5000, len(names)), generator=torch.Generator().manual_seed(seed))
    means = total[draw].sum(1) / size[draw].sum(1)
    low, high = means.quantile(torch.tensor([0.025, 0.975]).double())
    return d.mean(), low, high
'''
DIFFERENCE_WEIGHTS = '''
import numpy as np
def difference_interval(one, other, day, seed):
    names, group = np.unique(np.array(day), return_inverse=True)
    times = np.random.RandomState(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), 4000)
    a, b, n = (np.bincount(group, np.array(w, dtype=float)) for w in (one, other, np.ones(len(one))))
    means = np.sort(times @ a / (times @ n) - times @ b / (times @ n))
    ends = [None, None] if len(names) == 1 else [float(means[100]), float(means[3899])]
    return [float(np.mean(np.array(one)) - np.mean(np.array(other))), *ends]
'''
MEANS = "np.concatenate([difference[places[k]] for k in draw]).mean()"
UNPAIRED = ("means = [", "other_draws = rng.integers(len(names), size=draws.shape)\n    pick = lambda values, draw: "
            "np.concatenate([values[places[k]] for k in draw]).mean()\n    means = [pick(one, a) - pick(other, b) for a, b in "
            "zip(draws, other_draws)]\n    unused = [")
DIFFERENCES = [DIFFERENCE, DIFFERENCE_KIT, DIFFERENCE_TORCH, DIFFERENCE_WEIGHTS], [
    ("def difference_interval(one, other, day, seed):\n    pass", 0, "no answer"),
    (changed(DIFFERENCE, UNPAIRED), 2, "far too wide"),
    (changed(DIFFERENCE_KIT, ("seed, day.numpy(), 4000", "seed")), 1, "images were drawn"),
    (changed(DIFFERENCE, (MEANS, "rng.choice(difference, len(difference)).mean()")), 2, "images were drawn"),
    (changed(DIFFERENCE, (MEANS, "np.mean([difference[places[k]].mean() for k in draw])")), 2, "mean over all images"),
    (changed(DIFFERENCE, ("[2.5, 97.5]", "[5, 95]")), 2, "95 %"),
    (changed(DIFFERENCE, ("[2.5, 97.5]", "[0.5, 99.5]")), 2, ""),
    (changed(DIFFERENCE, ("[2.5, 97.5]", "[97.5, 2.5]")), 2, "not below"),
    (changed(DIFFERENCE, ("low, high = np.percentile(means, [2.5, 97.5])", "m, s = np.mean(means), np.std(means)\n    low, high = m - s, m + s")),
     2, ""),
    (changed(DIFFERENCE, ("one - other, np", "other - one, np")), 1, "sign"),
    (changed(DIFFERENCE, ("one - other, np", "abs(one - other), np")), 1, ""),
    (changed(DIFFERENCE, ("return difference.mean(), None, None", "return (difference.mean(),) * 3")), 4, "None"),
    (changed(DIFFERENCE, ("difference.mean(), low, high", "low, high")), 1, "three values"),
    (changed(DIFFERENCE, ("size=(3000, len(names))", "size=(3000, len(names) // 2)")), 2, ""),
    (changed(DIFFERENCE, ("for name in names]", "for name in np.sort(day)[np.unique(np.sort(day), return_index=True)[1]]]"),
             ("difference[places[k]]", "np.split(difference, np.cumsum([len(p) for p in places])[:-1])[k]"), ("3000", "1000")), 2, ""),
    (changed(DIFFERENCE, ("return difference.mean(), low", "return np.mean([difference[p].mean() for p in places]), low")), 4,
     "not every day"),
]

# ---- test ----
TEST = '''
def check_split(split):
    for seed in range(6):
        generator = torch.Generator().manual_seed(seed)
        person = torch.randint(5, (60,), generator=generator) * 3 + 4
        day = torch.randint(4, (60,), generator=generator)
        train, test = split(person, day, generator)
        assert sorted(train.tolist() + test.tolist()) == list(range(60)), "each image once"
        assert len(train) and len(test), "neither is empty"
        assert not set(person[train].tolist()) & set(person[test].tolist()), "nobody is in both"
'''
ONCE = '        assert sorted(train.tolist() + test.tolist()) == list(range(60)), "each image once"\n'
EMPTY = '        assert len(train) and len(test), "neither is empty"\n'
PEOPLE = '        assert not set(person[train].tolist()) & set(person[test].tolist()), "nobody is in both"\n'
TESTS = [TEST, '''
import numpy as np, warnings
def check_split(split):
    warnings.warn("numpy"); print("testing")
    rng = np.random.default_rng(0)
    for seed in range(8):
        person, day = rng.permutation(np.repeat([2, 9, 11, 40], 12)), rng.integers(1, 6, 48)
        train, test = split(torch.from_numpy(person), torch.from_numpy(day), torch.Generator().manual_seed(seed))
        count = np.bincount(np.concatenate([train.numpy(), test.numpy()]), minlength=48)
        if not (count == 1).all() or 0 in (len(train), len(test)):
            raise AssertionError("images")
        if len(np.intersect1d(person[train.numpy()], person[test.numpy()])):
            raise AssertionError("people")
''', '''
def check_split(split):
    for seed in range(5):
        g = torch.Generator().manual_seed(100 + seed)
        person = torch.tensor([1, 5, 3] * 10)
        day = torch.arange(30) // 3 % 5
        both = split(person, day, g)
        assert len(both) == 2
        seen = torch.zeros(30)
        for places in both:
            assert places.numel() > 0
            for place in places:
                seen[place] += 1
        assert (seen == 1).all()
        for name in (1, 3, 5):
            assert sum(bool((person[places] == name).any()) for places in both) == 1
    return True
''', TEST + '''
class Checker:
    inner = staticmethod(check_split)
    def __call__(self, split):
        return self.inner(split)
check_split = Checker()
'''], [
    ("def check_split(split):\n    pass", 0, "not caught"),
    ("def check_split(split):\n    assert False", 0, "refuses a right one"),
    ("def check_split(split):\n    return 0", 0, "returns nothing"),
    ("check_split = 3", 0, ""),
    ("import random\ndef check_split(split):\n    assert random.random() < 0.5", 0, "refuses"),
    (changed(TEST, (ONCE, ""), (EMPTY, "")), 5, "a day is lost"),
    (changed(TEST, (PEOPLE, ""), (EMPTY, "")), 3, "images are drawn"),
    (changed(TEST, (PEOPLE, "")), 4, "days are drawn"),
    (changed(TEST, (EMPTY, "")), 7, "nobody is tested"),
    (changed(TEST, (ONCE, "")), 6, "twice"),
    (changed(TEST, (ONCE, ONCE.replace("sorted(train.tolist() + test.tolist())", "sorted(set(train.tolist() + test.tolist()))"))), 7, "twice"),
    (changed(TEST, ("torch.randint(5, (60,), generator=generator) * 3", "torch.arange(4).repeat_interleave(15) * 3")), 7, "as if sorted"),
    (changed(TEST, ("torch.randint(4, (60,), generator=generator)", "torch.zeros(60).long()")), 7, "days are drawn"),
    (changed(TEST, ("assert len(train) and len(test)", "assert len(train) and len(test) >= 25")), 0, "refuses"),
    (changed(TEST, (EMPTY, "        assert test.tolist() == sorted(test.tolist())\n")), 0, "refuses"),
    (changed(TEST, (EMPTY, "        assert len(person[test].unique()) > 1\n")), 0, "refuses"),
    ("def check_split(split):\n    try:\n        split(3)\n    except TypeError:\n        raise ValueError('no')", 0, "stops with ValueError"),
]

BANK = {"split": SPLITS, "baseline": BASELINES, "difference": DIFFERENCES, "test": TESTS}
