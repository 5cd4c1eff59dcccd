"""Learned psi: blind to light, not to shapes; frozen; the same again by seed; and VGG's code path without torchvision."""

import copy
import sys
import types
from dataclasses import replace
from itertools import islice

import pytest
import torch
from torch import nn

from simgan_lib.evaluation.parts import parts_features, parts_network, relit, train_parts
from simgan_lib.experiments.runs import train_refiner
from simgan_lib.features import LearnedFeatures, named_layers, vgg_features
from simgan_lib.images import to_float
from simgan_lib.losses import FEATURES, self_regularization
from simgan_lib.simulators.eyes import render, simulate
from simgan_lib.simulators.parameters import draw_parameters
from simgan_lib.system.checkpoints import load_state, save_state
from simgan_lib.system.digests import module_digest
from simgan_lib.system.errors import UserError
from simgan_lib.training import Training, TrainingConfig

VGG16 = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]


@pytest.fixture(scope="module")
def eyes():
    return simulate(300, seed=1)


@pytest.fixture(scope="module")
def psi(eyes):
    return parts_features(eyes, steps=60)


# ---- a layer of a network ----
def test_unit_is_one_deviation_at_every_place(eyes):
    """However wide the layer and whatever its stride, pixels and maps have one scale."""
    for layer in ("conv1", "relu2", "relu3"):
        psi = LearnedFeatures(parts_network(1), layer, eyes.images)
        maps = psi(to_float(eyes.images))
        from_mean = (maps - maps.mean((0, 2, 3), keepdim=True)).abs().flatten(1).sum(1)
        torch.testing.assert_close(from_mean.mean(), torch.tensor(35.0 * 55.0), rtol=1e-4, atol=0)


def test_a_silent_map_costs_nothing(eyes):
    network = parts_network(1)
    with torch.no_grad():
        network.norm1.bias[0] = -1e3                       # its ReLU never opens
    psi = LearnedFeatures(network, "relu1", eyes.images)
    maps = psi(to_float(eyes.images[:4]))
    assert maps.isfinite().all() and not maps[:, 0].any() and maps[:, 1:].any()


def test_what_follows_the_layer_is_left_out_and_nothing_learns(eyes):
    psi = LearnedFeatures(parts_network(1), "relu1", eyes.images)
    assert [name for name, _ in psi.layers.named_children()] == ["conv1", "norm1", "relu1"]
    images = to_float(eyes.images[:2]).requires_grad_()
    psi(images).sum().backward()
    assert images.grad.abs().sum() > 0 and not any(p.requires_grad for p in psi.parameters())


def test_an_unknown_layer_and_images_of_other_channels_are_refused(eyes):
    with pytest.raises(UserError, match="expected one of conv1, norm1, relu1, .* found 'relu9'"):
        LearnedFeatures(parts_network(1), "relu9", eyes.images)
    with pytest.raises(UserError, match="layer relu1 cannot take images"):
        LearnedFeatures(parts_network(3), "relu1", eyes.images)


# ---- the kit's own network ----
def test_trained_features_charge_shapes_and_not_light(eyes, psi):
    """A turned eye must cost more, in units of other light, than under the identity."""
    few = draw_parameters(60, torch.Generator().manual_seed(9))
    before, turned = (to_float(render(e).images) for e in (few, few.with_values(yaw=few["yaw"] + 7.5)))
    darker = 0.5 * before - 0.4

    def shape_over_light(f):
        cost = [self_regularization(after, before, f).mean() for after in (turned, darker)]
        return (cost[0] / cost[1]).item()

    assert shape_over_light(psi) > 5 * shape_over_light(None)


def test_training_teaches_the_parts(eyes):
    """Against the network as it was before, on eyes it has not seen, under other light."""
    other = simulate(60, seed=5)
    light = relit(to_float(other.images), torch.Generator().manual_seed(0))
    target = other.labels["parts"][:, ::2, ::2].long()
    network = parts_network(1)
    before = nn.functional.cross_entropy(network(light), target)
    after = nn.functional.cross_entropy(train_parts(network, eyes, steps=60)(light), target)
    assert after < 0.5 < before


def test_the_same_seed_gives_the_same_psi_and_leaves_other_random_numbers_alone(eyes):
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    one, same, other = (parts_features(eyes, seed=seed, steps=2) for seed in (0, 0, 1))
    assert module_digest(one) == module_digest(same) != module_digest(other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_relit_images_stay_in_range_and_differ_from_each_other():
    images = torch.zeros(8, 3, 12, 15)
    after = relit(images, torch.Generator().manual_seed(0))
    assert after.shape == images.shape and after.abs().max() <= 1
    means = after.mean((2, 3))                                            # (8, 3)
    assert means.std(0).min() > 0.05 and means.std(1).min() > 0.01        # brightness, and colour


# ---- in a training run ----
TINY = TrainingConfig(steps=4, batch=4, refiner_warmup=2, discriminator_warmup=1, buffer=8, width=8, blocks=1)


def weights(module):
    return torch.cat([p.detach().flatten() for p in module.parameters()])


class Module(nn.Module):
    """A named psi as a module."""

    def forward(self, images):
        return FEATURES["local_contrast"](images)


def test_a_given_psi_is_the_one_that_is_used(eyes):
    """In place of the configuration's: a module that does what a name stands for gives that name's run."""
    named = Training(replace(TINY, features="local_contrast"), eyes, eyes)
    given, plain = Training(TINY, eyes, eyes, features=Module()), Training(TINY, eyes, eyes)
    for run in (named, given, plain):
        list(run.run())
    assert torch.equal(weights(named.refiner), weights(given.refiner))
    assert not torch.equal(weights(named.refiner), weights(plain.refiner))


def test_a_run_goes_on_with_its_own_psi_alone(eyes, psi, tmp_path):
    other = copy.deepcopy(psi)
    with torch.no_grad():
        other.layers.conv1.weight[0, 0, 0, 0] += 1e-3                     # one weight of another training
    whole = train_refiner(tmp_path / "whole", TINY, eyes, eyes, bar=False, features=psi)
    part = Training(TINY, eyes, eyes, features=psi)
    for _ in islice(part.run(), 5):
        pass
    save_state(tmp_path / "part", part.state())
    for wrong in (other, None, psi.layers):
        with pytest.raises(UserError, match="another run: given features is"):
            Training(TINY, eyes, eyes, features=wrong).restore(load_state(tmp_path / "part"))
    resumed = Training(TINY, eyes, eyes, features=psi)
    resumed.restore(load_state(tmp_path / "part"))
    list(resumed.run())
    assert torch.equal(weights(resumed.result), weights(whole.refiner))


def test_a_function_is_no_psi_that_a_resumed_run_could_compare(eyes):
    with pytest.raises(UserError, match="expected a torch module"):
        Training(TINY, eyes, eyes, features=lambda images: images)


# ---- VGG ----
def torchvision_of(state, fails=None):
    """What vgg_features uses of torchvision, with its names and signatures; the layers and sizes are VGG-16's."""
    class VGG(nn.Module):
        def __init__(self, init_weights=True):
            super().__init__()
            layers, channels = [], 3
            for width in VGG16:
                layers += ([nn.MaxPool2d(2, 2)] if width == "M" else
                           [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)])
                channels = channels if width == "M" else width
            self.features = nn.Sequential(*layers)

    class Weights:
        url = "https://example.org/vgg16-0123abcd.pth"

        def get_state_dict(self, progress, check_hash, weights_only):
            assert check_hash and weights_only
            if fails:
                raise fails
            return state if state is not None else VGG().state_dict()

    def vgg16(*, weights, init_weights):
        assert weights is None
        return VGG(init_weights)

    models = types.SimpleNamespace(vgg16=vgg16, VGG16_Weights=types.SimpleNamespace(IMAGENET1K_V1=Weights()))
    module = types.ModuleType("torchvision")
    module.models = models
    return module, VGG


@pytest.fixture
def torchvision(monkeypatch):
    def put(state=None, fails=None):
        module, build = torchvision_of(state, fails)
        monkeypatch.setitem(sys.modules, "torchvision", module)
        return build
    return put


def test_vgg_layers_have_their_usual_names(torchvision):
    names = [name for name, _ in named_layers(torchvision()().features).named_children()]
    assert names[:6] == ["conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1", "conv2_1"]
    assert names[-2:] == ["relu5_3", "pool5"] and len(names) == 31 and names.index("relu3_3") == 15


def test_vgg_gets_normalised_rgb_and_gives_the_layer_asked_for(eyes, torchvision):
    """Gray and colour images whose three channels are equal are one and the same to it."""
    build = torchvision()
    weights = build().state_dict()
    torchvision(weights)
    psi = vgg_features(eyes.images[:20], "relu2_2")
    x = to_float(eyes.images[:2])
    mean, spread = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    rgb = ((x.expand(-1, 3, -1, -1) + 1) / 2 - mean[:, None, None]) / spread[:, None, None]
    plain = build()
    plain.load_state_dict(weights)
    torch.testing.assert_close(psi(x) * psi.unit.where(psi.unit.isfinite(), torch.zeros(())),
                               plain.features[:9](rgb) * psi.unit.isfinite())
    torch.testing.assert_close(psi(x), psi(x.expand(-1, 3, -1, -1)))
    assert psi(x).shape == (2, 128, 17, 27)


def test_deep_layers_of_small_images_are_refused(torchvision):
    torchvision()
    with pytest.raises(UserError, match="layer pool5 cannot take images"):
        vgg_features(torch.zeros(2, 1, 16, 16, dtype=torch.uint8), "pool5")


def test_without_torchvision_one_line_says_what_to_do(eyes, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)                 # what an import of it then raises
    with pytest.raises(UserError, match=r"pip install 'simgan-kit\[vgg\]'"):
        vgg_features(eyes.images)


@pytest.mark.parametrize("fails", [OSError("no route to host"), RuntimeError("invalid hash value")])
def test_without_the_weights_one_line_says_where_to_put_them(eyes, torchvision, fails):
    torchvision(fails=fails)
    with pytest.raises(UserError, match="put that file into .*checkpoints"):
        vgg_features(eyes.images)
