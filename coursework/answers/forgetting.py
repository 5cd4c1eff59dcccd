"""Answers to the assignment on forgetting, written apart from its marking.  A part's source is a student's cell."""

from . import changed

# ---- back ----
BACK = '''
def turned_back(images, labels):
    return torch.stack([torch.rot90(image, -int(label), (1, 2)) for image, label in zip(images, labels)])
'''
BACK_MASKS = '''
import warnings
def turned_back(images, labels):
    warnings.warn("costs nothing")
    out = images.clone()
    for k in range(4):
        out[labels % 4 == k] = torch.rot90(images[labels % 4 == k], 4 - k, (2, 3))
    return out
'''
BACK_NUMPY = '''
import numpy as np
def turned_back(images, labels):
    print("nor does printing")
    return np.stack([np.rot90(image, -label, (1, 2)) for image, label in zip(images.numpy(), labels.tolist())])
'''
BACK_FLIPS = '''
def turned_back(images, labels):
    clockwise = [images, images.mT.flip(3), images.flip(2).flip(3), images.mT.flip(2)]
    return torch.stack(clockwise)[labels % 4, torch.arange(len(images))].double()
'''
BACKS = [BACK, BACK_MASKS, BACK_NUMPY, BACK_FLIPS], [
    ("turned_back = None", 0, "no answer"),
    ("def turned_back(images, labels):\n    return ...", 0, "no answer"),
    ("def turned_back(images, labels):\n    return images", 1, "wrong value"),
    (changed(BACK, ("-int", "int")), 1, "turned on, not back"),
    (changed(BACK, ("-int(label)", "-1")), 0, ""),
    (changed(BACK, ("-int(label)", "2 * int(label)")), 1, ""),
    (changed(BACK, (", (1, 2)", ", (2, 1)")), 1, "turned on, not back"),
    (changed(BACK_MASKS, ("labels % 4 == k", "labels == k")), 3, ""),
    (changed(BACK_FLIPS, ("images.mT.flip(3)", "images.mT"), ("images.mT.flip(2)]", "images.mT]")), 1, ""),
    (changed(BACK_FLIPS, ("labels % 4", "labels")), 3, "stops with IndexError"),
    ("def turned_back(images, labels):\n    return images.flip(3)", 0, ""),
    ("def turned_back(images, labels):\n    return torch.stack([torch.rot90(i, -int(k), (1, 2)) for i, k in zip(images, labels)]).mean(1)", 0,
     "expected the shape"),
    (changed(BACK, ("zip(images, labels)", "sorted(zip(images, labels), key=lambda pair: int(pair[1]))")), 1, ""),
    ("def turned_back(images, labels):\n    raise RuntimeError('no')", 0, "RuntimeError"),
]

# ---- forgot ----
FORGOT = '''
def forgotten(accuracy):
    last = len(accuracy) - 1
    return torch.stack([accuracy[k:last, k].max() - accuracy[last, k] for k in range(last)])
'''
FORGOT_LISTS = '''
def forgotten(accuracy):
    rows = accuracy.tolist()
    out = []
    for k in range(len(rows) - 1):
        best = max(rows[t][k] for t in range(k, len(rows) - 1))
        out.append(best - rows[-1][k])
    return torch.tensor(out)
'''
FORGOT_MASK = '''
def forgotten(accuracy):
    known = torch.ones_like(accuracy).tril().bool()[:-1, :-1]
    return torch.where(known, accuracy[:-1, :-1], -torch.inf).max(0).values - accuracy[-1, :-1]
'''
FORGOT_NUMPY = '''
import numpy as np
def forgotten(accuracy):
    a = np.asarray(accuracy, dtype=np.float64)
    return np.array([a[k:-1, k].max() - a[-1, k] for k in range(a.shape[1] - 1)])
'''
FORGOTS = [FORGOT, FORGOT_LISTS, FORGOT_MASK, FORGOT_NUMPY], [
    ("forgotten = None", 0, "no answer"),
    ("def forgotten(accuracy):\n    return torch.tensor(0.0)", 0, "one number for each task"),
    ("def forgotten(accuracy):\n    return torch.zeros(len(accuracy) - 1)", 1, ""),
    ("def forgotten(accuracy):\n    return torch.zeros(len(accuracy))", 0, "expected one number for each task but the last"),
    ("def forgotten(accuracy):\n    return accuracy.diagonal()[:-1] - accuracy[-1, :-1]", 1, "just been learned"),
    ("def forgotten(accuracy):\n    return accuracy[:-1, :-1].max(0).values - accuracy[-1, :-1]", 1, "before it was learned"),
    (changed(FORGOT, ("accuracy[k:last, k].max() - accuracy[last, k]", "accuracy[last, k] - accuracy[k:last, k].max()")), 1, "sign"),
    (changed(FORGOT, ("    last =", "    accuracy = accuracy.T\n    last =")), 1, "a row is a time"),
    (changed(FORGOT, ("for k in range(last)])", "for k in range(last)]).clamp(min=0)")), 3, "negative"),
    (changed(FORGOT, ("for k in range(last)])", "for k in range(last)]).abs()")), 3, "negative"),
    (changed(FORGOT, ("accuracy[k:last, k]", "accuracy[k:, k]")), 3, "negative"),
    (changed(FORGOT, ("for k in range(last)])", "for k in range(last)]).mean()")), 0, "one number for each task"),
    (changed(FORGOT, ("accuracy[k:last, k].max()", "accuracy[k:last, k].mean()")), 1, ""),
    (changed(FORGOT, ("for k in range(last)", "for k in range(last + 1)")), 0, ""),
]

# ---- joint ----
JOINT = '''
def joint_batch(fresh, remembered):
    labels = torch.cat([torch.zeros(len(fresh)), torch.ones(len(remembered))])
    return torch.cat([fresh, remembered]), labels
'''
JOINT_ORDER = '''
def joint_batch(fresh, remembered):
    images, labels = torch.cat([remembered, fresh]), torch.tensor([1] * len(remembered) + [0] * len(fresh))
    order = torch.randperm(len(images))
    return images[order], labels[order]
'''
JOINT_LOOP = '''
def joint_batch(fresh, remembered):
    images, labels = [], []
    for new, old in zip(fresh, remembered):
        images += [new, old]
        labels += [False, True]
    return torch.stack(images), torch.tensor(labels)
'''
JOINT_NUMPY = '''
import numpy as np
def joint_batch(fresh, remembered):
    return [np.concatenate([fresh, remembered]), np.repeat([0, 1], [len(fresh), len(remembered)])]
'''
JOINTS = [JOINT, JOINT_ORDER, JOINT_LOOP, JOINT_NUMPY], [
    ("joint_batch = None", 0, "no answer"),
    ("def joint_batch(fresh, remembered):\n    return torch.cat([fresh, remembered])", 0, "two things"),
    (changed(JOINT, ("torch.zeros(len(fresh)), torch.ones(len(remembered))", "torch.ones(len(fresh)), torch.zeros(len(remembered))")), 1,
     "exchanged"),
    (changed(JOINT, ("[fresh, remembered])", "[remembered, fresh])")), 1, "exchanged"),
    (changed(JOINT, ("torch.cat([fresh, remembered])", "fresh")), 0, "different images"),
    (changed(JOINT, ("torch.cat([fresh, remembered])", "torch.cat([fresh, fresh])")), 0, "different images"),
    (changed(JOINT, ("torch.cat([fresh, remembered])", "(fresh + remembered) / 2")), 0, "pixels of different images are mixed"),
    (changed(JOINT, ("torch.cat([fresh, remembered])", "torch.cat([fresh, remembered])[torch.randperm(2 * len(fresh))]")), 1, ""),
    (changed(JOINT, (", labels", ", labels[:1]")), 1, "expected the shape"),
    (changed(JOINT, (", labels", ", labels[:, None]")), 1, "expected the shape"),
    (changed(JOINT, (", labels", ", labels + 1")), 1, ""),
    (changed(JOINT, ("torch.cat([fresh, remembered])", "torch.cat([fresh, remembered, fresh])")), 0, "different images"),
    (changed(JOINT, (", labels", ", 2 * labels - 1")), 1, ""),
    ("def joint_batch(fresh, remembered):\n    return 1 / 0", 0, "ZeroDivisionError"),
]

# ---- test ----
TEST = '''
def check_rotation(rotate):
    images = torch.arange(2 * 3 * 16.0).reshape(2, 3, 4, 4)
    turned, labels = rotate(images)
    assert turned.shape == (8, 3, 4, 4) and labels.shape == (8,)
    found = []
    for image, label in zip(turned, labels.tolist()):
        assert label in (0, 1, 2, 3)
        matches = [i for i in range(2) if torch.equal(torch.rot90(images[i], label, (1, 2)), image)]
        assert len(matches) == 1
        found.append((matches[0], label))
    assert len(set(found)) == 8
'''
TEST_SETS = '''
def check_rotation(rotate):
    generator = torch.Generator().manual_seed(3)
    images = torch.rand(3, 2, 5, 5, generator=generator)
    turned, labels = rotate(images)
    def key(image, label):
        return (int(label), *[round(float(v), 5) for v in image.flatten()])
    right = {key(torch.rot90(image, k, (1, 2)), k) for image in images for k in range(4)}
    if {key(i, k) for i, k in zip(turned, labels)} != right or len(turned) != 12:
        raise AssertionError("other images, or other labels")
    return True
'''
TEST_NUMPY = '''
import numpy as np
def check_rotation(rotate):
    for n in (1, 2):
        images = torch.randn(n, 2, 3, 3)
        turned, labels = rotate(images)
        a, turned, labels = np.array(images), np.array(turned), np.array(labels)
        assert len(turned) == len(labels) == 4 * n
        for i in range(n):
            for k in range(4):
                there = [(turned[j] == np.rot90(a[i], k, (1, 2))).all() and labels[j] == k for j in range(4 * n)]
                assert sum(there) == 1, (i, k)
'''
TEST_BACK = '''
def check_rotation(rotate):
    images = torch.arange(54.0).reshape(2, 3, 3, 3)
    turned, labels = rotate(images)
    assert sorted(labels.tolist()) == [0, 0, 1, 1, 2, 2, 3, 3]
    back = torch.stack([torch.rot90(t, -int(k), (1, 2)) for t, k in zip(turned, labels)])
    first = back[:, 0, 0, 0].tolist()
    assert sorted(first) == sorted(images[:, 0, 0, 0].tolist() * 4)
    for k in range(4):
        assert len(set(back[labels == k][:, 0, 0, 0].tolist())) == 2
    assert all(any(torch.equal(b, image) for image in images) for b in back)
'''
SHAPES = "def check_rotation(rotate):\n    turned, labels = rotate(torch.rand(2, 3, 4, 4))\n    assert turned.shape == (8, 3, 4, 4)"
TESTS = [TEST, TEST_SETS, TEST_NUMPY, TEST_BACK], [
    ("check_rotation = None", 0, "no answer"),
    ("def check_rotation(rotate):\n    pass", 0, "not caught"),
    ("def check_rotation(rotate):\n    raise AssertionError", 0, "refuses a right one"),
    ("def check_rotation(rotate):\n    return False", 0, "raises AssertionError, or returns nothing"),
    (SHAPES, 0.5, "turns with the clock"),
    (SHAPES + "\n    assert set(labels.tolist()) == {0, 1, 2, 3}", 1.5, "nothing is turned"),
    (changed(TEST, ("3, 4, 4)\n    turned", "1, 4, 4)\n    turned"), ("2 * 3 * 16", "2 * 16"), ("(8, 3", "(8, 1")), 4.5, "one channel alone"),
    (changed(TEST, ("(2, 3, 4, 4)\n", "(2, 3, 4, 4) * 0\n"), ("== 1", ">= 1"), ("len(set(found)) == 8", "len(found) == 8")), 1.5, "transposes"),
    (changed(TEST, ("found.append((matches[0], label))", "found.append(label)"), ("len(set(found)) == 8", "len(set(found)) == 4")), 4.5,
     "all images show the first one"),
    ("def check_rotation(rotate):\n    i = torch.rand(2, 3, 4, 4)\n    t, l = rotate(i)\n    assert torch.equal(t[:2], i)", 0,
     "refuses a right one"),
    ("def check_rotation(rotate):\n    t, l = rotate(torch.rand(1, 1, 4, 4))\n    assert sorted(l.tolist()) == [0, 1, 2, 3]", 1.5, ""),
    ("def check_rotation(rotate):\n    rotate(torch.rand(2, 1, 4, 5))", 0, "stops with"),
    ("def check_rotation(rotate):\n    i = torch.rand(2, 3, 4, 4)\n    t, l = rotate(i)\n    u = t[l == 0]\n"
     "    assert len(u) == 2 and all(any(torch.equal(x, y) for y in i) for x in u)\n    assert not torch.equal(u[0], u[1])", 2, ""),
    ("from simgan_lib.neighbours.rotation import rotate_batch\ndef check_rotation(rotate):\n    i = torch.rand(2, 3, 4, 4)\n"
     "    assert torch.equal(rotate(i)[0], rotate_batch(i)[0])", 0, "refuses a right one"),
]

BANK = {"back": BACKS, "forgot": FORGOTS, "joint": JOINTS, "test": TESTS}
