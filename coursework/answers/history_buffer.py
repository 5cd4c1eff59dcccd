"""Answers to the assignment on the history buffer, written apart from its marking.  A part's source is a student's cell."""


from . import changed

# ---- share ----
SHARE = '''
def share_batch(fresh, buffer, share):
    wanted = int(share * len(fresh))
    old = min(wanted, len(buffer))
    batch = torch.cat([fresh[:len(fresh) - old], buffer.sample(old)]) if old else fresh.clone()
    if wanted:
        buffer.replace(fresh[:wanted])
    return batch
'''
SHARE_LOOP = '''
import warnings, sys
def share_batch(fresh, buffer, share):
    warnings.warn("a warning costs nothing")
    print("nor does printing", file=sys.stderr)
    wanted = int(share * len(fresh))
    images = [image for image in fresh]
    if wanted and len(buffer):
        for i, image in enumerate(buffer.sample(min(wanted, len(buffer)))):
            images[-1 - i] = image
    batch = torch.stack(images)
    if wanted > 0:
        buffer.replace(fresh[-wanted:])
    return batch
'''
SHARE_NUMPY = '''
import numpy as np
def share_batch(fresh, buffer, share):
    k = int(len(fresh) * share)
    out = np.array(fresh)
    n = min(k, len(buffer))
    if n > 0:
        out[np.arange(n)] = buffer.sample(n).numpy()
    if k > 0:
        buffer.replace(torch.from_numpy(np.array(fresh)[:k]))
    return torch.from_numpy(out)
'''
SHARE_ORDER = '''
class Mixer:
    def __call__(self, fresh, buffer, share):
        k = int(share * fresh.shape[0])
        n = k if len(buffer) >= k else len(buffer)
        remembered = buffer.sample(n) if n else fresh[:0]
        buffer.replace(fresh[torch.randperm(len(fresh))[:k]])
        both = torch.cat([remembered, fresh[n:]])
        return both[torch.randperm(len(both))]
share_batch = Mixer()
'''
SHARES = [SHARE, SHARE_LOOP, SHARE_NUMPY, SHARE_ORDER], [
    ("share_batch = None", 0, "no answer"),
    ("def share_batch(fresh, buffer, share):\n    return ...", 0, "no answer"),
    ("def share_batch(fresh, buffer, share):\n    return fresh", 1, "0 of"),
    (changed(SHARE, ("int(share", "len(fresh) - int(share")), 1, "remembered ones"),
    (changed(SHARE, ("int(share * len(fresh))", "len(fresh) // 2")), 1, "remembered ones"),
    (changed(SHARE, ("min(wanted, len(buffer))", "wanted if len(buffer) >= wanted else 0")), 3, "0 images are remembered"),
    (changed(SHARE, ("min(wanted, len(buffer))", "wanted")), 3, "stops with ValueError"),
    (changed(SHARE, ("        buffer.replace(fresh[:wanted])", "        pass")), 2, "0 fresh images are stored"),
    (changed(SHARE, ("fresh[:wanted])", "fresh)")), 2, "fresh images are stored"),
    (changed(SHARE, ("fresh[:wanted])", "batch[-wanted:])")), 2, "0 fresh images are stored"),
    (changed(SHARE, ("return batch", "return batch.double()")), 3, "keep their type"),
    (changed(SHARE, ("buffer.sample(old)]", "buffer.sample(1).expand(old, -1, -1, -1)]")), 3, "twice"),
    (changed(SHARE, ("fresh[:len(fresh) - old]", "fresh")), 0, "expected a batch"),
    (changed(SHARE, ("return batch", "return list(batch)")), 0, "expected a tensor"),
    (changed(SHARE, ("return batch", "return 0")), 0, "expected a tensor"),
    (changed(SHARE, ("    wanted =", "    fresh *= 2\n    wanted =")), 0, ""),
    (changed(SHARE, ("int(share * len(fresh))", "round(share * len(fresh)) + 1")), 1, "remembered"),
]

# ---- capacity ----
CAPACITY = '''
import math
def capacity_for(rounds, batch, chance):
    return math.ceil((batch / 2) / (1 - chance ** (1 / rounds)))
'''
CAPACITIES = [
    CAPACITY,
    '''
def capacity_for(rounds, batch, chance):
    low, high = batch // 2, batch // 2
    while (1 - (batch / 2) / high) ** rounds < chance:
        high *= 2
    while low < high:
        middle = (low + high) // 2
        if (1 - batch / 2 / middle) ** rounds >= chance:
            high = middle
        else:
            low = middle + 1
    return high
''', '''
import numpy as np
def capacity_for(rounds, batch, chance):
    return np.ceil(batch / 2 / -np.expm1(np.log(chance) / rounds))
''', '''
def capacity_for(rounds, batch, chance):
    print("slowly")
    chance = torch.tensor(chance, dtype=torch.float64)
    return torch.ceil(batch / (2 * (1 - chance ** (1 / rounds))))
''', '''
from simgan_lib.history import chance_to_survive
def capacity_for(rounds, batch, chance):
    c = max(int(batch / 2 / (1 - chance ** (1 / rounds))) - 3, batch // 2)
    while chance_to_survive(rounds, c, batch) < chance:
        c += 1
    return c
'''], [
    ("def capacity_for(rounds, batch, chance):\n    pass", 0, "no answer"),
    ("def capacity_for(rounds, batch, chance):\n    return 0", 0, "less often"),
    ("def capacity_for(rounds, batch, chance):\n    return float('nan')", 0, "whole number"),
    ("def capacity_for(rounds, batch, chance):\n    return 10 ** 9", 0, "far too many"),
    (changed(CAPACITY, ("math.ceil", "")), 0, "whole number"),
    (changed(CAPACITY, ("math.ceil", "math.floor")), 0, "less often"),
    (changed(CAPACITY, ("math.ceil", "1 + math.ceil")), 1, "fewer would do"),
    (changed(CAPACITY, ("(batch / 2)", "batch")), 1, "fewer would do"),
    (changed(CAPACITY, ("chance ** (1 / rounds)", "chance / rounds")), 0, "less often"),
    (changed(CAPACITY, ("chance ** (1 / rounds)", "(1 - chance) ** (1 / rounds)")), 0, ""),
    (changed(CAPACITY, ("1 / rounds", "1 / (rounds + 1)")), 1, "fewer would do"),
    (changed(CAPACITY, ("1 / rounds", "1 / max(1, rounds - 1)")), 0, "less often"),
    ("import math\ndef capacity_for(rounds, batch, chance):\n    return math.ceil(batch / 2 * rounds / -math.log(chance))", 0, "less often"),
    ("import math\ndef capacity_for(rounds, batch, chance):\n    return math.ceil(batch / 2 * (1 + rounds / -math.log(chance)))", 1,
     "fewer would do"),
    ("def capacity_for(rounds, batch):\n    return 5", 0, "TypeError"),
    (changed(CAPACITY, ("return ", "return str(")) .replace("rounds)))", "rounds))))"), 0, ""),
    (changed(CAPACITY, ("return ", "return [")) .replace("rounds)))", "rounds)))]"), 0, ""),
]

# ---- resume ----
RESUME = '''
from simgan_lib.history import HistoryBuffer
class ResumableBuffer(HistoryBuffer):
    def __init__(self, capacity, seed):
        super().__init__(capacity, torch.Generator().manual_seed(seed))
    def state(self):
        return {**super().state(), "generator": self.generator.get_state()}
    def restore(self, state):
        super().restore(state)
        self.generator.set_state(state["generator"])
'''
RESUME_LIST = '''
import random, warnings
class ResumableBuffer:
    def __init__(self, capacity, seed):
        self.capacity, self.random, self.images = capacity, random.Random(seed), []
    def __len__(self):
        return len(self.images)
    def sample(self, n):
        warnings.warn("drawing")
        return torch.stack(self.random.sample(self.images, n))
    def replace(self, images):
        images = [image.detach().clone() for image in images]
        free = self.capacity - len(self.images)
        for place, image in zip(self.random.sample(range(len(self.images)), len(images[free:])), images[free:]):
            self.images[place] = image
        self.images += images[:free]
    def state(self):
        version, numbers, rest = self.random.getstate()
        return {"version": version, "numbers": list(numbers), "rest": rest, "images": [image.clone() for image in self.images]}
    def restore(self, state):
        self.random.setstate((state["version"], tuple(state["numbers"]), state["rest"]))
        self.images = [image.clone() for image in state["images"]]
'''
RESUME_TENSOR = '''
class ResumableBuffer:
    def __init__(self, capacity, seed):
        self.capacity, self.images = capacity, None
        self.g = torch.Generator(); self.g.manual_seed(seed)
    def __len__(self):
        return 0 if self.images is None else len(self.images)
    def sample(self, n):
        return self.images[torch.randperm(len(self), generator=self.g)[:n]]
    def replace(self, images):
        images, free = images.detach().clone(), self.capacity - len(self)
        late = images[free:]
        if len(late):
            self.images[torch.randperm(len(self), generator=self.g)[:len(late)]] = late
        self.images = images[:free] if self.images is None else torch.cat([self.images, images[:free]])
    def state(self):
        print("saved")
        return {"images": None if self.images is None else self.images.clone(), "random": self.g.get_state().tolist()}
    def restore(self, state):
        self.images = None if state["images"] is None else state["images"].clone()
        self.g.set_state(torch.tensor(state["random"], dtype=torch.uint8))
'''
RESUME_COUNT = '''
from simgan_lib.history import HistoryBuffer
class ResumableBuffer:
    """Keeps a seed and the number of draws in place of the generator's state."""
    def __init__(self, capacity, seed):
        self.seed, self.count, self.inner = seed, 0, HistoryBuffer(capacity, torch.Generator())
    def _next(self):
        self.count += 1
        self.inner.generator.manual_seed(1_000_003 * self.seed + self.count)
    def __len__(self):
        return len(self.inner)
    def sample(self, n):
        self._next()
        return self.inner.sample(n)
    def replace(self, images):
        self._next()
        self.inner.replace(images)
    def state(self):
        return {"seed": self.seed, "count": self.count, "inner": self.inner.state()}
    def restore(self, state):
        self.seed, self.count = state["seed"], state["count"]
        self.inner.restore(state["inner"])
'''
RESUMES = [RESUME, RESUME_LIST, RESUME_TENSOR, RESUME_COUNT], [
    ("class ResumableBuffer:\n    pass", 0, ""),
    ("def ResumableBuffer(capacity, seed):\n    return None", 0, ""),
    (changed(RESUME, ('        self.generator.set_state(state["generator"])', "        pass")), 5, ""),
    (changed(RESUME, (', "generator": self.generator.get_state()}', "}"), ('        self.generator.set_state(state["generator"])', "        pass")),
     5, ""),
    (changed(RESUME, ("self.generator.get_state()", "self.generator"), ('self.generator.set_state(state["generator"])',
                                                                        'self.generator = state["generator"]')), 1, "Generator"),
    (changed(RESUME_TENSOR, ("self.images.clone(), \"random\"", 'self.images, "random"')), 6, "copies"),
    (changed(RESUME_TENSOR, ('state["images"].clone()', 'state["images"].flip(0)')), 5, ""),
    (changed(RESUME_TENSOR, ('"images": None if self.images is None else self.images.clone()', '"images": self.images.clone()')), 6, ""),
    (changed(RESUME_TENSOR, ('None if state["images"] is None else state["images"].clone()',
                             'self.images if state["images"] is None else state["images"].clone()')), 6, ""),
    (changed(RESUME, ("        return {**super().state(), \"generator\": self.generator.get_state()}", "        return self")), 1, "dict"),
    (changed(RESUME, ("        return {**super().state(), \"generator\": self.generator.get_state()}", "        return {}")), 1, "dict"),
    (changed(RESUME_LIST, ("self.random.sample(self.images, n)", "self.images[:n]")), 0, "again and again"),
    (changed(RESUME_LIST, ("[image.detach().clone() for image in images]", "[image.detach() for image in images]")), 0, "copy"),
    (changed(RESUME_COUNT, ('self.seed, self.count = state["seed"], state["count"]', 'self.seed = state["seed"]')), 5, ""),
    (changed(RESUME_COUNT, ('self.seed, self.count = state["seed"], state["count"]', 'self.count = state["count"]')), 5, ""),
]

# ---- age ----
AGE = '''
def mean_ages(Buffer, capacity, half, rounds):
    buffer = Buffer(capacity, torch.Generator().manual_seed(1))
    ages = []
    for now in range(rounds):
        buffer.replace(torch.full((half, 1, 1, 1), float(now)))
        ages.append(now - buffer.sample(len(buffer)).mean())
    return torch.stack(ages)
'''
AGES = [AGE, '''
import numpy as np
def mean_ages(Buffer, capacity, half, rounds):
    buffer, out = Buffer(capacity=capacity, generator=torch.Generator()), np.zeros(rounds)
    for i in range(rounds):
        buffer.replace(i * torch.ones(half, 3, 2, 2, dtype=torch.float64))
        out[i] = i - buffer.sample(len(buffer)).numpy()[:, 0, 0, 0].mean()
    return out
''', '''
import warnings
def mean_ages(Buffer, capacity, half, rounds):
    warnings.warn("integers"); print("!" * 100000)
    buffer = Buffer(capacity, torch.Generator())
    result = torch.zeros(rounds, dtype=torch.float64)
    for now in range(rounds):
        buffer.replace(torch.full((half, 1, 1, 1), now, dtype=torch.int32))
        born = [int(image) for image in buffer.sample(len(buffer))]
        result[now] = sum(now - b for b in born) / len(born)
    return result
''', '''
def mean_ages(Buffer, capacity, half, rounds):
    buffer = Buffer(capacity, torch.Generator().manual_seed(3))
    def one(now):
        buffer.replace(torch.einsum("n,chw->nchw", torch.full([half], now / 100), torch.ones(1, 1, 1)))
        return now - 100 * buffer.sample(len(buffer)).double().mean()
    return torch.tensor([one(now) for now in range(rounds)])
'''], [
    ("def mean_ages(Buffer, capacity, half, rounds):\n    pass", 0, "no answer"),
    ("def mean_ages(Buffer, capacity, half, rounds):\n    return 0", 0, ""),
    ("def mean_ages(Buffer, capacity, half, rounds):\n    return torch.zeros(rounds)", 1, ""),
    (changed(AGE, ("now - buffer", "buffer")), 1, "the round in which they came"),
    (changed(AGE, ("now - buffer", "1 + now - buffer")), 0, "one round too old"),
    (changed(AGE, ("now - buffer.sample(len(buffer)).mean()", "buffer.sample(len(buffer)).mean() - now")), 1, "sign"),
    (changed(AGE, ("torch.stack(ages)", "ages")), 0, "found list"),
    (changed(AGE, ("torch.stack(ages)", "torch.stack(ages)[-1]")), 0, "one number a round"),
    (changed(AGE, ("torch.stack(ages)", "torch.stack(ages).mean()")), 0, "one number a round"),
    (changed(AGE, ("buffer.sample(len(buffer)).mean()", "buffer.sample(len(buffer)).min()")), 1, "2 times"),
    (changed(AGE, ("buffer.sample(len(buffer)).mean()", "buffer.sample(1).mean()")), 1, ""),
    (changed(AGE, ("(half, 1", "(1, 1")), 1, ""),
    (changed(AGE, ("Buffer(capacity,", "Buffer(max(2 * half, capacity // 2),")), 1, ""),
    ('''
def mean_ages(Buffer, capacity, half, rounds):
    k = torch.arange(rounds)
    q = 1 - half / capacity
    return q / (1 - q) * (1 - q ** k)
''', 1, ""),
    ("def mean_ages(Buffer, capacity, half, rounds):\n    return torch.full((rounds,), capacity / half - 1)", 0, "expected 0"),
    (changed(AGE, ("Buffer(capacity,", "Buffer(")), 0, "TypeError"),
]

# ---- test ----
TEST = '''
def numbered(*n):
    return torch.tensor(n, dtype=torch.float32)[:, None, None, None] * torch.ones(1, 1, 2, 2)

def values(images):
    assert (images == images[:, :1, :1, :1]).all(), "pixels are mixed"
    return [int(image[0, 0, 0]) for image in images]

def check_buffer(Buffer):
    survived = 0
    for seed in range(12):
        buffer = Buffer(8, torch.Generator().manual_seed(seed))
        first = numbered(1, 2, 3, 4)
        buffer.replace(first)
        assert len(buffer) == 4
        first.zero_()
        assert sorted(values(buffer.sample(4))) == [1, 2, 3, 4], "kept as they were given, each once"
        assert len(buffer) == 4, "drawing takes nothing out"
        buffer.replace(numbered(5, 6, 7, 8))
        for more in (numbered(11, 12, 13), numbered(14, 15, 16)):
            buffer.replace(more)
            assert len(buffer) == 8, "full, and no more than full"
            drawn = values(buffer.sample(8))
            assert len(set(drawn)) == 8
            assert set(values(more)) <= set(drawn), "what is new is stored"
        survived += len({1, 2, 3, 4} & set(drawn))
    assert survived > 0, "random ones go, not the oldest"
'''
TESTS = [TEST, '''
import warnings
def check_buffer(Buffer):
    warnings.warn("slow"); print("testing")
    gone_first = 0
    for seed in range(10):
        b = Buffer(6, torch.Generator().manual_seed(seed))
        images = torch.arange(1., 7).reshape(6, 1, 1, 1).repeat(1, 1, 2, 2)
        copy = images.clone()
        b.replace(images[:3]); b.replace(images[3:])
        images += 100
        got = b.sample(6)
        got = got[got[:, 0, 0, 0].argsort()]
        if not torch.equal(got, copy):
            raise AssertionError("not the images that were stored")
        if len(b) != 6:
            raise AssertionError("length")
        b.replace(50 + copy[:2])
        got = b.sample(len(b))
        if got.shape != copy.shape:
            raise AssertionError("length")
        if not (got > 50).all(3).all(2).all(1).sum() == 2:
            raise AssertionError("the new ones")
        gone_first += bool((got != 1).all() and (got != 2).all())
    if gone_first == 10:
        raise AssertionError("a queue")
''', '''
import numpy as np
def stored(b):
    a = b.sample(len(b)).numpy()
    a = a.reshape(len(a), -1)
    assert (a.min(1) == a.max(1)).all()
    return sorted(a[:, 0].tolist())
def check_buffer(Buffer):
    ages = []
    for seed in range(8):
        b = Buffer(5, torch.Generator().manual_seed(seed))
        for i in range(9):
            x = torch.full((1, 1, 2, 1), i, dtype=torch.float64)
            b.replace(x)
            x[:] = -1
            now = stored(b)
            assert len(now) == len(b) == min(i + 1, 5) and len(set(now)) == len(now) and i in now and -1 not in now
        pair = b.sample(2)
        ages += now
    assert min(ages) < 4
''', TEST.replace("range(12)", "range(6)") + '''
class Checker:
    inner = staticmethod(check_buffer)
    def __call__(self, Buffer):
        self.inner(Buffer)
check_buffer = Checker()
'''], [
    ("def check_buffer(Buffer):\n    pass", 0, "not caught"),
    ("def check_buffer(Buffer):\n    assert False", 0, "refuses a right one"),
    ("def check_buffer(Buffer):\n    return 0", 0, "returns nothing"),
    ("check_buffer = 3", 0, ""),
    ("import random\ndef check_buffer(Buffer):\n    assert random.random() < 0.5", 0, "refuses"),
    ("count = 0\ndef check_buffer(Buffer):\n    global count\n    count += 1\n    assert count <= 6", 0, "refuses"),
    (changed(TEST, ("        first.zero_()\n", "")), 7, "caller's own"),
    (changed(TEST, ('    assert survived > 0, "random ones go, not the oldest"', "    return None")), 7, "oldest"),
    (changed(TEST, ('    assert (images == images[:, :1, :1, :1]).all(), "pixels are mixed"\n', "")), 7, "mixes"),
    (changed(TEST, ('            assert set(values(more)) <= set(drawn), "what is new is stored"\n', "")), 7, "never overwrites"),
    ('''
def check_buffer(Buffer):
    buffer = Buffer(4, torch.Generator())
    for _ in range(3):
        buffer.replace(torch.rand(2, 1, 2, 2))
    assert len(buffer) == 4
''', 2, "not caught"),
    ('''
def check_buffer(Buffer):
    for seed in range(20):
        buffer = Buffer(4, torch.Generator().manual_seed(seed))
        buffer.replace(torch.rand(4, 1, 2, 2))
        assert len(torch.unique(buffer.sample(4).flatten(1), dim=0)) == 4
''', 1, "not caught"),
    ('''
def check_buffer(Buffer):
    buffer = Buffer(4, torch.Generator())
    buffer.replace(torch.rand(4, 1, 2, 2))
    buffer.sample(2)
    if len(buffer) != 4:
        raise ValueError("emptied")
''', 0, "not caught"),
    (changed(TEST, ("assert len(buffer) == 4\n", "assert values(buffer.sample(4)) == [1, 2, 3, 4]\n")), 0, "refuses"),
    (changed(TEST, ("assert survived > 0", "assert survived == 24")), 0, "refuses"),
    ("def check_buffer(Buffer):\n    assert Buffer.__name__ == 'HistoryBuffer'", 0, "refuses"),
    ("def check_buffer(Buffer):\n    b = Buffer(2, torch.Generator())\n    assert '_store' not in type(b).__dict__\n    b._images", 0, "AttributeError"),
]

BANK = {"share": SHARES, "capacity": CAPACITIES, "resume": RESUMES, "age": AGES, "test": TESTS}
