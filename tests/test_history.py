"""The history buffer: whole images, random places, half a batch; never empty for ever, never only the oldest."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from simgan_lib.history import HistoryBuffer, chance_to_survive, mixed_batch, pooled_batch


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def numbered(start, n):
    """n images of one gray level each, so that an image is known by any of its pixels."""
    return torch.arange(start, start + n).float()[:, None, None, None].expand(n, 1, 3, 4).clone()


def known(images):
    return images[:, 0, 0, 0].tolist()


def filled(capacity=32, n=32):
    buffer = HistoryBuffer(capacity, generator())
    buffer.replace(numbered(0, n))
    return buffer


@given(capacity=st.integers(4, 40), half=st.integers(1, 4), rounds=st.integers(1, 30))
def test_size_grows_by_half_a_batch_and_never_exceeds_capacity(capacity, half, rounds):
    buffer = HistoryBuffer(capacity, generator())
    for i in range(rounds):
        mixed_batch(numbered(1000 * i, 2 * half), buffer)
        assert len(buffer) == min(capacity, (i + 1) * half)


def test_half_of_a_batch_is_remembered():
    buffer = filled()
    batch = mixed_batch(numbered(100, 8), buffer)
    known = batch[:, 0, 0, 0]
    assert len(batch) == 8 and (known >= 100).sum() == 4 and (known < 32).sum() == 4


def test_half_of_the_fresh_images_replace_as_many_old_ones():
    buffer = filled()
    mixed_batch(numbered(100, 8), buffer)
    stored = buffer.state()["images"][:, 0, 0, 0]
    assert len(buffer) == 32 and (stored >= 100).sum() == 4


def test_whole_images_are_replaced_not_pixels():
    buffer = filled()
    buffer.replace(numbered(100, 16))
    stored = buffer.state()["images"].flatten(1)
    assert torch.equal(stored.amin(1), stored.amax(1))


@given(capacity=st.integers(1, 20), stored=st.integers(0, 20), more=st.integers(1, 20), seed=st.integers(0, 99))
def test_free_places_are_filled_first_and_the_rest_overwrites_as_many_others(capacity, stored, more, seed):
    """Nothing that comes is lost, also where a batch fits only in part; and nothing that stays is touched."""
    buffer, stored, more = HistoryBuffer(capacity, generator(seed)), min(stored, capacity), min(more, capacity)
    buffer.replace(numbered(0, stored))
    buffer.replace(numbered(100, more))
    left = sorted(known(buffer.state()["images"]))
    assert len(left) == min(capacity, stored + more) and len(set(left)) == len(left)
    old, late = [v for v in left if v < 100], more - min(more, capacity - stored)
    assert len(old) == stored - min(late, stored) and len(left) - len(old) == min(more, capacity)


def test_any_set_of_places_may_be_overwritten():
    """Not the oldest, and not a run of neighbours: both would be as predictable as no history at all."""
    gone = []
    for seed in range(300):
        buffer = HistoryBuffer(6, generator(seed))
        buffer.replace(numbered(0, 6))
        buffer.replace(numbered(100, 2))
        gone.append(frozenset(range(6)) - frozenset(map(int, known(buffer.state()["images"]))))
    counts = Counter(gone)
    assert len(counts) == 15 and max(counts.values()) < 45    # all pairs of six; 20 expected of each, deviation 4


@given(stored=st.integers(1, 20), seed=st.integers(0, 99))
def test_different_images_are_drawn(stored, seed):
    buffer = HistoryBuffer(20, generator(seed))
    buffer.replace(numbered(0, stored))
    assert sorted(known(buffer.sample(stored))) == list(range(stored))


def test_stored_images_carry_no_graph():
    """Else every step of the past would be kept in memory with them."""
    buffer = HistoryBuffer(4, generator())
    for _ in range(3):                                        # into free places, half of each, over full ones
        buffer.replace(numbered(0, 3).requires_grad_())
        assert not buffer.images.requires_grad
    buffer.exchange(numbered(0, 3).requires_grad_())
    assert not buffer.images.requires_grad


@pytest.mark.parametrize("b", [2, 7, 8])
@pytest.mark.parametrize("stored", [0, 1, 2, 3, 4, 5, 8, 20])
def test_a_batch_is_mixed_as_soon_as_the_history_holds_half_of_it(stored, b):
    """... and b/2 fresh images are remembered each time, mixed or not.  An odd batch keeps its size."""
    buffer = HistoryBuffer(64, generator())
    buffer.replace(numbered(0, stored))
    batch, half = known(mixed_batch(numbered(100, b), buffer)), b // 2
    remembered = [v for v in batch if v < 100]
    assert len(batch) == len(set(batch)) == b and len(remembered) == (half if stored >= half else 0)
    after = known(buffer.state()["images"])
    assert len(after) == stored + half and sum(v >= 100 for v in after) == half


def test_first_batch_is_all_fresh_and_then_stored():
    buffer = HistoryBuffer(32, generator())
    fresh = numbered(0, 8)
    assert torch.equal(mixed_batch(fresh, buffer), fresh) and len(buffer) == 4


def test_samples_are_copies():
    buffer = filled()
    drawn = buffer.sample(8)
    before = drawn.clone()
    buffer.replace(numbered(100, 32))
    assert torch.equal(drawn, before)


def test_every_image_is_drawn_sooner_or_later_and_about_as_often():
    buffer = filled()
    counts = torch.zeros(32)
    for _ in range(400):
        counts[buffer.sample(8)[:, 0, 0, 0].long()] += 1
    assert counts.min() > 60 and counts.max() < 145          # 100 expected, deviation 9


def test_old_images_die_at_the_expected_rate():
    buffer = filled(64, 64)
    for i in range(32):
        mixed_batch(numbered(100 + 100 * i, 16), buffer)
    survivors = (buffer.state()["images"][:, 0, 0, 0] < 64).sum().item()
    assert survivors <= 8                                     # 64 (1 - 8/64)^32 = 0.9 expected


def test_the_chance_to_survive_is_what_is_counted():
    """Batches of 16 overwrite 8 of 64 places a round, so (7/8) ** 3 are left after three."""
    left = []
    for seed in range(200):
        buffer = HistoryBuffer(64, generator(seed))
        buffer.replace(numbered(0, 64))
        for i in range(3):
            mixed_batch(numbered(100 + 100 * i, 16), buffer)
        left.append(sum(v < 64 for v in known(buffer.state()["images"])) / 64)
    assert chance_to_survive(3, 64, 16) == pytest.approx(343 / 512)
    assert sum(left) / len(left) == pytest.approx(343 / 512, abs=0.01)


@given(capacity=st.integers(8, 20), stored=st.integers(0, 20), b=st.integers(1, 8), seed=st.integers(0, 99))
def test_an_image_pool_loses_only_what_was_judged(capacity, stored, b, seed):
    """Each image given in is judged now, or remembered in the place of one that is; while there is room, both."""
    pool, fresh = HistoryBuffer(capacity, generator(seed)), numbered(100, b)
    pool.replace(numbered(0, min(stored, capacity)))
    free = min(capacity - len(pool), b)
    before, batch = known(pool.state()["images"]) if len(pool) else [], pooled_batch(fresh, pool)
    after = known(pool.state()["images"])
    assert known(batch)[:free] == known(fresh)[:free] and len(after) == min(capacity, len(before) + b)
    assert sorted(known(batch) + after) == sorted(known(fresh) + known(fresh)[:free] + before)


def test_a_coin_decides_about_each_image_of_a_pool():
    pool = filled(32, 32)
    judged_fresh = sum(sum(v >= 100 * i for v in known(pooled_batch(numbered(100 * i, 8), pool))) for i in range(1, 201))
    assert 700 < judged_fresh < 900                           # 800 expected, deviation 20
    assert torch.equal(pooled_batch(numbered(0, 8), HistoryBuffer(8, generator())), numbered(0, 8))


def test_state_restores_bit_for_bit():
    first, second = filled(), HistoryBuffer(32, generator())
    second.restore(first.state())
    first.generator.manual_seed(3), second.generator.manual_seed(3)
    assert torch.equal(first.sample(8), second.sample(8)) and len(second) == 32


def test_empty_state_restores_to_empty():
    buffer = HistoryBuffer(8, generator())
    buffer.restore(HistoryBuffer(8, generator()).state())
    assert len(buffer) == 0


def test_type_of_the_images_is_kept():
    buffer = HistoryBuffer(8, generator())
    buffer.replace(numbered(0, 4).to(torch.bfloat16))
    assert buffer.sample(2).dtype == torch.bfloat16


@pytest.mark.parametrize("act", [
    lambda b: b.sample(33), lambda b: b.replace(numbered(0, 33)), lambda b: b.replace(torch.zeros(2, 1, 9, 9)),
    lambda b: b.replace(torch.zeros(3, 4)), lambda b: b.exchange(numbered(0, 33)), lambda b: b.exchange(torch.zeros(2, 1, 9, 9)),
    lambda b: HistoryBuffer(0, generator())])
def test_what_cannot_be_is_refused(act):
    with pytest.raises(ValueError):
        act(filled())
