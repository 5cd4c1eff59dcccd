"""Convolutions whose weights' gradient is a matrix product where oneDNN's own is slow."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from simgan_lib.networks import GazeEstimator, PatchDiscriminator, Refiner
from simgan_lib.system import convolution, device
from simgan_lib.system.convolution import Conv2d, weight_gradient

# inputs, outputs, kernel, stride, padding, mode: wide maps, an image's few, strides, all that the published layers have
LAYERS = [(64, 64, 3, 1, 1, "zeros"), (64, 70, 3, 1, 1, "reflect"), (1, 64, 7, 4, 3, "zeros"), (3, 5, 5, 2, 0, "zeros"),
          (2, 6, 7, 1, 3, "reflect"), (64, 65, 1, 1, 0, "zeros")]


@pytest.fixture
def avx2(monkeypatch):
    """A CPU with AVX2 alone, whatever the tests run on."""
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")


def both(layer, seed=0):
    """(our layer, torch's own in float64 with the same weights, an input, its float64 twin)."""
    *sizes, mode = layer
    torch.manual_seed(seed)
    ours, x = Conv2d(*sizes, padding_mode=mode), torch.randn(5, sizes[0], 13, 17, requires_grad=True)
    exact = nn.Conv2d(*sizes, padding_mode=mode).double()
    exact.load_state_dict(ours.state_dict())
    return ours, exact, x, x.detach().double().requires_grad_()


def close(ours, exact):
    """Within 1e-5 of float64's largest value: what oneDNN's own gradients keep, too."""
    return (ours - exact).abs().max() <= 1e-5 * exact.abs().max()


@pytest.mark.parametrize("layer", LAYERS)
def test_outputs_and_gradients_are_those_of_a_plain_convolution(layer, avx2):
    ours, exact, x, twin = both(layer)
    y, wanted = ours(x), exact(twin)
    assert type(y.grad_fn).__name__ == "_ByProductBackward" and close(y, wanted)
    upstream = torch.randn_like(y)
    found = torch.autograd.grad(y, [x, ours.weight, ours.bias], upstream)
    for each, right in zip(found, torch.autograd.grad(wanted, [twin, exact.weight, exact.bias], upstream.double())):
        assert each.shape == right.shape and close(each, right)


def test_the_gradient_of_a_gradient_is_right_too(avx2):
    """As a penalty on the discriminator's slope needs it."""
    ours, exact, x, twin = both(LAYERS[0])
    second = []
    for layer, given in ((ours, x), (exact, twin)):
        slope, = torch.autograd.grad(layer(given).square().sum(), given, create_graph=True)
        second.append(torch.autograd.grad(slope.square().sum(), layer.weight)[0])
    assert close(*second)


def test_the_weights_gradient_by_hand():
    """One pixel that is not 0, one output that is asked for: the one weight between them, off the centre, has a gradient."""
    x, gradient = torch.zeros(1, 2, 5, 7), torch.zeros(1, 3, 5, 7)
    x[0, 1, 2, 4], gradient[0, 2, 3, 3] = 2.0, 5.0
    found = weight_gradient(x, gradient, 3, 1, 1)
    assert found.nonzero().tolist() == [[2, 1, 0, 2]] and found[2, 1, 0, 2] == 10.0        # a row above, a column to the right


@pytest.mark.parametrize("pixels", [1, 35 * 55, 3 * 35 * 55, 10**9])
def test_how_many_images_are_unfolded_at_once_changes_nothing(pixels, monkeypatch):
    torch.manual_seed(0)
    x, gradient = torch.randn(7, 3, 35, 55), torch.randn(7, 4, 35, 55)
    monkeypatch.setattr(convolution, "PIXELS", pixels)
    exact = torch.nn.grad.conv2d_weight(x.double(), (4, 3, 3, 3), gradient.double(), padding=1)
    assert close(weight_gradient(x, gradient, 3, 1, 1), exact)


@pytest.mark.parametrize("how", [{"dilation": 2}, {"padding": (1, 2)}, {"stride": (1, 2)}, {"groups": 2}, {"padding": "same"},
                                 {"kernel_size": (1, 3)}])
def test_settings_of_another_kind_are_a_plain_convolutions(how, avx2):
    torch.manual_seed(0)
    ours = Conv2d(2, 4, **{"kernel_size": 3, **how})
    plain = nn.Conv2d(2, 4, **{"kernel_size": 3, **how})
    plain.load_state_dict(ours.state_dict())
    x = torch.randn(2, 2, 9, 11)
    torch.testing.assert_close(ours(x), plain(x))
    torch.testing.assert_close(ours(x[0]), plain(x[0]))                  # one image without a batch


def test_each_images_own_gradient_as_torch_func_gives_it(avx2):
    layer, x = Conv2d(1, 4, 3), torch.randn(3, 1, 6, 6)

    def loss(weights, image):
        return torch.func.functional_call(layer, weights, image[None]).square().sum()
    weights = {name: each.detach() for name, each in layer.named_parameters()}
    each = torch.func.vmap(torch.func.grad(loss), (None, 0))(weights, x)["weight"]
    layer(x).square().sum().backward()
    assert each.shape[0] == 3
    torch.testing.assert_close(each.sum(0), layer.weight.grad, rtol=1e-4, atol=1e-5)


def taken(layer, x):
    y = layer(x)
    return y.grad_fn is not None and type(y.grad_fn).__name__ == "_ByProductBackward"


def test_it_is_taken_only_where_it_pays(avx2, monkeypatch):
    wide, x = Conv2d(64, 64, 3, padding=1), torch.zeros(1, 64, 5, 5)
    assert taken(wide, x) and taken(Conv2d(1, 8, 3), x[:, :1]) and not taken(Conv2d(64, 32, 3), x)
    with torch.no_grad():
        assert not taken(wide, x)
    with torch.autocast("cpu", torch.bfloat16):
        assert not taken(wide, x)
    assert not taken(wide.double(), x.double())
    wide.float().requires_grad_(False)
    assert not taken(wide, x.requires_grad_())
    wide.requires_grad_(True)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    assert not taken(wide, x) and not device.weight_gradients_are_slow(torch.zeros(1, device="meta"))


@pytest.mark.parametrize("network, layers", [(Refiner(), 9), (PatchDiscriminator(), 2), (GazeEstimator("small"), 3)],
                         ids=["refiner", "discriminator", "estimator"])
def test_the_published_networks_have_such_layers(network, layers, avx2, monkeypatch):
    """The wiring: how many gradients a backward pass of each computes so."""
    seen, plain = [], weight_gradient
    monkeypatch.setattr(convolution, "weight_gradient", lambda *given: seen.append(given) or plain(*given))
    network(torch.zeros(2, 1, 35, 55)).sum().backward()
    assert len(seen) == layers


def test_weights_come_and_go_between_the_kinds():
    """The same names and shapes: files from before, and networks of others, fit."""
    plain = nn.Conv2d(3, 8, 3, padding=1)
    ours = Conv2d(3, 8, 3, padding=1)
    ours.load_state_dict(plain.state_dict())
    x = torch.randn(2, 3, 9, 9)
    torch.testing.assert_close(ours(x), plain(x))
    assert F.conv2d(x, ours.weight, ours.bias, padding=1).shape == ours(x).shape
