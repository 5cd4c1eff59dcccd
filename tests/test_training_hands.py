"""The trainer on hands: other layers by name, the same loop; and what was kept before there were such settings."""

import itertools
from dataclasses import asdict, replace

import pytest
import torch

from simgan_lib import training
from simgan_lib.evaluation.gaze import PRESETS as GAZE_PRESETS
from simgan_lib.experiments.ablations import SWEEP_PROFILES
from simgan_lib.experiments.domains import PROFILES
from simgan_lib.experiments.runs import train_refiner
from simgan_lib.images import ImageSet
from simgan_lib.networks import GAZE_LAYERS, HAND_LAYERS, GlobalDiscriminator, PatchDiscriminator, Refiner
from simgan_lib.pretrained import Sizes, load_refiner, read_card
from simgan_lib.system.checkpoints import save_module
from simgan_lib.system.errors import UserError
from simgan_lib.training import HAND_PRESETS, PRESETS, Training, TrainingConfig

TINY = replace(HAND_PRESETS["full"], steps=4, batch=4, width=4, blocks=2, refiner_warmup=2, discriminator_warmup=1, buffer=8)


def blobs(n, seed, noise):
    """Depth images of a square before a far background; real ones are noisy."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.full((n, 1, 32, 32), 255, dtype=torch.uint8)
    near = torch.randint(60, 180, (n, 1, 1, 1), generator=generator)
    images[:, :, 9:25, 5:20] = (near + torch.randint(-noise, noise + 1, (n, 1, 16, 15), generator=generator)).to(torch.uint8)
    return ImageSet(images)


@pytest.fixture(scope="module")
def data():
    return blobs(20, 1, 0), blobs(20, 2, 20)


def weights(module):
    return torch.cat([p.detach().flatten() for p in module.parameters()])


@pytest.mark.parametrize("changes, layers", [({}, HAND_LAYERS), ({"discriminator_layers": "gaze"}, GAZE_LAYERS)])
def test_the_loop_trains_the_discriminator_with_the_layers_of_that_name(data, monkeypatch, changes, layers):
    made, judged = [], []
    monkeypatch.setattr(training, "PatchDiscriminator", lambda *given: made.append(given) or PatchDiscriminator(*given))
    run = Training(replace(TINY, **changes), *data)
    monkeypatch.setattr(run, "judged", lambda images: judged.append(images) or run.discriminator(images))
    list(run.run())
    assert set(made) == {(1, layers, False)} and len(judged) == 2 * (1 + 4) + 2 * 4      # two a discriminator's, one a refiner's
    assert run.discriminator[0].weight.shape[2:] == layers[0][:1] * 2
    assert run.refiner.enter.kernel_size == (7, 7) and len(run.refiner.blocks) == 2


@pytest.mark.parametrize("size, layers, places", [((224, 224), HAND_LAYERS, 49), ((96, 100), HAND_LAYERS, 12),
                                                  ((35, 55), GAZE_LAYERS, 126)])
def test_one_verdict_an_image_sees_all_places_of_any_layers(size, layers, places):
    judge = GlobalDiscriminator(1, size, layers)
    assert judge.verdict.in_features == 32 * places
    assert judge(torch.zeros(2, 1, *size)).shape == (2, 2, 1, 1)


def test_one_verdict_an_image_can_be_trained_on_hands_too(data):
    run = Training(replace(TINY, local=False), *data)
    list(run.run())
    assert run.discriminator.trunk[0].kernel_size == (7, 7)


def test_what_is_published_for_hands_is_in_the_preset_and_the_rest_is_that_for_gaze():
    hands, gaze = asdict(HAND_PRESETS["paper"]), asdict(PRESETS["paper"])
    assert {name: hands[name] for name in hands if hands[name] != gaze[name]} == {
        "blocks": 10, "first_kernel": 7, "discriminator_layers": "hands", "refiner_warmup": 500}
    assert (hands["refiner_updates"], hands["discriminator_updates"], hands["discriminator_warmup"]) == (2, 1, 200)
    refiner = HAND_PRESETS["paper"].refiner(1)
    assert refiner.enter.weight.shape == (64, 1, 7, 7) and len(refiner.blocks) == 10
    assert all(preset.features == "identity" for preset in HAND_PRESETS.values())            # gray is depth: it may not drift


@pytest.mark.parametrize("stop", [1, 3, 5])
def test_a_restored_run_on_hands_ends_with_the_same_weights(data, stop):
    whole, first, second = (Training(TINY, *data) for _ in range(3))
    list(whole.run())
    list(itertools.islice(first.run(), stop))
    next(second.run())
    second.restore(first.state())
    list(second.run())
    for name in ("refiner", "averaged", "discriminator"):
        assert torch.equal(weights(getattr(whole, name)), weights(getattr(second, name))), name


def test_a_refiner_with_a_first_kernel_of_seven_comes_back_from_its_file(data, tmp_path):
    trained = train_refiner(tmp_path / "run.state", TINY, *data, bar=False)
    save_module(tmp_path / "hand.safetensors", trained.refiner, asdict(Sizes.of(trained.refiner)))
    loaded, card = load_refiner(tmp_path / "hand.safetensors"), read_card(tmp_path / "hand.safetensors")
    assert (card["first_kernel"], card["width"], card["blocks"]) == (7, 4, 2)
    x = torch.rand(2, 1, 32, 32) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(loaded(x), trained.refiner(x), atol=1e-6, rtol=0)


def test_sizes_of_a_refiner_make_one_like_it():
    refiner = Refiner(3, 6, 2, 5, noise=2, residual=True, edges="reflect")
    assert Sizes.of(refiner) == Sizes(channels=3, width=6, blocks=2, noise=2, residual=True, first_kernel=5, edges="reflect")
    like = Sizes.of(refiner).network()
    like.load_state_dict(refiner.state_dict())
    assert like.residual and like.noise == 2 and like.edges == "reflect"


@pytest.mark.parametrize("kernel", [4, 0, 33, "7", 3.0])
def test_a_first_kernel_without_a_middle_is_refused_in_settings_and_cards(kernel, tmp_path):
    with pytest.raises(UserError, match="^first_kernel: expected an odd number from 1 to 31, found"):
        TrainingConfig(steps=1, first_kernel=kernel)
    save_module(tmp_path / "r.safetensors", Refiner(1, 4, 1), {"channels": 1, "width": 4, "blocks": 1, "first_kernel": kernel})
    with pytest.raises(UserError, match="r.safetensors: not a refiner's file: .*first_kernel: expected an odd number"):
        load_refiner(tmp_path / "r.safetensors")


def test_unknown_layers_are_refused():
    with pytest.raises(UserError, match="discriminator_layers: expected one of gaze, hands, found 'feet'"):
        TrainingConfig(steps=1, discriminator_layers="feet")


# ---- what was kept before ----
NEW = {"first_kernel", "discriminator_layers", "window", "edges", "batch_norm", "refiner_updates_most"}


@pytest.mark.parametrize("config", [PRESETS["full"], PROFILES["quick"].training, SWEEP_PROFILES["quick"].training])
def test_settings_for_eyes_are_described_as_before_there_were_any_for_hands(config):
    """Records and keys of kept work are compared by this: they stay those of the same job."""
    assert config.described() == {name: value for name, value in asdict(config).items() if name not in NEW}
    changed = replace(config, first_kernel=5)
    assert changed.described() == config.described() | {"first_kernel": 5}
    assert config.completed(config.described()) == asdict(config) and changed.completed(changed.described()) == asdict(changed)


def test_a_profile_is_described_with_all_that_is_in_it():
    profile = PROFILES["quick"]
    inner = {"training": profile.training.described(), "gaze": asdict(GAZE_PRESETS["quick"])}
    whole = {name: value for name, value in asdict(profile).items() if name not in profile.LATER}       # these have their defaults
    assert profile.described() == whole | inner
    assert replace(profile, people=3, simulator="wide").described() == whole | inner | {"people": 3, "simulator": "wide"}
    assert replace(profile, training=HAND_PRESETS["full"]).described()["training"]["discriminator_layers"] == "hands"


def test_a_state_of_before_goes_on_and_one_of_other_layers_does_not(data):
    eyes = replace(TINY, first_kernel=3, discriminator_layers="gaze")
    run = Training(eyes, *data)
    list(itertools.islice(run.run(), 4))
    state = run.state()
    for name in NEW:
        del state["config"][name]                                        # as it was written before
    again = Training(eyes, *data)
    again.restore(state)
    assert again.done == 4 and torch.equal(weights(again.refiner), weights(run.refiner))
    with pytest.raises(UserError, match="another run: first_kernel is 3 there, 7 here"):
        Training(replace(eyes, first_kernel=7), *data).restore(state)
    with pytest.raises(UserError, match="another run: discriminator_layers is 'hands' there, 'gaze' here"):
        Training(eyes, *data).restore(Training(replace(eyes, discriminator_layers="hands"), *data).state())


def test_quick_and_full_hold_the_pixels_of_a_verdict_alike():
    """Lambda times the pixels that a verdict stands for: strides 2, 2 of the layers for gaze, 4, 2, 2, 2 of those for hands."""
    held = {name: HAND_PRESETS[name].regularization * side**2 for name, side in (("quick", 4), ("full", 32))}
    assert held["full"] == pytest.approx(held["quick"], rel=0.05)
