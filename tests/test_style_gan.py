"""The style-based generator: networks, losses, changes and training."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from simgan_lib.images import ImageSet
from simgan_lib.neighbours import style_training
from simgan_lib.neighbours.style_gan import (
    Linear,
    ModulatedConv,
    StyledConv,
    StyleDiscriminator,
    StyleGenerator,
    sample,
    upsampled,
    varied,
)
from simgan_lib.neighbours.style_losses import Changes, gradient_penalty, relativistic_loss
from simgan_lib.neighbours.style_training import StyleConfig, StyleTraining
from simgan_lib.networks import from_seed
from simgan_lib.system.checkpoints import load_state, save_state
from simgan_lib.system.errors import UserError
from simgan_lib.training import TrainingFailed

TINY = StyleConfig(steps=6, batch=4, width=2, widest=4, latent=3, halvings=1, penalty_every=2, augment=0.5)


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def images(n=12, channels=1, size=(9, 11)):
    return ImageSet(torch.randint(0, 256, (n, channels, *size), generator=random(), dtype=torch.uint8))


@pytest.fixture
def generator():
    return from_seed(0, StyleGenerator, 1, (9, 11), 2, 4, 3, 1)


# ---- networks ----
@pytest.mark.parametrize("channels, size, halvings", [(1, (35, 55), 3), (3, (17, 8), 2), (2, (8, 9), 1)])
def test_images_and_verdicts_have_their_size_at_odd_sizes_too(channels, size, halvings):
    made = StyleGenerator(channels, size, 2, 4, 3, halvings)
    fake = made(made.latents(5, random()), made.noise(5, random()))
    assert fake.shape == (5, channels, *size)
    assert StyleDiscriminator(channels, size, 2, 4, halvings)(fake).shape == (5,)


def test_a_block_answers_at_its_size_which_a_hook_sees(generator):
    seen = []
    for block in generator.blocks:
        block.register_forward_hook(lambda _, inputs, output: seen.append(output.shape))
    generator(torch.ones(2, 3))
    assert seen == [(2, 4, 5, 6), (2, 2, 9, 11)]


def test_modulation_is_a_convolution_with_scaled_kernels():
    conv, x, w = ModulatedConv(2, 3, 4), torch.randn(2, 2, 5, 6, generator=random()), torch.randn(2, 4, generator=random(1))
    for one, s, got in zip(x, conv.scales(w), conv(x, w)):
        kernels = conv.weight / math.sqrt(2 * 9) * s[:, None, None]
        kernels = kernels / kernels.square().sum((1, 2, 3), keepdim=True).sqrt()
        assert torch.allclose(got, F.conv2d(one[None], kernels, padding=1)[0], atol=1e-5)


def test_without_demodulation_the_scales_stay():
    conv = ModulatedConv(1, 1, 1, kernel=1, demodulate=False)
    nn.init.constant_(conv.weight, 2.0)
    nn.init.constant_(conv.scales.weight, 3.0)
    nn.init.constant_(conv.scales.bias, 1.0)
    assert conv(torch.ones(1, 1, 1, 1), torch.tensor([[5.0]])).item() == 2 * (3 * 5 + 1)


def test_demodulation_keeps_the_variance_of_white_noise_whatever_the_style():
    conv = from_seed(0, ModulatedConv, 8, 4, 3)
    answers = conv(torch.randn(2, 8, 90, 90, generator=random()), torch.tensor([[0.1, 0, 0], [50.0, -20, 9]]))
    assert torch.allclose(answers.var((2, 3)), torch.ones(2, 4), atol=0.1)


def test_scaled_weights_answer_alike_however_slow_they_learn():
    x = torch.randn(4, 100, generator=random())
    answers = [from_seed(3, Linear, 100, 50, 0.5, slow)(x) for slow in (1.0, 0.1)]
    assert torch.allclose(*answers, atol=1e-5)
    assert answers[0].std().item() == pytest.approx(1, abs=0.2)


def test_a_slow_layer_moves_so_many_times_less_for_one_step_of_adam():
    def moved(slow):
        layer = from_seed(3, Linear, 4, 1, 0.5, slow)
        x, optimizer = torch.ones(1, 4), torch.optim.Adam(layer.parameters(), 0.01)
        before = layer(x)
        before.sum().backward()
        optimizer.step()
        return (before - layer(x)).item()

    assert moved(1.0) == pytest.approx(0.01 * (4 / math.sqrt(4) + 1), rel=1e-3)        # four weights of scale 1/2, and the bias
    assert moved(0.1) == pytest.approx(moved(1.0) / 10, rel=1e-2)


def test_what_lies_at_one_share_of_the_width_stays_there_when_maps_are_made_larger():
    assert upsampled(torch.tensor([[[[0.0, 4.0]]]]), (1, 4)).tolist() == [[[[0, 1, 3, 4]]]]


def test_noise_enters_with_its_learned_strength():
    layer, x, w, noise = StyledConv(1, 1, 1), torch.zeros(1, 1, 2, 2), torch.ones(1, 1), torch.tensor([[[[1.0, 2], [3, 4]]]])
    assert layer(x, w, noise).abs().max() == 0                                       # the strength begins at 0
    nn.init.constant_(layer.strength, 0.5)
    assert torch.allclose(layer(x, w, noise), noise * 0.5 * math.sqrt(2))


def test_the_images_of_all_sizes_are_summed(generator):
    for leave in generator.leave:
        nn.init.zeros_(leave.weight)
    nn.init.constant_(generator.bias, 0.25)
    assert torch.allclose(generator(torch.ones(1, 3)), torch.full((1, 1, 9, 11), 0.25))
    nn.init.constant_(generator.leave[0].weight, 1.0)
    assert generator(torch.ones(1, 3)).std() > 0


def test_truncation_to_nothing_gives_one_image(generator):
    z = generator.latents(3, random())
    generator.mean_style.fill_(0.5)
    one, other, third = generator(z, psi=0.0)
    assert torch.equal(one, other) and torch.equal(one, third)
    assert not torch.allclose(*generator(z[:2]))


def test_truncation_is_the_way_from_the_mean_style(generator):
    generator.mean_style.copy_(torch.tensor([1.0, 2, 3]))
    z = torch.tensor([[1.0, -2, 0.5]])
    assert torch.allclose(generator.style(z, 0.25), 0.75 * generator.mean_style + 0.25 * generator.style(z))


def test_equal_seeds_give_equal_noise_and_images(generator):
    nn.init.constant_(generator.blocks[0].first.strength, 1.0)
    assert torch.equal(sample(generator, 5, seed=4, batch=4), sample(generator, 7, seed=4, batch=4)[:5])
    assert not torch.equal(sample(generator, 5, seed=4), sample(generator, 5, seed=5))


def test_the_deviation_of_a_batch_by_hand():
    maps = torch.tensor([0.0, 4]).reshape(2, 1, 1, 1).expand(2, 3, 2, 2)
    assert torch.allclose(varied(maps), torch.full((2, 1, 2, 2), 2.0))


# ---- losses ----
def test_the_loss_by_hand():
    loss = relativistic_loss(torch.tensor([3.0, 0]), torch.tensor([1.0, 2]))
    assert loss.tolist() == pytest.approx([math.log(1 + math.exp(-2)), math.log(1 + math.exp(2))])


def test_penalties_by_hand_on_a_linear_discriminator():
    weight = torch.tensor([1.0, -2.0, 0.5, 0]).reshape(1, 1, 2, 2).requires_grad_()
    penalty = gradient_penalty(lambda x: (weight * x).sum((1, 2, 3)), torch.rand(3, 1, 2, 2))
    assert penalty.tolist() == pytest.approx([(1 + 4 + 0.25) / 2] * 3)
    penalty.sum().backward()
    assert torch.allclose(weight.grad, 3 * weight)


# ---- changes ----
def test_real_and_fake_images_are_changed_alike():
    x = torch.rand(6, 3, 16, 24) * 2 - 1
    changes = Changes(6, (16, 24), 1.0, random())
    assert torch.equal(changes(x), changes(x))
    assert not torch.equal(changes(x), x)


def test_a_share_of_the_images_is_changed():
    x = torch.rand(400, 1, 8, 8)
    same = (Changes(400, (8, 8), 0.25, random())(x) == x).flatten(1).all(1)
    assert same.float().mean().item() == pytest.approx(0.75, abs=0.08)


def test_no_share_draws_nothing_and_changes_nothing():
    x, generator = torch.rand(2, 1, 8, 8), random()
    assert Changes(2, (8, 8), 0, generator)(x) is x
    assert torch.equal(generator.get_state(), random().get_state())


def test_gradients_pass_through_changes():
    x = (torch.rand(4, 1, 16, 24, generator=random()) * 2 - 1).requires_grad_()
    Changes(4, (16, 24), 1.0, random())(x).square().sum().backward()
    assert (x.grad.flatten(1).abs().sum(1) > 0).all()


def test_a_shift_and_a_cut_by_hand():
    changes = Changes(1, (8, 8), 1.0, random())
    changes.light, changes.contrast, changes.colour = 0.5, 0.5, 0.5                    # none of the three changes a thing
    changes.rows, changes.columns = torch.arange(8)[None], torch.arange(8)[None] + 2   # one down, one to the left
    changes.kept = torch.ones(1, 1, 8, 8, dtype=torch.bool)
    changes.kept[..., :4, :4] = False
    x = torch.arange(1.0, 65).reshape(1, 1, 8, 8)
    expected = F.pad(x, (0, 1, 1, 0))[..., :8, 1:].clone()
    expected[..., :4, :4] = 0
    assert torch.equal(changes(x), expected)


def test_no_shift_is_larger_than_an_eighth_and_a_quarter_is_cut_out_at_most():
    changes = Changes(500, (35, 55), 1.0, random())
    down, across = (drawn - torch.arange(1, side + 1) for drawn, side in ((changes.rows, 35), (changes.columns, 55)))
    assert (down.min(), down.max(), across.min(), across.max()) == (-4, 4, -6, 6)
    cut = (~changes.kept).sum((1, 2, 3))
    assert cut.max() == 17 * 27 and cut.min() > 0


# ---- training ----
def trained(config=TINY, **data):
    run = StyleTraining(config, images(**data))
    return run, list(run.run())


def test_a_run_gives_a_record_a_step_and_trains_both_networks():
    run, records = trained(channels=3)
    assert [record.step for record in records] == [1, 2, 3, 4, 5, 6]
    assert [record.penalty is not None for record in records] == [True, False] * 3
    fresh = from_seed(0, run.networks)
    for before, after in zip(fresh, (run.generator, run.discriminator)):
        assert not any(torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters()) if a.numel() > 1)


def test_each_update_leaves_the_other_network_alone():
    run = StyleTraining(TINY, images())
    real, fake = run.draw(), run.made()
    before = [p.clone() for p in run.generator.parameters()]
    run.update_discriminator(real, fake.detach())
    assert all(map(torch.equal, before, run.generator.parameters()))
    before = [p.clone() for p in run.discriminator.parameters()]
    run.update_generator(real, fake)
    assert all(map(torch.equal, before, run.discriminator.parameters()))


def test_real_and_fake_images_meet_the_same_changes_in_both_updates(monkeypatch):
    met = []

    class Spy(Changes):
        def __call__(self, x):
            met.append((id(self), len(x)))
            return super().__call__(x)

    monkeypatch.setattr(style_training, "Changes", Spy)
    run = StyleTraining(replace(TINY, steps=1), images())
    list(run.run())
    assert len(met) == 4 and len(set(met)) == 1


def test_a_lazy_penalty_weighs_as_much_as_one_at_every_step(monkeypatch):
    run, losses = StyleTraining(replace(TINY, penalty=3.0, augment=0), images()), []
    monkeypatch.setattr(style_training, "gradient_penalty", lambda discriminator, x: torch.tensor([5.0, 7.0]))
    monkeypatch.setattr(run, "_step", lambda optimizer, loss: losses.append(loss.item()))
    seen = run.update_discriminator(run.draw(), run.made().detach())
    assert seen["penalty"].item() == 3 * (6 + 6)
    assert losses == [pytest.approx(seen["discriminator"].item() + 2 * 36)]


def test_the_running_mean_by_hand():
    run = StyleTraining(replace(TINY, ema_decay=0.75), images())
    run.done = 1_000
    for network, value in ((run.averaged, 2.0), (run.generator, 6.0)):
        for tensor in network.state_dict().values():
            tensor.fill_(value)
    run._average()
    assert all((tensor == 3).all() for tensor in run.result.state_dict().values())       # 0.75 * 2 + 0.25 * 6


def test_early_on_the_running_mean_forgets_the_fresh_weights():
    run, _ = trained(replace(TINY, steps=1, ema_decay=0.999))
    assert all(map(torch.equal, run.result.parameters(), run.generator.parameters()))


def test_the_mean_style_follows_the_styles():
    run = StyleTraining(TINY, images())
    w = run.generator.style(run.generator.latents(TINY.batch, random()))
    run.made()
    assert torch.allclose(run.generator.mean_style, w.mean(0) * 0.01)


def test_a_resumed_run_ends_with_the_same_weights_bit_for_bit(tmp_path):
    whole, _ = trained()
    first = StyleTraining(replace(TINY, steps=3), images())
    list(first.run())
    save_state(tmp_path / "run.state", first.state())
    second = StyleTraining(TINY, images())
    second.restore(load_state(tmp_path / "run.state"))
    assert [record.step for record in second.run()] == [4, 5, 6]
    for name in ("generator", "averaged", "discriminator"):
        states = (getattr(run, name).state_dict().values() for run in (whole, second))
        assert all(map(torch.equal, *states)), name


# ---- what is refused ----
@pytest.mark.parametrize("config, data, said", [
    (TINY, {"n": 0}, "expected some, found none"),
    (TINY, {"size": (7, 11)}, "side of an image: expected a whole number from 8"),
])
def test_images_that_cannot_be_learned_from_are_refused(config, data, said):
    with pytest.raises(UserError, match=said):
        StyleTraining(config, images(**data))


@pytest.mark.parametrize("changed, said", [
    ({"batch": 1}, "batch: expected a whole number from 2"), ({"augment": 1.5}, "augment: expected a number"),
    ({"latent": 0}, "latent: expected"), ({"penalty": math.nan}, "penalty: expected"), ({"halvings": 0}, "halvings: expected"),
])
def test_settings_that_cannot_be_are_refused(changed, said):
    with pytest.raises(UserError, match=said):
        replace(TINY, **changed)


def test_a_z_or_psi_that_cannot_be_is_refused(generator):
    with pytest.raises(UserError, match=r"z: expected \(N, 3\), found \(2, 4\)"):
        generator(torch.zeros(2, 4))
    with pytest.raises(UserError, match="psi: expected a number"):
        generator.style(torch.zeros(2, 3), psi=-1.0)


@pytest.mark.parametrize("changed, data, said", [
    ({"penalty": 9.0}, {}, "penalty is 0.2 there, 9.0 here"), ({}, {"n": 13}, "images is"),
    ({"steps": 2}, {}, "done: expected a whole number from 0 to 2, found 6"),
])
def test_a_state_of_another_run_is_refused(changed, data, said):
    run, _ = trained()
    with pytest.raises(UserError, match=said):
        StyleTraining(replace(TINY, **changed), images(**data)).restore(run.state())


def test_a_run_whose_weights_are_no_numbers_fails_and_is_not_kept():
    run = StyleTraining(replace(TINY, steps=20), images())
    nn.init.constant_(run.generator.bias, math.nan)
    with pytest.raises(TrainingFailed, match="step 20: a loss is not a number"):
        list(run.run())
    with pytest.raises(TrainingFailed, match="weights that are not finite"):
        run.state()
