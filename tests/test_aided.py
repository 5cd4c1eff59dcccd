"""SimGAN with rotations or R1: what enters the discriminator's loss, and the curve of its memory."""

from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest
import torch

from simgan_lib.images import ImageSet, to_float, to_uint8
from simgan_lib.losses import REAL, REFINED
from simgan_lib.neighbours import aided
from simgan_lib.neighbours.aided import AidedConfig, AidedTraining, slope_penalty
from simgan_lib.neighbours.memory import memory_curve
from simgan_lib.neighbours.rotation import rotate_batch
from simgan_lib.system.errors import UserError
from simgan_lib.training import Training, TrainingConfig

TINY = AidedConfig(steps=4, batch=4, width=4, blocks=1, buffer=8, refiner_warmup=2, discriminator_warmup=1, slope_every=2)


@pytest.fixture(scope="module")
def sets():
    generator = torch.Generator().manual_seed(0)
    return [ImageSet(torch.randint(256, (12, 1, 20, 32), generator=generator, dtype=torch.uint8)) for _ in range(2)]


def weights(run):
    return torch.cat([p.detach().flatten() for network in (run.refiner, run.discriminator) for p in network.parameters()])


def played(run):
    return run, list(run.run())


def test_without_weights_it_is_the_training_bit_for_bit(sets):
    plain = TrainingConfig(**{name: value for name, value in asdict(TINY).items() if name in asdict(TrainingConfig(steps=1))})
    ours, theirs = played(AidedTraining(TINY, *sets, seed=3)), played(Training(plain, *sets, seed=3))
    assert torch.equal(weights(ours[0]), weights(theirs[0])) and ours[1] == theirs[1]


@pytest.mark.parametrize("change", [{"rotation": 1.0}, {"slope": 1.0}, {"rotation": 1.0, "local": False}])
def test_each_weight_changes_the_run(sets, change):
    base = replace(TINY, local=change.get("local", True))
    assert not torch.equal(weights(played(AidedTraining(replace(base, **change), *sets))[0]),
                           weights(played(AidedTraining(base, *sets))[0]))


def test_the_real_images_of_the_step_are_turned_and_nothing_else(sets, monkeypatch):
    run, turned, drawn = AidedTraining(replace(TINY, rotation=1.0), *sets), [], []
    monkeypatch.setattr(aided, "rotate_batch", lambda images, mode: turned.append((images, mode)) or rotate_batch(images, mode))
    draw = run.draw
    monkeypatch.setattr(run, "draw", lambda images: drawn.append((images, draw(images))) or drawn[-1][1])
    run.update_discriminator()
    (square, mode), = turned
    real, = (batch for images, batch in drawn if images is run.real)
    assert mode == "all" and torch.equal(square, real[..., 6:26])                    # the central 20 of 32 columns


def test_rotations_teach_the_head_and_the_discriminator_and_weigh_one_for_each_patch(sets):
    run = AidedTraining(replace(TINY, rotation=0.5), *sets)
    real = to_float(sets[1].images[:4])
    run.aid(real).backward()
    assert run.places == 5 * 8                                                       # the patches of 20 x 32
    assert run.aid(real).item() == pytest.approx(0.5 * 40 * run.rotation_loss(real).mean().item())
    assert all(p.grad.abs().sum() > 0 for p in run.head.parameters())
    assert all(p.grad.abs().sum() > 0 for p in run.trunk.parameters())
    assert all(p.grad is None for p in run.refiner.parameters())


def test_the_head_learns_with_the_discriminators_optimizer(sets):
    run = AidedTraining(replace(TINY, rotation=1.0), *sets)
    before = [p.detach().clone() for p in run.head.parameters()]
    run.update_discriminator()
    assert not any(torch.equal(old, new) for old, new in zip(before, run.head.parameters()))


def test_the_slope_of_a_linear_discriminator_by_hand():
    pixel = torch.tensor([[1.0, 0.0, -2.0], [0.0, 3.0, 0.0]])

    def discriminator(images):
        score = (images * pixel).sum((2, 3), keepdim=True)                           # (n, 1, 1, 1)
        return torch.cat([2 * score, score], 1)
    images = torch.rand(5, 1, 2, 3)
    assert (REAL, REFINED) == (0, 1)
    assert slope_penalty(discriminator, images).tolist() == [14.0] * 5               # 1 + 4 + 9, of 2 - 1 times the pixels


def test_the_slope_reaches_the_discriminators_weights(sets):
    run = AidedTraining(replace(TINY, slope=1.0), *sets)
    run.aid(to_float(sets[1].images[:4])).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for name, p in run.discriminator.named_parameters()
               if name.endswith("weight"))


def test_the_slope_is_asked_every_so_many_rounds_and_weighs_as_many_times(sets, monkeypatch):
    run = AidedTraining(replace(TINY, slope=0.5, slope_every=4), *sets)
    monkeypatch.setattr(aided, "slope_penalty", lambda judged, real: torch.tensor([3.0, 5.0]))
    found = []
    for run.done in range(9):
        found.append(run.aid(None))
    assert [float(value) for value in found] == [4 * 0.5 / 2 * 4.0, 0, 0, 0] * 2 + [4.0]


def test_a_restored_run_goes_on_bit_for_bit_with_its_head(sets):
    config = replace(TINY, rotation=1.0, slope=1.0)
    whole, _ = played(AidedTraining(config, *sets, seed=1))
    first, second = (AidedTraining(config, *sets, seed=1) for _ in range(2))
    for record in first.run():
        if record.step == 4:
            break
    second.restore(first.state())
    played(second)
    assert torch.equal(weights(second), weights(whole))
    assert all(torch.equal(a, b) for a, b in zip(second.head.parameters(), whole.head.parameters()))


# ---- memory ----
class Marked:
    """A run whose refiner paints the round's number, and whose discriminator calls real what is brighter than a number."""

    def __init__(self, steps, threshold):
        self.config, self.device = SimpleNamespace(steps=steps, total=steps + 3), torch.device("cpu")
        self.now, self.done, self.threshold, self.generator = 0, 0, threshold, torch.Generator()

    def run(self):
        for step in range(1, self.config.total + 1):
            self.now = step - 3
            yield SimpleNamespace(step=step)

    def refined(self, images):
        torch.rand(1, generator=self.generator)
        return to_float(torch.full(images.shape, max(self.now, 0), dtype=torch.uint8))

    def judged(self, images):
        level = to_uint8(images).float().mean((1, 2, 3)) - self.threshold(self.now)
        return torch.stack([level, -level], 1)[:, :, None, None]


def marked(steps=40, threshold=lambda now: 100.0, ages=(0, 10), **how):
    real = torch.full((3, 1, 8, 8), 200, dtype=torch.uint8)
    return memory_curve(Marked(steps, threshold), torch.zeros(2, 1, 8, 8, dtype=torch.uint8), real, ages, **how)


def test_an_age_is_the_number_of_rounds_since_the_images_were_refined():
    """The discriminator of round t takes what is above t - 5 for real: images of this round alone, and the real ones."""
    found = marked(steps=40, threshold=lambda now: now - 5, ages=(0, 10, 20), watched=20)
    assert {age: told.balanced_accuracy for age, told in found.items()} == {0: 0.5, 10: 1.0, 20: 1.0}
    assert {told.auc for told in found.values()} == {1.0}


def test_only_the_last_rounds_count_and_their_mean_is_taken():
    """In rounds 30 and 40 of the last 20 all fakes are told, or none."""
    found = marked(threshold=lambda now: 100.0 if now == 40 else -1.0, ages=(0,), watched=20)
    assert found[0].balanced_accuracy == (1.0 + 0.5) / 2


def test_to_look_changes_nothing(sets):
    config = replace(TINY, steps=20, noise=1, rotation=1.0)
    plain, _ = played(AidedTraining(config, *sets))
    watched = AidedTraining(config, *sets)
    memory_curve(watched, sets[0].images[:3], sets[1].images[:3], (0, 10), watched=10)
    assert torch.equal(weights(plain), weights(watched))


@pytest.mark.parametrize("ages", [(5,), (30,), (-10,)])
def test_ages_that_nobody_can_look_back_to_are_refused(ages):
    with pytest.raises(UserError, match="ages: expected multiples of 10 up to 20, found"):
        marked(ages=ages, watched=20)


def test_a_curve_that_no_round_is_watched_for_is_refused():
    """Of rounds 12 to 15 none is a multiple of 10; of 11 to 20 the last is."""
    with pytest.raises(UserError, match="watched: expected a multiple of 10 among the last 4 of 15, found none"):
        marked(steps=15, ages=(0,), watched=4)
    assert list(marked(steps=20, ages=(0,), watched=10)) == [0]


def test_a_run_that_has_begun_is_refused(sets):
    run = AidedTraining(replace(TINY, steps=20), *sets)
    run.done = TINY.refiner_warmup + TINY.discriminator_warmup + 7
    with pytest.raises(UserError, match="expected one that has not begun its 20 rounds, found 7 done"):
        memory_curve(run, sets[0].images[:3], sets[1].images[:3], (0, 10), watched=10)
