"""The article's batch normalisation in the discriminator: which batch is normalised by what, and that it is part of the state."""

import itertools
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from simgan_lib.images import ImageSet
from simgan_lib.neighbours.aided import AidedConfig, AidedTraining
from simgan_lib.parallel import ParallelTraining
from simgan_lib.system.errors import UserError
from simgan_lib.training import Training, TrainingConfig

TINY = TrainingConfig(steps=5, batch=4, refiner_warmup=1, discriminator_warmup=1, buffer=8, width=4, blocks=0, batch_norm=True,
                      mixed_precision=False)


@pytest.fixture(scope="module")
def data():
    generator = torch.Generator().manual_seed(0)
    return [ImageSet(torch.randint(low, 256, (12, 1, 12, 14), generator=generator, dtype=torch.uint8)) for low in (0, 128)]


def first_norm(run):
    return next(m for m in run.discriminator.modules() if isinstance(m, torch.nn.BatchNorm2d))


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("layers", ["gaze", "hands"])
def test_it_reaches_either_discriminator_and_is_off_by_default(data, local, layers):
    def norms(**changes):
        run = Training(replace(TINY, local=local, discriminator_layers=layers, **changes), *data)
        return sum(isinstance(m, torch.nn.BatchNorm2d) for m in run.discriminator.modules())
    assert norms() == 4 and norms(batch_norm=False) == 0 and not TrainingConfig(steps=1).batch_norm


def test_real_and_refined_batches_are_normalised_each_by_itself_and_in_the_refiners_update_too(data):
    run, seen = Training(TINY, *data), []
    first_norm(run).register_forward_hook(lambda _, __, out: seen.append((out.mean((0, 2, 3)), out.var((0, 2, 3), correction=0))))
    run.update_discriminator(), run.update_refiner()
    assert len(seen) == 3                                                # refined, real; then the refiner's own
    for mean, spread in seen:
        assert mean.abs().max() < 0.01 and (spread - 1).abs().max() < 0.05       # Adam has moved its weights by 0.0003


def test_a_run_that_was_stopped_ends_with_the_same_statistics_and_weights(data):
    whole, first, second = (Training(TINY, *data) for _ in range(3))
    list(whole.run()), list(itertools.islice(first.run(), 4)), second.restore(first.state()), list(second.run())
    assert first_norm(whole).num_batches_tracked == 22              # 2 in the discriminator's warm-up, 2 + 2 in each of 5 rounds
    for name in ("refiner", "discriminator"):
        one, other = (getattr(run, name).state_dict() for run in (whole, second))
        assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_where_its_statistics_would_not_be_those_of_the_batch_it_is_refused(data):
    with pytest.raises(UserError, match="^batch: expected at least 2 with batch_norm.* found 1"):
        replace(TINY, batch=1, buffer=0)
    with pytest.raises(UserError, match="^batch_norm: expected false with 2 ranks.* found true"):
        ParallelTraining(TINY, *data, ranks=SimpleNamespace(size=2, rank=0))
    assert ParallelTraining(TINY, *data).config.batch_norm, "one rank has the whole batch"
    with pytest.raises(UserError, match="^batch_norm: expected false with rotations or R1, found true"):
        AidedTraining(AidedConfig(**vars(TINY), rotation=1.0), *data)
