"""The history buffer: whole images, random places, half a batch; never empty for ever, never only the oldest."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from simgan_lib.history import HistoryBuffer, mixed_batch, pooled_batch


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def numbered(start, n):
    """n images of one gray level each, so that an image is known by any of its pixels."""
    return torch.arange(start, start + n).float()[:, None, None, None].expand(n, 1, 3, 4).clone()


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


def known(images):
    return images[:, 0, 0, 0].tolist()


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
