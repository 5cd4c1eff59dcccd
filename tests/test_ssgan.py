"""SS-GAN: which images enter which loss, which weights each loss moves, and that without rotations it is the plain GAN."""

import copy
import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from simgan_lib.images import ImageSet, to_float
from simgan_lib.neighbours import ssgan
from simgan_lib.neighbours.rotation import rotate_batch, rotation_loss
from simgan_lib.neighbours.sngan import resnet_discriminator, resnet_generator, small_discriminator, small_generator
from simgan_lib.neighbours.ssgan import PRESETS, SSGAN, SSGANConfig, discriminator_loss, generator_loss, samples
from simgan_lib.networks import count_parameters, from_seed
from simgan_lib.system.checkpoints import load_state, save_state
from simgan_lib.system.errors import UserError
from simgan_lib.training import TrainingFailed

TINY = SSGANConfig(steps=3, batch=4, z=5, discriminator_updates=2, lr=1e-2)


@pytest.fixture
def images():
    drawn = torch.randint(0, 256, (20, 1, 16, 16), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    return ImageSet(drawn, {"kind": torch.arange(20)})


def weights(module):
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def played(config, images, seed=3):
    run = SSGAN(config, images, seed)
    return run, list(run.run())


# ---- losses ----
class Scores:
    """A discriminator whose verdicts are the images' first pixels, and which sees no rotation."""

    def __call__(self, images):
        return images[:, 0, 0, 0]

    def turned(self, images):
        return torch.zeros(len(images), 4)


def filled(*levels):
    return torch.tensor(levels)[:, None, None, None].expand(-1, 1, 3, 3)


def test_both_losses_by_hand():
    real, fake = filled(2.0, 0.5, -1.0), filled(-3.0, 0.0, 0.5)
    assert discriminator_loss(Scores(), real, fake, 0.0).item() == pytest.approx((0.0 + 0.5 + 2.0) / 3 + (0.0 + 1.0 + 1.5) / 3)
    assert generator_loss(Scores(), fake, 0.0).item() == pytest.approx((3.0 + 0.0 - 0.5) / 3)
    terms = {}
    assert discriminator_loss(Scores(), real, fake, 3.0, terms=terms).item() == pytest.approx(5 / 3 + 3 * math.log(4))
    assert generator_loss(Scores(), fake, 0.25, terms=terms).item() == pytest.approx(2.5 / 3 + 0.25 * math.log(4))
    assert {name: round(value.item(), 4) for name, value in terms.items()} == {
        "discriminator": 1.6667, "rotation_real": 1.3863, "generator": 0.8333, "rotation_fake": 1.3863}


def test_without_rotations_it_is_the_plain_gan_bit_for_bit(images):
    """Written out here without a word of rotations, and with networks whose discriminator has no second head."""
    config = replace(TINY, alpha=0.0, beta=0.0)
    run, records = played(config, images)
    generator, discriminator = from_seed(3, lambda: (small_generator(1, 16, 5), small_discriminator(1, 16)))
    head = copy.deepcopy(discriminator.rotation)
    del discriminator.rotation
    random = torch.Generator().manual_seed(3)
    on_generator, on_discriminator = (torch.optim.Adam(n.parameters(), 1e-2, (0.0, 0.9), fused=True)
                                      for n in (generator, discriminator))
    for step in range(3):
        for group in (*on_generator.param_groups, *on_discriminator.param_groups):
            group["lr"] = 1e-2 * (1 - step / 3)
        for _ in range(2):
            real = to_float(images.images[torch.randint(20, (4,), generator=random)])
            fake = generator(torch.randn(4, 5, generator=random)).detach()
            loss = F.relu(1 - discriminator(real)).mean() + F.relu(1 + discriminator(fake)).mean()
            on_discriminator.zero_grad(), loss.backward(), on_discriminator.step()
        loss = -discriminator(generator(torch.randn(4, 5, generator=random))).mean()
        on_generator.zero_grad(), loss.backward(), on_generator.step()
    assert torch.equal(weights(run.generator), weights(generator))
    assert torch.equal(weights(run.discriminator.rotation), weights(head))
    assert torch.equal(weights(run.discriminator.trunk), weights(discriminator.trunk))
    assert torch.equal(weights(run.discriminator.verdict), weights(discriminator.verdict))
    assert records[-1].rotation_real is records[-1].rotation_fake is None


def test_rotations_draw_nothing_at_random_and_change_both_networks(images):
    plain, _ = played(replace(TINY, alpha=0.0, beta=0.0), images)
    whole, records = played(TINY, images)
    assert torch.equal(plain.random.get_state(), whole.random.get_state())
    assert not torch.equal(weights(plain.discriminator), weights(whole.discriminator))
    assert not torch.equal(weights(plain.generator), weights(whole.generator))
    assert records[0].numbers().keys() == {"step", "total", "discriminator", "generator", "rotation_real", "rotation_fake"}


@pytest.fixture
def spied(images, monkeypatch):
    """(run, seen): what `SSGAN` judges, turns and steps on: {"judged", "turned", "loss"}."""
    run, seen = SSGAN(TINY, images, 3), {"judged": [], "rotated": [], "turned": [], "loss": []}
    monkeypatch.setattr(ssgan, "rotate_batch", lambda x, mode: seen["rotated"].append((x.detach(), mode)) or rotate_batch(x, mode))
    run.discriminator.register_forward_pre_hook(lambda module, given: seen["judged"].append(given[0].detach()))
    turned = run.discriminator.turned
    monkeypatch.setattr(run.discriminator, "turned", lambda x: seen["turned"].append(turned(x)) or seen["turned"][-1])
    return run, seen


def test_the_discriminator_turns_real_images_alone_and_judges_upright_ones_alone(spied, monkeypatch):
    run, seen = spied
    real, draw = [], run.draw
    monkeypatch.setattr(run, "draw", lambda: real.append(draw()) or real[-1])
    run.update_discriminator()
    (turned, mode), = seen["rotated"]
    assert torch.equal(turned, real[0]) and mode == "quarters"
    assert len(seen["judged"]) == 2 and torch.equal(seen["judged"][0], real[0])       # and the fakes, as they were made
    assert seen["judged"][1].shape == real[0].shape


def test_the_generator_turns_its_own_images_alone_and_they_are_judged_upright(spied, monkeypatch):
    run, seen = spied
    monkeypatch.setattr(run, "draw", lambda: pytest.fail("a real image in the generator's update"))
    run.update_generator()
    (turned, _), = seen["rotated"]
    judged, = seen["judged"]
    assert torch.equal(turned, judged)


def test_both_losses_are_weighed_as_the_configuration_says(images, monkeypatch):
    run, losses = SSGAN(replace(TINY, alpha=0.25, beta=3.0), images, 3), []
    backward = torch.Tensor.backward
    monkeypatch.setattr(torch.Tensor, "backward", lambda loss: losses.append(loss.item()) or backward(loss))
    first, second = run.update_discriminator(), run.update_generator()
    assert losses[0] == pytest.approx((first["discriminator"] + 3 * first["rotation_real"]).item())
    assert losses[1] == pytest.approx((second["generator"] + 0.25 * second["rotation_fake"]).item())


def test_the_rotation_loss_is_the_librarys_on_the_turned_batch(spied):
    run, seen = spied
    found = run.update_discriminator()["rotation_real"]
    assert found.item() == rotation_loss(seen["turned"][0], torch.tensor([0, 1, 2, 3])).mean().item()


def test_the_discriminators_update_leaves_the_generators_weights_alone(images):
    run = SSGAN(TINY, images)
    before = weights(run.generator).clone()
    run.update_discriminator()
    assert torch.equal(weights(run.generator), before) and all(p.grad is None for p in run.generator.parameters())
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in run.discriminator.rotation.parameters())


def test_the_generators_update_leaves_the_discriminators_weights_alone(images):
    run = SSGAN(TINY, images)
    before = weights(run.discriminator).clone()
    run.update_generator()
    assert torch.equal(weights(run.discriminator), before) and all(p.grad is None for p in run.discriminator.parameters())
    assert all(p.grad is not None for p in run.generator.parameters())


def test_the_generators_rotation_loss_reaches_its_weights(images):
    grads = []
    for alpha in (0.0, 5.0):
        run = SSGAN(replace(TINY, alpha=alpha), images)
        run.update_generator()
        grads.append(torch.cat([p.grad.flatten() for p in run.generator.parameters()]))
    assert not torch.equal(*grads)


# ---- the run ----
def test_a_step_is_some_updates_of_the_discriminator_and_one_of_the_generator(images, monkeypatch):
    run, order = SSGAN(replace(TINY, steps=2), images), []
    for name in ("update_discriminator", "update_generator"):
        monkeypatch.setattr(run, name, lambda name=name: order.append(name[7:]) or {
            name[7:]: torch.tensor(0.0)})
    assert [record.step for record in run.run()] == [1, 2]
    assert order == ["discriminator", "discriminator", "generator"] * 2


def test_the_rate_falls_in_a_line(images):
    run, seen = SSGAN(replace(TINY, steps=4), images), []
    for _ in run.run():
        seen.append([optimizer.param_groups[0]["lr"] for optimizer in (run.generator_optimizer, run.discriminator_optimizer)])
    assert seen == [[pytest.approx(rate)] * 2 for rate in (1e-2, 7.5e-3, 5e-3, 2.5e-3)]
    assert {group["lr"] for group in played(replace(TINY, decay=False), images)[0].generator_optimizer.param_groups} == {1e-2}


def test_labels_are_never_looked_at(images):
    run, _ = played(TINY, images)
    other, _ = played(TINY, ImageSet(images.images, {"kind": images.labels["kind"].flip(0)}))
    bare, _ = played(TINY, ImageSet(images.images))
    assert torch.equal(weights(run.generator), weights(other.generator)) and torch.equal(weights(run.generator),
                                                                                         weights(bare.generator))


def test_a_run_that_was_stopped_ends_as_one_that_was_not(images, tmp_path):
    whole, _ = played(TINY, images)
    first = SSGAN(TINY, images, 3)
    next(first.run())
    save_state(tmp_path / "state", first.state())
    second = SSGAN(TINY, images, 3)
    second.restore(load_state(tmp_path / "state"))
    assert [record.step for record in second.run()] == [2, 3]
    for name in ("generator", "discriminator"):
        ours, theirs = getattr(whole, name).state_dict(), getattr(second, name).state_dict()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_the_state_of_another_run_is_refused_in_one_line(images):
    state = SSGAN(TINY, images, 3).state()
    for other in (SSGAN(TINY, images, 4), SSGAN(replace(TINY, alpha=0.1), images, 3), SSGAN(TINY, images[:19], 3)):
        with pytest.raises(UserError, match="belongs to another run: (seed|config|data) is"):
            other.restore(state)


@pytest.mark.parametrize("shape, network, said", [
    ((0, 1, 16, 16), "small", r"\(0, 1, 16, 16\), expected some"), ((4, 1, 16, 20), "small", "square ones.*central_square"),
    ((4, 1, 15, 15), "small", "images of 15 pixels a side: expected a multiple of 4"),
    ((4, 3, 28, 28), "resnet", "images of 28 pixels a side: expected a multiple of 8")])
def test_images_that_do_not_fit_are_told_in_one_line(shape, network, said):
    with pytest.raises(UserError, match=said):
        SSGAN(replace(TINY, network=network), ImageSet(torch.zeros(shape, dtype=torch.uint8)))


def test_a_run_whose_weights_are_no_numbers_ends_and_is_not_kept(images):
    run = SSGAN(TINY, images)
    next(run.run())
    torch.nn.init.constant_(run.generator.body[-1].bias, float("nan"))
    for doomed in (run.state, lambda: list(run.run()), lambda: samples(run.generator, 2)):
        with pytest.raises(TrainingFailed):
            doomed()


def test_a_setting_out_of_range_is_told():
    for change, said in (({"alpha": -1}, "alpha"), ({"beta": float("nan")}, "beta"), ({"mode": "transpose"}, "mode"),
                         ({"batch": 3}, "batch")):
        with pytest.raises(UserError, match=f"{said}: expected"):
            replace(TINY, **change)


def test_samples_are_the_same_for_a_seed_and_leave_the_run_as_it_was(images):
    run, _ = played(TINY, images)
    state = {name: value.clone() for name, value in run.generator.state_dict().items()}
    first, second, other = samples(run.generator, 5, 1), samples(run.generator, 5, 1, batch=2), samples(run.generator, 5, 2)
    assert first.shape == (5, 1, 16, 16) and first.dtype == torch.uint8
    assert torch.equal(first, samples(run.generator, 5, 1)) and (first.int() - second.int()).abs().max() <= 1
    assert not torch.equal(first, other) and run.generator.training
    assert all(torch.equal(value, run.generator.state_dict()[name]) for name, value in state.items())


# ---- the published networks ----
def test_the_preset_for_cifar10_has_the_published_numbers():
    c = PRESETS["cifar10"]
    assert (c.alpha, c.beta, c.lr, c.beta1, c.beta2, c.batch, c.z) == (0.2, 1.0, 2e-4, 0.0, 0.9, 64, 128)
    assert (c.steps, c.discriminator_updates, c.decay, c.mode, c.network) == (100_000, 5, True, "quarters", "resnet")


def test_the_networks_for_cifar10_have_the_published_shapes():
    with torch.device("meta"):
        generator, discriminator = resnet_generator(), resnet_discriminator()
        images = generator(torch.zeros(2, 128))
        assert images.shape == (2, 3, 32, 32)
        assert discriminator(images).shape == (2,) and discriminator.turned(images).shape == (2, 4)
        assert discriminator.trunk(images).shape == (2, 128)
    # By hand: noise 128 -> 256 x 4 x 4; a block 2 (256^2 9 + 256) + 256^2 + 256 + 2 norms of 512; the last norm and 3 x 3 to RGB.
    assert count_parameters(generator) == 129 * 4096 + 3 * (2 * (256**2 * 9 + 256) + 256**2 + 256 + 1024) + 512 + 256 * 27 + 3
    # 3 -> 128 with a shortcut; 128 -> 128 with one; two without; the heads of 1 and 4.
    wide = 2 * (128**2 * 9 + 128)
    first = 3 * 128 * 9 + 128 + 128**2 * 9 + 128 + 3 * 128 + 128
    assert count_parameters(discriminator) == first + (wide + 128**2 + 128) + 2 * wide + 129 + 4 * 129


@pytest.mark.parametrize("side", [8, 16, 28])
def test_the_small_pair_fits_digits_of_any_edition(side):
    images = small_generator(1, side, 5)(torch.zeros(2, 5))
    assert images.shape == (2, 1, side, side) and images.abs().max() < 1
    discriminator = small_discriminator(1, side, spectral=False)
    assert discriminator(images).shape == (2,) and discriminator.turned(images).shape == (2, 4)
    assert not any(hasattr(layer, "parametrizations") for layer in discriminator.modules())


def test_each_layer_of_the_published_discriminator_has_spectral_norm():
    layers = [m for m in resnet_discriminator(width=4).modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear))]
    assert len(layers) == 12 and all(hasattr(layer, "parametrizations") for layer in layers)


def test_one_step_of_the_preset_for_cifar10_runs(monkeypatch):
    """Narrow ones, of the same layers."""
    monkeypatch.setitem(ssgan.NETWORKS, "resnet", (lambda channels, side, z: resnet_generator(channels, side, z, width=4),
                                                   lambda channels, side: resnet_discriminator(channels, side, width=4)))
    images = ImageSet(torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8))
    run = SSGAN(replace(PRESETS["cifar10"], batch=4, steps=1, discriminator_updates=1), images)
    record, = run.run()
    assert all(value == value for value in record.numbers().values())
    assert samples(run.generator, 3).shape == (3, 3, 32, 32)
