"""The networks are the published ones: sizes, parameters, and none of the public ports' slips."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from simgan_lib import paper
from simgan_lib.images import to_float, to_uint8
from simgan_lib.networks import (
    GAZE_LAYERS,
    HAND_LAYERS,
    GazeEstimator,
    GlobalDiscriminator,
    HandPoseEstimator,
    Hourglass,
    PatchDiscriminator,
    Refiner,
    ResidualBlock,
    count_parameters,
    from_seed,
    receptive_field,
    smooth_noise,
)
from simgan_lib.system.errors import UserError


def test_published_parameter_counts():
    assert count_parameters(Refiner()) == paper.REFINER_PARAMETERS.value == 296_129
    assert count_parameters(PatchDiscriminator()) == paper.DISCRIMINATOR_PARAMETERS.value == 75_906


def test_published_hand_discriminator():
    network = PatchDiscriminator(layers=HAND_LAYERS)
    assert count_parameters(network) == paper.HAND_DISCRIMINATOR_PARAMETERS.value == 178_050
    assert network(torch.zeros(1, 1, 224, 224)).shape == (1, 2, 7, 7)


def test_published_gaze_estimator():
    """Its five convolutions, two poolings and three layers of 9600, 1000 and 3; a quarter of a billion weights."""
    with torch.device("meta"):                                   # counted, not stored
        network = GazeEstimator("paper")
        maps = network.features(torch.zeros(1, 1, 35, 55)).shape
    convolutions = [m.out_channels for m in network.features if isinstance(m, nn.Conv2d)]
    assert convolutions == [32, 32, 64, 80, 192] and maps == (1, 192, 9, 14)
    assert [m.out_features for m in network.head if isinstance(m, nn.Linear)] == [9600, 1000, 3]
    by_hand = sum(9 * a * b + b for a, b in zip([1, 32, 32, 64, 80], convolutions))
    by_hand += sum(a * b + b for a, b in zip([192 * 9 * 14, 9600, 1000], [9600, 1000, 3]))
    assert count_parameters(network) == by_hand


def test_35_by_55_gives_9_by_14_patches():
    assert PatchDiscriminator()(torch.zeros(2, 1, 35, 55)).shape == (2, 2, 9, 14)
    assert GlobalDiscriminator()(torch.zeros(2, 1, 35, 55)).shape == (2, 2, 1, 1)


@pytest.mark.parametrize("size", [(35, 55), (36, 60), (17, 23), (64, 64)])
@pytest.mark.parametrize("channels", [1, 3])
def test_refiner_keeps_the_size_and_stays_in_range(size, channels):
    x = torch.rand(2, channels, *size) * 2 - 1
    y = Refiner(channels, features=8, blocks=2)(x)
    assert y.shape == x.shape and y.abs().max() <= 1


def test_smooth_noise_is_smooth_and_comes_from_its_generator():
    one, same = (smooth_noise(200, 1, (35, 55), torch.Generator().manual_seed(3)) for _ in range(2))
    assert one.shape == (200, 1, 35, 55) and torch.equal(one, same) and not torch.allclose(one[0], one[1], atol=0.1)
    assert 0.4 < one.std() < 1.2 and one.mean((1, 2, 3)).abs().max() < 1e-5
    assert (one[..., 1:] - one[..., :-1]).std() < 0.15 * one.std()


def test_refiner_reaches_dark_and_bright():
    """No ReLU before the tanh, as some public ports have it: the output can be negative."""
    refiner = Refiner(features=8, blocks=1)
    with torch.no_grad():
        refiner.leave.bias.fill_(-3)
        assert refiner(torch.zeros(1, 1, 9, 9)).max() < -0.9
        refiner.leave.bias.fill_(3)
        assert refiner(torch.zeros(1, 1, 9, 9)).min() > 0.9


@pytest.mark.parametrize("make", [PatchDiscriminator, GlobalDiscriminator])
def test_logits_take_both_signs(make):
    torch.manual_seed(0)
    logits = torch.cat([make()(torch.randn(8, 1, 35, 55) * 3).flatten() for _ in range(8)])
    assert (logits > 0).any() and (logits < 0).any(), "an activation behind the logits"


def kinds(network):
    """The layers in their order, by name."""
    return [type(m).__name__ for m in network.modules() if not list(m.children())]


def test_the_networks_have_no_layers_but_the_published_ones():
    """No normalisation, dropout or other activation, which the paper does not speak of and some ports have."""
    with torch.device("meta"):
        estimator = GazeEstimator("paper")
    assert kinds(Refiner()) == ["Conv2d"] * 10
    assert kinds(PatchDiscriminator()) == ["Conv2d", "ReLU"] * 2 + ["MaxPool2d"] + ["Conv2d", "ReLU"] * 2 + ["Conv2d"]
    assert kinds(GlobalDiscriminator()) == ["Conv2d", "ReLU"] * 2 + ["MaxPool2d"] + ["Conv2d", "ReLU"] * 2 + ["Linear"]
    assert kinds(estimator) == (["Conv2d", "ReLU"] * 3 + ["MaxPool2d"] + ["Conv2d", "ReLU"] * 2 + ["MaxPool2d"]
                                + ["Linear", "ReLU"] * 2 + ["Linear"])
    assert kinds(GazeEstimator("small"))[-1] == "Linear"


def test_the_articles_discriminator_normalises_behind_each_convolution_but_the_last():
    layer, pooled = ["Conv2d", "BatchNorm2d", "ReLU"], ["MaxPool2d"]
    patch, whole = PatchDiscriminator(batch_norm=True), GlobalDiscriminator(batch_norm=True)
    assert kinds(patch) == layer * 2 + pooled + layer * 2 + ["Conv2d"]
    assert kinds(whole) == layer * 2 + pooled + layer * 2 + ["Linear"]
    assert [m.num_features for m in patch if hasattr(m, "num_features")] == [96, 64, 32, 32]
    assert patch(torch.zeros(2, 1, 35, 55)).shape == (2, 2, 9, 14) and whole(torch.zeros(2, 1, 35, 55)).shape == (2, 2, 1, 1)


def test_batch_normalisation_draws_nothing_and_without_it_nothing_is_other_than_before():
    plain, normalised = (from_seed(3, PatchDiscriminator, 1, GAZE_LAYERS, each) for each in (False, True))
    assert list(plain.state_dict()) == [f"{at}.{kind}" for at in (0, 2, 5, 7, 9) for kind in ("weight", "bias")]
    of = [[m.weight for m in network if isinstance(m, torch.nn.Conv2d)] for network in (plain, normalised)]
    assert all(map(torch.equal, *of))


def constant(convolution, by):
    """Make a convolution multiply each map by a number and add nothing."""
    nn.init.zeros_(convolution.weight)
    nn.init.zeros_(convolution.bias)
    k = convolution.kernel_size[0] // 2
    for i in range(convolution.out_channels):
        convolution.weight.data[i, i, k, k] = by


@pytest.mark.parametrize("first, second, x, expected", [
    (1.0, 1.0, 3.0, 6.0),           # relu(relu(x) + x)
    (2.0, 5.0, 3.0, 33.0),          # each convolution has its own weights, and the sum comes after the second
    (-1.0, 1.0, 3.0, 3.0),          # a ReLU between the two
    (1.0, -2.0, 3.0, 0.0),          # the ReLU comes after the sum: relu(-6 + 3)
    (1.0, -0.5, 4.0, 2.0),          # ... and not before it: relu(-2 + 4), not relu(-2) + 4
    (1.0, 1.0, -3.0, 0.0)])
def test_a_block_is_two_convolutions_and_a_sum_by_hand(first, second, x, expected):
    """Also: no normalisation, which would make one value of every flat image."""
    block = ResidualBlock(2)
    constant(block.first, first), constant(block.second, second)
    with torch.no_grad():
        assert block(torch.full((1, 2, 4, 5), x)).unique().tolist() == [expected]


def test_each_block_has_weights_of_its_own():
    refiner = Refiner(features=8, blocks=3)
    assert len({id(p) for p in refiner.parameters()}) == len(list(refiner.parameters())) == 2 + 3 * 4 + 2


def test_the_refiner_by_hand():
    """One feature map: enter doubles, a ReLU, the block adds its answer, leave subtracts 1, tanh."""
    refiner = Refiner(features=1, blocks=1)
    constant(refiner.enter, 2.0), constant(refiner.blocks[0].first, 1.0), constant(refiner.blocks[0].second, 0.5)
    nn.init.ones_(refiner.leave.weight), nn.init.constant_(refiner.leave.bias, -1.0)
    x = torch.linspace(-0.8, 0.8, 99).reshape(1, 1, 9, 11)
    with torch.no_grad():
        torch.testing.assert_close(refiner(x), (1.5 * torch.relu(2 * x) - 1).tanh())


def test_the_refiner_sees_its_noise():
    refiner, x, noise = Refiner(features=8, blocks=1, noise=1), torch.zeros(1, 1, 9, 11), torch.randn(1, 1, 9, 11)
    assert not torch.allclose(refiner(x, noise), refiner(x, 0 * noise), atol=1e-4)


def test_the_largest_of_its_places_is_pooled():
    """One bright pixel among dark ones is seen by all patches around it: a mean would hardly see it."""
    pools = [m for m in PatchDiscriminator() if isinstance(m, nn.MaxPool2d)]
    x = torch.zeros(1, 1, 9, 9)
    x[..., 4, 4] = 1
    assert [pool(x).max().item() for pool in pools] == [1.0]


def test_no_relu_is_missing_before_a_verdict():
    """A verdict is linear in maps that are never negative, the local one and the global one."""
    for network, last in ((PatchDiscriminator(), lambda n: n[-1]), (GlobalDiscriminator(), lambda n: n.verdict)):
        seen = []
        last(network).register_forward_pre_hook(lambda _, given, seen=seen: seen.append(given[0]))
        network(torch.randn(2, 1, 35, 55) * 3)
        assert seen[0].min() == 0 < seen[0].max()


def test_the_gaze_estimators_answer_may_be_negative():
    """The gaze goes into the picture, z = -1: a ReLU behind the answer, as behind each layer before, could not say so."""
    network = GazeEstimator("small")
    nn.init.constant_(network.head[-1].bias, -5.0)
    with torch.no_grad():
        assert (network(torch.zeros(1, 1, 35, 55)) < -1).all()


@given(st.integers(0, 99), st.integers(0, 99))
def test_initial_weights_come_from_their_seed(one, other):
    first, second = (from_seed(seed, nn.Linear, 3, 2).weight for seed in (one, other))
    assert torch.equal(first, second) == (one == other)


def test_refined_images_stay_where_they_are():
    torch.manual_seed(0)
    refiner, x = Refiner(features=8, blocks=2), torch.zeros(1, 1, 35, 55)
    with torch.no_grad():
        flat = refiner(x)
        x[0, 0, 17, 27] = 1
        changed = (refiner(x) - flat).abs()[0, 0].nonzero()
    assert changed.float().mean(0).sub(torch.tensor([17.0, 27.0])).abs().max() < 1.0


def test_margin_leaves_no_frame():
    torch.manual_seed(0)
    x = torch.full((1, 1, 35, 55), 0.3)
    framed, clean = Refiner(margin=0), Refiner(margin=9)
    clean.load_state_dict(framed.state_dict())
    with torch.no_grad():
        assert framed(x).std() > 10 * clean(x).std()


def test_convolutions_that_reflect_leave_no_frame_and_compute_no_margin():
    torch.manual_seed(0)
    x, seen = torch.full((1, 1, 35, 55), 0.3), []
    for edges, computed in (("margin", (43, 63)), ("reflect", (35, 55))):
        refiner = Refiner(edges=edges)
        for module in (refiner.enter, *refiner.blocks):
            module.register_forward_hook(lambda module, given, out: seen.append(tuple(out.shape[2:])))
        with torch.no_grad():
            refined = refiner(x)
        assert seen == [computed] * 5
        seen.clear()
    assert refined.std() < 1e-6                              # of a flat image a flat one, up to the corners


def test_each_convolution_mirrors_without_repeating_the_edge():
    """One map, kernels that take the right neighbour: an image's last column becomes its last but one."""
    refiner = Refiner(features=1, blocks=0, edges="reflect")
    nn.init.zeros_(refiner.enter.weight), nn.init.zeros_(refiner.enter.bias)
    refiner.enter.weight.data[0, 0, 1, 2] = 1.0
    nn.init.ones_(refiner.leave.weight), nn.init.zeros_(refiner.leave.bias)
    x = torch.arange(1, 6).float().mul(0.1).expand(1, 1, 4, 5)
    with torch.no_grad():
        torch.testing.assert_close(refiner(x)[0, 0, 0], torch.tensor([0.2, 0.3, 0.4, 0.5, 0.4]).tanh())


@pytest.mark.parametrize("made, needs", [({}, 4), ({"margin": 2}, 2), ({"edges": "reflect"}, 1),
                                         ({"edges": "reflect", "first_kernel": 7}, 3)])
def test_a_refiner_says_how_many_pixels_it_mirrors(made, needs):
    refiner = Refiner(features=2, blocks=1, **made)
    assert refiner.mirrored == needs
    refiner(torch.zeros(1, 1, needs + 1, needs + 1))
    with pytest.raises(RuntimeError):
        refiner(torch.zeros(1, 1, needs, needs))


def test_edges_of_another_kind_are_refused():
    with pytest.raises(UserError, match="edges: expected one of margin, reflect, found 'wrap'"):
        Refiner(edges="wrap")


def test_last_layer_is_the_1x1_convolution_it_says():
    refiner = Refiner(features=8, blocks=1)
    x = torch.randn(2, 8, 5, 6)
    torch.testing.assert_close(refiner._leave(x), refiner.leave(x))


def test_receptive_field_of_a_patch_is_what_its_gradient_sees():
    torch.manual_seed(0)
    x = torch.randn(1, 1, 65, 65, requires_grad=True)
    network = PatchDiscriminator()
    network(x)[0, 0, 8, 8].backward()
    seen = x.grad[0, 0].nonzero()
    side = (seen.amax(0) - seen.amin(0) + 1).max().item()
    layers = [(m.kernel_size if isinstance(m.kernel_size, int) else m.kernel_size[0],
               m.stride if isinstance(m.stride, int) else m.stride[0])
              for m in network if isinstance(m, (nn.Conv2d, nn.MaxPool2d))]
    assert side <= receptive_field(layers) == 23


def test_gradient_reaches_the_refiner_through_a_frozen_discriminator():
    refiner, judge = Refiner(features=8, blocks=1), PatchDiscriminator().requires_grad_(False)
    judge(refiner(torch.rand(1, 1, 35, 55))).sum().backward()
    assert all(p.grad is not None for p in refiner.parameters()) and all(p.grad is None for p in judge.parameters())


@pytest.mark.parametrize("preset", ["small", "paper"])
def test_gaze_estimator_gives_a_vector(preset):
    with torch.device("meta"):                                   # a shape, and no gigabyte of weights
        assert GazeEstimator(preset)(torch.zeros(2, 1, 35, 55)).shape == (2, 3)


def test_unknown_preset_is_refused():
    with pytest.raises(ValueError, match="small"):
        GazeEstimator("resnet")


def test_a_residual_refiner_that_answers_zero_changes_nothing():
    refiner = Refiner(features=8, blocks=1, residual=True)
    torch.nn.init.zeros_(refiner.leave.weight)
    torch.nn.init.zeros_(refiner.leave.bias)
    images = torch.arange(256, dtype=torch.uint8).expand(2, 1, 12, 256).contiguous()     # every gray level
    assert torch.equal(to_uint8(refiner(to_float(images))), images)


def test_a_residual_refiner_keeps_shape_and_range():
    for channels, noise in ((1, 0), (3, 2)):
        refiner = Refiner(channels, features=8, blocks=1, noise=noise, residual=True)
        refined = refiner(torch.rand(2, channels, 20, 31) * 2 - 1, torch.randn(2, noise, 20, 31) if noise else None)
        assert refined.shape == (2, channels, 20, 31) and refined.abs().max() <= 1
        refined.sum().backward()
        assert all(p.grad.isfinite().all() for p in refiner.parameters())


def test_the_default_refiner_paints_the_image_itself():
    """Not a change of it: the same weights as a residual one's, and the plain tanh of the last layer."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        refiner = Refiner(features=8, blocks=1)
    residual = Refiner(features=8, blocks=1, residual=True)
    residual.load_state_dict(refiner.state_dict())
    x = torch.rand(2, 1, 12, 14) * 1.8 - 0.9
    torch.testing.assert_close(residual(x).atanh() - x.atanh(), refiner(x).atanh(), atol=1e-4, rtol=1e-4)
    padded = torch.nn.functional.pad(x, (4, 4, 4, 4), mode="reflect").contiguous(memory_format=torch.channels_last)
    inside = refiner.blocks(torch.relu(refiner.enter(padded)))[..., 4:-4, 4:-4]
    assert torch.equal(refiner(x), refiner._leave(inside).tanh())


@pytest.mark.parametrize("preset, size, modules, maps", [("small", 96, 1, 24), ("small", 50, 1, 24), ("paper", 224, 2, 64)])
def test_the_hand_pose_estimator_gives_a_heat_map_and_a_depth_map_a_joint_and_module(preset, size, modules, maps):
    with torch.device("meta"):                                   # shapes alone
        answers = HandPoseEstimator(preset)(torch.zeros(3, 1, size, size))
    assert answers.shape == (3, modules, 2, 14, maps, maps)
    with pytest.raises(ValueError, match="expected one of paper, small, found 'huge'"):
        HandPoseEstimator("huge")


def test_an_hourglass_sees_its_own_scale_and_coarser_ones():
    """With its inner way silenced it looks no farther than its own 3x3; else one cell is felt over half of the maps."""
    hourglass, x = from_seed(0, Hourglass, 4, 3).eval(), torch.randn(1, 4, 24, 24, generator=torch.Generator().manual_seed(0))

    def felt():
        gradient, = torch.autograd.grad(hourglass(x.requires_grad_())[0, :, 5, 7].sum(), x)
        return gradient[0].abs().amax(0).nonzero()
    assert felt().amax(0).min() > 16
    hourglass.behind = nn.Conv2d(4, 4, 1).requires_grad_(False)
    nn.init.zeros_(hourglass.behind.weight)
    assert felt().amin(0).tolist() == [4, 6] and felt().amax(0).tolist() == [6, 8]


def test_the_second_module_is_told_what_the_first_has_found(monkeypatch):
    monkeypatch.setitem(HandPoseEstimator.PRESETS, "tiny", (2, 8, 8, 2))
    estimator, x = from_seed(0, HandPoseEstimator, "tiny", 3).eval(), torch.rand(1, 1, 32, 32)
    before = estimator(x)
    nn.init.ones_(estimator.answers[0].bias)
    after = estimator(x)
    assert before.shape == (1, 2, 2, 3, 8, 8) and not torch.allclose(before[:, 1], after[:, 1], atol=1e-3)
    nn.init.zeros_(estimator.answers[0].bias)
    nn.init.ones_(estimator.answers[1].bias)
    assert not torch.allclose(estimator(x)[:, 0], after[:, 0], atol=1e-3)
