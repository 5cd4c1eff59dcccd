"""Maps tapped inside a network, and laid over one another where they belong."""

import re
from pathlib import Path

import pytest
import torch
from torch import nn

from simgan_lib.neighbours.hypercolumns import FeatureSource, FeatureTap, hypercolumn
from simgan_lib.system.errors import UserError


class Doubling(nn.Module):
    """z (N, 2) -> image (N, 1, 4, 6): one number an image; the inner maps are that number, and twice it at half the size."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Upsample(size=(4, 6)), nn.AvgPool2d(2)])
        self.seen = []

    def forward(self, z, truncation=1.0):
        self.seen.append((truncation, len(z)))
        full = self.blocks[0](truncation * z[:, :1, None, None])
        self.blocks[1](2 * full)
        return full


def test_a_tap_keeps_what_the_modules_gave():
    net, given = Doubling(), []
    for block in net.blocks:
        block.register_forward_hook(lambda module, inputs, output: given.append(output))
    with FeatureTap(net, ["blocks.1", "blocks.0"]) as tap:
        net(torch.tensor([[3.0, 0.0], [5.0, 0.0]]))
    assert [tuple(each.shape) for each in tap.maps] == [(2, 1, 2, 3), (2, 1, 4, 6)]
    assert torch.equal(tap.maps[0], given[1]) and torch.equal(tap.maps[1], given[0])
    assert tap.maps[0][1].unique().tolist() == [10.0]


def test_a_module_that_runs_twice_gives_both_maps():
    net = Doubling()
    with FeatureTap(net, ["blocks.0"]) as tap:
        net(torch.tensor([[3.0, 0.0]]))
        net(torch.tensor([[4.0, 0.0]]))
    assert [each.mean().item() for each in tap.maps] == [3.0, 4.0]


def test_of_a_tuple_the_first_is_kept():
    class Pair(nn.Module):
        def forward(self, x):
            return x + 1, "an image"

    net = nn.ModuleDict({"block": Pair()})
    with FeatureTap(net, ["block"]) as tap:
        net["block"](torch.zeros(1, 1, 2, 2))
    assert tap.maps[0].unique().tolist() == [1.0]


@pytest.mark.parametrize("fails", [False, True])
def test_no_hook_is_left_behind(fails):
    net = Doubling()
    try:
        with FeatureTap(net, ["blocks.0", "blocks.1"]):
            net(torch.zeros(1, 2))
            assert net.blocks[0]._forward_hooks
            if fails:
                raise RuntimeError
    except RuntimeError:
        assert fails
    assert not net.blocks[0]._forward_hooks and not net.blocks[1]._forward_hooks


def test_a_tap_holds_no_graph():
    net = nn.Sequential(nn.Conv2d(1, 1, 1))
    with FeatureTap(net, ["0"]) as tap:
        net(torch.zeros(1, 1, 2, 2))
    assert not tap.maps[0].requires_grad


@pytest.mark.parametrize("names, found", [(["blocks.7"], "'blocks.7'"), ([], "none"), ("blocks.0", "'blocks.0'"), ([""], "''")])
def test_a_name_that_there_is_none_of_is_told_with_those_that_there_are(names, found):
    with pytest.raises(UserError, match=f"blocks, blocks.0, blocks.1; found .*{found}"):
        FeatureTap(Doubling(), names)


def test_a_module_that_did_not_run_or_gives_no_maps_is_named():
    net = nn.ModuleDict({"idle": nn.Identity(), "flat": nn.Flatten()})
    with FeatureTap(net, ["idle"]) as tap:
        pass
    with pytest.raises(UserError, match="idle: .* did not run"):
        _ = tap.maps
    with FeatureTap(net, ["flat"]) as tap:
        net["flat"](torch.zeros(2, 1, 3, 3))
    with pytest.raises(UserError, match=r"flat: expected to give \(N, C, H, W\), found \(2, 9\)"):
        _ = tap.maps


def test_a_layer_behind_that_writes_into_a_map_does_not_reach_the_kept_one():
    net = nn.Sequential(nn.Identity(), nn.ReLU(inplace=True))
    with FeatureTap(net, ["0"]) as tap:
        net(torch.full((1, 1, 2, 2), -3.0))
    assert tap.maps[0].unique().tolist() == [-3.0]


# ---- hypercolumns ----
def line_at(column, width):
    """A map (1, 1, 3, width) with a line of ones, one pixel wide."""
    x = torch.zeros(1, 1, 3, width)
    x[..., column] = 1
    return x


def place(columns):
    """Centre of gravity across of each channel of (1, C, H, W)."""
    share = columns[0].sum(1)
    return (share * torch.arange(share.shape[1])).sum(1) / share.sum(1)


@pytest.mark.parametrize("times", [1, 2, 4, 8])
def test_a_thin_line_stays_in_place_at_every_scale(times):
    """Coarse pixel 5 covers the fine ones 5 t to 5 t + t - 1, whose middle is 5 t + (t - 1) / 2."""
    columns = hypercolumn([line_at(5, 11)], (3 * times, 11 * times))
    assert place(columns).item() == pytest.approx(5 * times + (times - 1) / 2, abs=1e-4)
    off = line_at(2, 11)
    assert place(hypercolumn([off], (3 * times, 11 * times))).item() == pytest.approx(2 * times + (times - 1) / 2, abs=1e-4)


def test_other_ways_of_stretching_move_a_thin_line():
    """By hand: corners on corners put pixel 2 of 11 at 2 * 40 / 10 = 8 of 41, not at 2.5 * 41 / 11 - 0.5 = 8.8."""
    assert place(hypercolumn([line_at(2, 11)], (3, 41), "corners")).item() == pytest.approx(8, abs=1e-4)
    assert place(hypercolumn([line_at(2, 11)], (3, 41))).item() == pytest.approx(8.8, abs=0.1)
    steps = hypercolumn([torch.arange(5.0).reshape(1, 1, 1, 5)], (1, 12), "nearest").flatten().tolist()
    assert steps == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4]                    # the middle one lies at 6, the image's middle at 5.5


def test_a_hypercolumn_by_hand():
    coarse, fine = torch.tensor([[[[0.0, 4.0]]]]), torch.tensor([[[[1.0, 2.0, 3.0, 4.0]]]])
    columns = hypercolumn([coarse, fine], (1, 4))
    assert columns.tolist() == [[[[0.0, 1.0, 3.0, 4.0]], [[1.0, 2.0, 3.0, 4.0]]]]


def test_an_image_cut_from_a_larger_canvas_keeps_its_place():
    coarse = torch.tensor([[[[0.0, 4.0]]]])
    assert hypercolumn([coarse], (1, 3), canvas=(1, 4)).flatten().tolist() == [0.0, 1.0, 3.0]
    assert hypercolumn([coarse], (1, 3)).flatten().tolist() != [0.0, 1.0, 3.0]


def test_maps_of_half_precision_lose_nothing_more():
    """By hand, between 1 and 1 + 2^-10: half precision has nothing between these two."""
    columns = hypercolumn([torch.tensor([[[[1.0, 1 + 2**-10]]]]).half(), torch.zeros(1, 1, 1, 4)], (1, 4))
    assert columns.dtype == torch.float32
    assert columns[0, 0, 0].tolist() == [1.0, 1 + 2**-12, 1 + 3 * 2**-12, 1 + 2**-10]


@pytest.mark.parametrize("how, said", [({"mode": "cubic"}, "mode: expected one of bilinear"),
                                       ({"canvas": (3, 9)}, "canvas: expected at least")])
def test_bad_stretching_is_told(how, said):
    with pytest.raises(UserError, match=said):
        hypercolumn([torch.zeros(1, 1, 2, 2)], (4, 4), **how)


# ---- a source, in chunks ----
def test_chunks_are_the_whole_bit_for_bit():
    """Where the network itself rounds alike, as this one does."""
    z, net = torch.randn(23, 2, generator=torch.Generator().manual_seed(0)), Doubling()
    whole = FeatureSource(net, ("blocks.0", "blocks.1"), (4, 6))
    few = FeatureSource(net, ("blocks.0", "blocks.1"), (4, 6), megabytes=1e-3)     # 192 bytes each: five at a time
    net.seen.clear()
    images, columns = few.whole(z)
    assert [n for _, n in net.seen] == [1, 5, 5, 5, 5, 3]                          # one is tried first
    assert torch.equal(images, whole.whole(z)[0]) and torch.equal(columns, whole.whole(z)[1])


def test_a_chunk_stays_below_its_bound():
    source = FeatureSource(Doubling(), ("blocks.0", "blocks.1"), (4, 6), megabytes=1e-3)
    assert max(columns.nbytes for _, columns in source.parts(torch.zeros(23, 2))) <= 1000


def test_a_bound_that_a_single_image_breaks_is_told():
    with pytest.raises(UserError, match="megabytes: expected at least 0.000192 for a single hypercolumn, found 0.0001"):
        list(FeatureSource(Doubling(), ("blocks.0", "blocks.1"), (4, 6), megabytes=1e-4).parts(torch.zeros(3, 2)))


def test_no_inputs_are_told():
    with pytest.raises(UserError, match="inputs: expected at least one, found none"):
        FeatureSource(Doubling(), ("blocks.0",), (4, 6)).whole(torch.zeros(0, 2))


def test_a_source_runs_the_network_as_it_was_told():
    net = Doubling()
    source = FeatureSource(net, ("blocks.0",), (4, 6), run=lambda z: net(z, truncation=0.5))
    assert source.whole(torch.tensor([[8.0, 0.0]]))[1].unique().tolist() == [4.0]


def test_a_network_that_trains_is_run_in_evaluation_mode_and_left_as_it_was():
    """In training a chunk would be brought to its own mean, and the running mean would follow it."""
    net = nn.Sequential(nn.Upsample(scale_factor=2), nn.BatchNorm2d(1), nn.Dropout(0.5)).train()
    net[2].eval()
    z = torch.arange(6.0).reshape(6, 1, 1, 1)
    images, columns = FeatureSource(net, ("1",), (2, 2), megabytes=4e-5).whole(z)
    torch.testing.assert_close(columns, z.expand(6, 1, 2, 2), rtol=1e-4, atol=0)               # running mean 0, variance 1
    assert net[1].running_mean.item() == 0 and [each.training for each in net] == [True, True, False] and net.training


def test_after_an_error_too_the_network_is_left_as_it_was():
    net = nn.Sequential(nn.Identity(), nn.Linear(3, 3)).train()
    net[0].eval()
    with pytest.raises(RuntimeError):
        FeatureSource(net, ("0",), (2, 2)).whole(torch.zeros(1, 1, 2, 2))
    assert net.training and [each.training for each in net] == [False, True]


def test_a_network_that_gives_a_tuple_is_told_with_the_way():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = nn.Upsample(size=(4, 6))

        def forward(self, z):
            return self.block(z[:, :1, None, None]), None

    net, z = Pair(), torch.ones(3, 2)
    with pytest.raises(UserError, match=r"expected to give images .* found a tuple; .* run=lambda z: g\(\[z\]\)\[0\]"):
        FeatureSource(net, ("block",), (4, 6)).whole(z)
    assert FeatureSource(net, ("block",), (4, 6), run=lambda z: net(z)[0]).whole(z)[0].shape == (3, 1, 4, 6)


# ---- a generator of one's own: the recipe of docs/library.md, on stand-ins with the names and arguments of the two codes ----
class Styled(nn.Module):
    """Doubles a map, adds z and noise: of its buffer, or fresh, as both codes do in training."""

    def __init__(self, side):
        super().__init__()
        self.side = side
        self.register_buffer("noise", torch.full((1, 1, side, side), 0.25))

    def forward(self, x, w, fixed):
        x = nn.functional.interpolate(x, (self.side, self.side)) + w[:, :1, None, None]
        return x + (self.noise if fixed else torch.randn(len(x), 1, self.side, self.side))


class Rosinality(nn.Module):
    def __init__(self):
        super().__init__()
        self.style, self.conv1 = nn.Identity(), Styled(4)
        self.convs, self.to_rgbs = nn.ModuleList([Styled(8), Styled(8)]), nn.ModuleList([nn.Identity()])

    def mean_latent(self, n):
        return torch.full((1, 2), 3.0)

    def forward(self, styles, truncation=1, truncation_latent=None, randomize_noise=True):
        w, = [truncation_latent + truncation * (self.style(each) - truncation_latent) for each in styles]
        x = self.conv1(torch.zeros(len(w), 1, 4, 4), w, not randomize_noise)
        for conv in self.convs:
            x = conv(x, w, not randomize_noise)
        return self.to_rgbs[0](x), None


class NVLabs(nn.Module):
    def __init__(self):
        super().__init__()
        self.mapping, self.synthesis = nn.Identity(), nn.ModuleDict(
            {"b4": nn.ModuleDict({"conv1": Styled(4), "torgb": nn.Identity()}),
             "b8": nn.ModuleDict({"conv0": Styled(8), "conv1": Styled(8), "torgb": nn.Identity()})})

    def forward(self, z, c, truncation_psi=1, noise_mode="random", force_fp32=False):
        assert c is None and force_fp32
        x, w = torch.zeros(len(z), 1, 4, 4), 3 + truncation_psi * (self.mapping(z) - 3)
        for block in self.synthesis.values():
            for name in ("conv0", "conv1"):
                x = block[name](x, w, noise_mode == "const") if name in block else x
        return x


@pytest.mark.parametrize("name, made", [("rosinality", Rosinality), ("nvlabs", NVLabs)])
def test_the_recipe_for_a_stylegan2_of_ones_own_runs_and_each_image_comes_again(name, made):
    """By hand: w = 3 + 0.7 (z - 3), and each of three convolutions adds it and 1 / 4."""
    page = (Path(__file__).parents[1] / "docs" / "library.md").read_text(encoding="utf-8")
    section = page.partition("\n## Use a StyleGAN2 of your own\n")[2].partition("\n## ")[0]
    block, = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    z = torch.tensor([[3.0, 0.0], [13.0, 0.0], [-7.0, 0.0]])
    shown = {"g": Rosinality(), "z": z}
    exec(block, shown)
    assert shown["images"].shape == (1, 1, 8, 8) and shown["columns"].shape == (1, 3, 256, 256)
    images, columns = shown[name](made(), (8, 8)).whole(z)
    w = torch.tensor([3.0, 10.0, -4.0])
    torch.testing.assert_close(columns[:, :, 0, 0], (w[:, None] + 0.25) * torch.tensor([1.0, 2.0, 3.0]))
    assert torch.equal(images[:, 0], columns[:, 2])
    one_by_one = shown[name](made(), (8, 8), megabytes=1e-3).whole(z)
    assert torch.equal(one_by_one[0], images) and torch.equal(one_by_one[1], columns)
