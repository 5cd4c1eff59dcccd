"""K_g that rises while the discriminator wins: the rule by hand, and what the training does with it."""

import itertools
from dataclasses import replace

import pytest
import torch

from simgan_lib.images import ImageSet
from simgan_lib.rising import RefinerUpdates
from simgan_lib.system.checkpoints import load_state, save_state
from simgan_lib.system.errors import UserError
from simgan_lib.training import Training, TrainingConfig

TINY = TrainingConfig(steps=35, batch=4, refiner_warmup=1, discriminator_warmup=1, buffer=8, width=4, blocks=0,
                      refiner_updates_most=50)


@pytest.fixture(scope="module")
def data():
    generator = torch.Generator().manual_seed(0)
    return [ImageSet(torch.randint(low, 256, (12, 1, 12, 14), generator=generator, dtype=torch.uint8)) for low in (0, 128)]


def after(losses, least=2, most=50):
    """K_g after each of these losses."""
    updates, found = RefinerUpdates(least, most), []
    for loss in losses:
        updates.note(loss)
        found.append(updates.now)
    return found


def test_it_rises_by_one_after_ten_rounds_whose_mean_is_below_the_threshold():
    assert after([0.59] * 25) == [2] * 9 + [3] * 10 + [4] * 6
    assert after([0.6] * 30) == after([0.69] * 30) == [2] * 30
    assert after([0.1] * 9 + [6.0]) == [2] * 10, "the mean, not the last or the most of them"
    assert after([6.0] * 10 + [0.1] * 10)[-1] == 3, "ten rounds, not all"
    assert after([0.1] * 10 + [0.69] * 30)[-1] == 3, "it never falls"


def test_it_rises_to_the_most_and_without_one_not_at_all():
    assert after([0.1] * 60, most=4)[-1] == 4 and after([0.1] * 60, most=0)[-1] == 2 and after([0.1] * 20, 7, 7)[-1] == 7


def test_it_goes_on_from_its_state_between_two_looks(tmp_path):
    losses = [torch.tensor(0.5999), *map(torch.tensor, [0.6] * 9)]
    first, second = RefinerUpdates(2, 50), RefinerUpdates(2, 50)
    for loss in losses[:7]:
        first.note(loss)
    save_state(tmp_path / "state", first.state())
    second.restore(load_state(tmp_path / "state"))
    for loss in losses[7:]:
        first.note(loss), second.note(loss)
    assert first.now == second.now == 3 and first.state() == second.state() == {"now": 3, "losses": []}
    with pytest.raises(UserError, match="^refiner_updates: expected a whole number from 2 to 50, found 51"):
        first.restore({"now": 51, "losses": []})


def test_the_training_makes_as_many_refiner_updates_as_it_has_risen_to(data, monkeypatch):
    """A discriminator that wins in rounds 1 to 20, and is fooled from then on."""
    run, made = Training(TINY, *data), []
    refine, judge = run.update_refiner, run.update_discriminator
    losses = itertools.chain([0.0], [0.2] * 20, itertools.repeat(0.69))           # first that of the warm-up, which does not count
    monkeypatch.setattr(run, "update_refiner", lambda *a, **k: made.append(1) or refine(*a, **k))
    monkeypatch.setattr(run, "update_discriminator", lambda: judge() | {"discriminator": torch.tensor(next(losses))})
    counted, said = [], []
    for record in run.run():
        counted, said = counted + [len(made)], said + [record.numbers().get("refiner_updates")]
        made.clear()
    assert counted == [1, 0] + [2] * 10 + [3] * 10 + [4] * 15
    assert said == [None, None] + [2] * 10 + [3] * 10 + [4] * 15


def test_by_default_it_stays_and_nothing_is_said_of_it(data, monkeypatch):
    run = Training(replace(TINY, refiner_updates_most=0), *data)
    monkeypatch.setattr(RefinerUpdates, "note", lambda *_: pytest.fail("looked at"))
    assert all("refiner_updates" not in record.numbers() for record in run.run())


@pytest.mark.parametrize("stop", [3, 7, 12, 13, 20])
def test_a_run_that_was_stopped_ends_with_the_same_weights(data, stop):
    whole, first, second = (Training(replace(TINY, discriminator_lr=5e-3), *data) for _ in range(3))
    rose = [record.refiner_updates for record in whole.run()]
    list(itertools.islice(first.run(), stop)), second.restore(first.state()), list(second.run())
    assert rose[-1] > 2, "it does not rise here, and the test shows nothing"
    assert second.refiner_updates.state() == whole.refiner_updates.state()
    assert all(map(torch.equal, whole.refiner.state_dict().values(), second.refiner.state_dict().values()))


def test_states_of_before_it_could_rise_are_taken_up(data):
    config = replace(TINY, refiner_updates_most=0)
    run, again = Training(config, *data), Training(config, *data)
    list(itertools.islice(run.run(), 6))
    state = run.state()
    del state["refiner_updates"], state["config"]["refiner_updates_most"], state["config"]["batch_norm"]
    again.restore(state)
    assert again.done == 6
    with pytest.raises(UserError, match="another run: refiner_updates_most is 0 there, 50 here"):
        Training(TINY, *data).restore(state)
