# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How can a network change how an image looks, and not what it shows?
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER_UNSET/simgan-kit/blob/main/notebooks/02_refiner.ipynb)
# [![Read as page](https://img.shields.io/badge/read-as%20page-informational)](https://OWNER_UNSET.github.io/simgan-kit/notebooks/02_refiner.html)
#
# Previous: [Simulator and domain gap](01_domain_gap.ipynb) · Next: [Local adversarial loss](03_local_loss.ipynb)

# %% [markdown]
# | | |
# |---|---|
# | **You will be able to** | *build* the refiner of the paper, *compute* the self-regularization under any convention of scale, *choose* what it shall hold and what it shall let go |
# | **You need** | convolutions and gradients in PyTorch; what the two domains are ([01](01_domain_gap.ipynb)) |
# | **Time** | 35 minutes to read and work; 1 CPU minute in `quick`; the same in `full` (nothing here needs a GPU) |
# | **Data** | simulated eyes: no download |

# %%
import subprocess
import sys
from importlib.util import find_spec

if find_spec("simgan_lib") is None:  # on Colab: without dependencies, so that its torch and numpy stay as they are
    kit = "git+https://github.com/OWNER_UNSET/simgan-kit"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", kit], check=True)

# %%
# NBVAL_IGNORE_OUTPUT
import torch

from simgan_lib import checks, figures, losses, report_figures
from simgan_lib.notebook import progress, seeded, setup, show

profile, device = setup()

# %% [markdown]
# ## The question
#
# A synthetic eye comes with a label: where it looks. If we change its pixels to make it look real, and the iris slides
# by two of them, the label is wrong by some seven degrees, and nobody tells us. **How do we let a network change
# everything about an image but the one thing that we know of it?** Below, an eye, and what two pixels are.

# %%
from simgan_lib.images import to_float, to_uint8
from simgan_lib.simulators.eyes import render
from simgan_lib.simulators.parameters import draw_parameters

with seeded(3) as generator:
    eyes = draw_parameters(400, generator)
drawn, turned = render(eyes), render(eyes.with_values(yaw=eyes["yaw"] + 7.5))
moved = (turned.labels["pupil"] - drawn.labels["pupil"]).norm(dim=1)
show(*figures.montage_figure({"eyes": drawn.images[:6], "turned": turned.images[:6]}, columns=6, width=6))
print(f"turned by 7.5 degrees, the pupil has moved by {moved.mean():.1f} px")
assert (moved - 1.9).abs().max() < 0.3

# %% [markdown]
# SimGAN's answer has two parts. The **refiner** is a network that can hardly move anything. The
# **self-regularization** is a price for every change, and we shall see that the currency matters.
#
# ## The refiner
#
# A U-Net squeezes an image through a bottleneck and draws it anew. The paper's refiner does not: four residual blocks,
# each of which *adds* something to what it was given, at full resolution, without stride or pooling.


# %%
# the library's: simgan_lib.networks.ResidualBlock
from torch import nn


class ResidualBlock(nn.Module):
    """(N, F, H, W) -> (N, F, H, W)"""

    def __init__(self, features):
        super().__init__()
        self.first = nn.Conv2d(features, features, 3, padding=1)
        self.second = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x):
        change = self.second(torch.relu(self.first(x)))
        return torch.relu(x + change)                                 # with change = 0, x stays


def plain_refiner(channels=1, features=64, blocks=4):
    return nn.Sequential(nn.Conv2d(channels, features, 3, padding=1), nn.ReLU(),     # (N, 64, H, W)
                         *[ResidualBlock(features) for _ in range(blocks)],          # (N, 64, H, W)
                         nn.Conv2d(features, channels, 1), nn.Tanh())  # (N, 1, H, W) in [-1, 1]


# %% [markdown]
# How many weights? A convolution has one for each pair of input and output map and each place of its kernel, and a bias
# for each output map. By hand, and by the machine; then the weights go into the library's refiner, which must give the
# same images.

# %%
from simgan_lib.networks import Refiner, count_parameters, receptive_field

by_hand = (64 * 1 * 9 + 64) + 4 * 2 * (64 * 64 * 9 + 64) + (1 * 64 + 1)      # in, four blocks, out
with seeded(0):
    plain = plain_refiner()
library = Refiner(margin=0)
for mine, theirs in zip(plain.parameters(), library.parameters(), strict=True):
    theirs.data.copy_(mine.data)
x = to_float(drawn.images[:4])                                               # (4, 1, 35, 55) in [-1, 1]
with torch.no_grad():
    torch.testing.assert_close(plain(x), library(x))
print(f"{by_hand:,} weights by hand, {count_parameters(library):,} in the library's")
assert by_hand == count_parameters(library) == 296_129

# %% [markdown]
# (The paper names no last layer; the tanh fits images in $[-1, 1]$. And the library adds a `margin`, about which more
# under *What goes wrong*.)
#
# Why this shape? Each output pixel is computed in the same way from its own surroundings, so **what is shifted before
# is shifted after**; and those surroundings are small.

# %%
surroundings = receptive_field([(3, 1)] * 9 + [(1, 1)])  # (kernel, stride) of each layer
with torch.no_grad():
    one_way, other_way = plain(x.roll(3, dims=3)), plain(x).roll(3, dims=3)
inside = (..., slice(9, -9), slice(12, -12))  # where no border is in sight
print(f"an output pixel sees {surroundings} x {surroundings} input pixels")
torch.testing.assert_close(one_way[inside], other_way[inside])
assert surroundings == 19

# %% [markdown]
# It could move an iris by a few pixels, but it has to work for that; it cannot move it far, nor turn the head. The
# network's shape is the first half of keeping a label.
#
# ## The price of a change
#
# The second half (eq. 4; $\psi$ is the identity for gaze in the paper):
#
# $$ \ell_{reg} = \lVert \psi(\tilde{x}) - \psi(x) \rVert_1 $$
#
# | symbol | what | shape, unit | place |
# |---|---|---|---|
# | $x$, $\tilde{x} = R(x)$ | synthetic image, refined image | $(C, H, W)$ in $[-1, 1]$ | eq. 1 |
# | $\psi$ | what is to be kept: pixels, or features of them | any | eq. 4 |
# | $\lVert \cdot \rVert_1$ | sum of absolute values | units of $\psi$, summed over an image | eq. 4 |
#
# By hand: two pixels, one turned up by 0.5, one down by 0.5. The price is 1: ups and downs do not cancel.
#
# ### Exercise 2.1 · Self-regularization (5 minutes)
#
# One number for each image.
#
# <details><summary>Hint</summary>
#
# Three steps: what is kept of each, their difference, its size. `flatten(1)` keeps images apart.
#
# </details>

# %%
def my_self_regularization(refined, synthetic, features=losses.identity):
    """refined, synthetic: (N, C, H, W) in [-1, 1].  Returns (N,)."""
    return ...  # your code


# %%
self_regularization = checks.yours_or_ours(my_self_regularization, checks.self_regularization,
                                           losses.self_regularization)
two_pixels = torch.tensor([[[[0.5, -0.5]]]])                                 # (1, 1, 1, 2)
assert self_regularization(two_pixels, torch.zeros(1, 1, 1, 2)).item() == 1

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_self_regularization(refined, synthetic, features=losses.identity):
#     """refined, synthetic: (N, C, H, W) in [-1, 1].  Returns (N,)."""
#     return (features(refined) - features(synthetic)).abs().flatten(1).sum(1)
# ```
#
# </details>
#
# ## Warm-up: first learn to do nothing
#
# The paper trains the refiner on the self-regularization alone before any adversary is heard (1,000 updates, batches
# of 512). **Predict.** What does a refiner with random weights make of an eye? And what comes back first: the dark
# iris, the edges of the lids, or the grain?

# %%
STEPS = 100 if profile == "quick" else 1000
images = to_float(drawn.images).to(device)


def warm_up(seed, margin=4, steps=STEPS):
    """Train a small refiner to copy  ->  (refiner, {step: what it makes of the first 12 eyes}, errors)."""
    snapshots, errors = {}, []
    with seeded(seed):
        refiner = Refiner(features=16, margin=margin).to(device)
        optimizer = torch.optim.Adam(refiner.parameters(), 1e-3)
        for step in progress(range(steps + 1), "warm-up"):
            if step % (steps // 20) == 0:
                snapshots[step] = to_uint8(refiner(images[:12]).detach())
            batch = images[torch.randint(len(images), (16,), device=device)]
            loss = self_regularization(refiner(batch), batch).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            errors.append(loss.item() / batch[0].numel())
    return refiner, snapshots, errors


# %%
refiner, snapshots, errors = warm_up(seed=0)
strip = {f"step {step}": snapshots[step] for step in list(snapshots)[::4]}
show(*report_figures.refinement_over_steps({"input": drawn.images, **strip}))
print(f"mean change of a pixel: ≈ {errors[0]:.2f} at first, ≈ {errors[-1]:.3f} in the end, on a scale of 2")
assert errors[0] > 0.2 and errors[-1] < 0.06

# %% [markdown]
# <details><summary>What happens</summary>
#
# Random weights give a flat gray, with a ghost of the eye in it: convolutions cannot help but respond to edges. Light
# and dark come back first, since most of the price is there; grain and glints last. In the end it is a copy, a little
# dull. That is where the adversary should begin, and not with noise, which it could tell from a photograph in its
# sleep.
#
# </details>
#
# ## Play: scrub through the warm-up
#
# The strip above is the static twin. At which step can you tell where the eye looks?

# %%
from simgan_lib.widgets import scrubber, show_widget

frames = [figures.to_png(figures.montage_figure({"input": drawn.images[:12], "refined": seen}, 6)[0], dpi=70)
          for seen in snapshots.values()]
show_widget(scrubber(frames, [f"step {step}" for step in snapshots], "warm-up"),
            "A slider through the warm-up. Run the notebook to use it; a strip above shows six steps.")
assert len({bytes(frame) for frame in frames}) == len(frames) == 21

# %% [markdown]
# ## The price in which currency?
#
# The self-regularization is weighed with $\lambda$ against the adversary. One reply of the authors names 0.01, without
# a scale; public code uses anything from $10^{-5}$ to 10. Are these different choices or different units? The same
# change of an image, in the conventions that one meets:

# %%
scales = {"[-1, 1]": 1.0, "[0, 1]": 0.5, "[0, 255]": 127.5}  # how large the same change is in each
pixels = 1 * 35 * 55
ours = self_regularization(to_float(turned.images[:1]), to_float(drawn.images[:1])).item()
print(f"{'images in':>10} {'sum over pixels':>17} {'mean over pixels':>18}")
for name, scale in scales.items():
    print(f"{name:>10} {scale:17.4g} {scale / pixels:18.3g}")
in_255 = (turned.images[:1].float() - drawn.images[:1].float()).abs()  # without the library, in [0, 255]
assert abs(in_255.sum().item() / ours - 127.5) < 0.1 and abs(in_255.mean().item() / ours - 127.5 / pixels) < 1e-4

# %% [markdown]
# Read: what costs 1 in this kit costs that much there. So a $\lambda$ of ours must be *divided* by the number to act
# the same in that code. Between the largest and the smallest lies a factor of 490,000: more than enough to explain
# refiners that change nothing and refiners that draw whatever they like. (Whether the *adversarial* loss is a sum or a
# mean over patches is one more factor, of 126; [notebook 05](05_training.ipynb) puts both together.)
#
# ## What is to be kept?
#
# With $\psi$ the identity, the price is the same for every gray level, whatever it means. Is that what we want? We
# know harmless changes: light, tone, blur. And one that is not: the eye turned by 7.5 degrees, 1.9 px. What should
# cost more?
#
# **Predict.** With $\psi$ the identity: does brightening the image by a tenth of its range cost less or more than
# turning the eye? By which factor?
#
# ### Exercise 2.2 · Keep the edges (10 minutes)
#
# A $\psi$ that cannot see brightness: differences between neighbours. To the right: `images[..., x + 1] -
# images[..., x]`, with a zero in the last column; downwards likewise; both joined along the channels.
#
# <details><summary>Hint</summary>
#
# `F.pad(d, (0, 1, 0, 0))` adds a column of zeros on the right, `(0, 0, 0, 1)` a row below.
#
# </details>

# %%
from torch.nn import functional as F


def my_image_gradients(images):
    """(N, C, H, W)  ->  (N, 2 C, H, W): differences across, then down."""
    across = ...  # your code
    down = ...  # your code
    return torch.cat([across, down], dim=1)


# %%
image_gradients = checks.yours_or_ours(my_image_gradients, checks.image_gradients, losses.image_gradients)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# from torch.nn import functional as F
#
#
# def my_image_gradients(images):
#     """(N, C, H, W)  ->  (N, 2 C, H, W): differences across, then down."""
#     across = F.pad(images[..., :, 1:] - images[..., :, :-1], (0, 1, 0, 0))
#     down = F.pad(images[..., 1:, :] - images[..., :-1, :], (0, 0, 0, 1))
#     return torch.cat([across, down], dim=1)
# ```
#
# </details>
#
# The kit's default goes one step further: `local_contrast`, a pixel's distance from the mean of its $9 \times 9$
# surroundings, in their standard deviations. It is not in the paper, but in its spirit ("invariant to illumination").

# %%
before, ramp = to_float(drawn.images[:100]), torch.linspace(0.7, 1.3, 55)  # darker on the left, brighter on the right
with seeded(5):
    grain = 0.06 * torch.randn_like(before)
changes = {"turned": to_float(turned.images[:100]), "brighter": (before + 0.2).clamp(-1, 1),
           "side light": ((before + 1) * ramp - 1).clamp(-1, 1), "blurred": losses.blurred(before),
           "grain": (before + grain).clamp(-1, 1)}
show(*figures.montage_figure({name: to_uint8(after[:5]) for name, after in {"eyes": before, **changes}.items()},
                             columns=5, width=5.2))

# %%
kept = {"identity": losses.identity, "blurred": losses.blurred, "image_gradients": image_gradients,
        "local_contrast": losses.local_contrast}
price = {psi: {name: self_regularization(after, before, f).mean().item() for name, after in changes.items()}
         for psi, f in kept.items()}
relative = {psi: {name: value / row["turned"] for name, value in row.items()} for psi, row in price.items()}
print(f"{'price of ...':>16}" + "".join(f"{name:>13}" for name in changes))
for psi, row in relative.items():
    print(f"{psi:>16}" + "".join(f"  ≈ {value:9.2f}" for value in row.values()))
assert relative["identity"]["brighter"] > 4 > 0.2 > relative["local_contrast"]["brighter"]
assert relative["identity"]["side light"] > 3 > 0.7 > relative["local_contrast"]["side light"]

# %% [markdown]
# <details><summary>What happens</summary>
#
# With the identity a brighter image costs *seven times* as much as an eye that looks elsewhere. No $\lambda$ can make
# that right: one that lets the light change lets the gaze change long before. Differences between neighbours, and local
# contrast, charge almost nothing for light and the full price for the gaze. Neither is free of faults: both still
# charge more for blur and grain, which a camera has, than for a turned eye.
#
# </details>
#
# So $\psi$ says what the label depends on. [Notebook 05](05_training.ipynb) trains with local contrast;
# `docs/deviations.md` says what the identity gave instead.
#
# ## What goes wrong: a frame around the picture
#
# A convolution with "same" padding sees zeros beyond the image's edge. Zero is a mid-gray that no skin has: so the
# network *knows where the edge is*, and near it does something of its own. A discriminator is quick to notice. The
# signature is the error in the outermost pixels against that of the inside.


# %%
def edge_over_inside(refiner):
    """Mean error of a copy in the outermost ring of pixels, over that at least three pixels inside."""
    with torch.no_grad():
        error = (refiner(images[:100]) - images[:100]).abs().mean((0, 1))    # (35, 55)
    ring = (error.sum() - error[1:-1, 1:-1].sum()) / (error.numel() - error[1:-1, 1:-1].numel())
    return (ring / error[3:-3, 3:-3].mean()).item()


ratios = {margin: [edge_over_inside(warm_up(seed, margin, steps=60)[0]) for seed in (1, 2)] for margin in (0, 4)}
for margin, values in ratios.items():
    print(f"margin {margin}: the edge's error is ≈ {min(values):.1f} to ≈ {max(values):.1f} times the inside's")
assert min(ratios[0]) > 1.4 > 1 > max(ratios[4])

# %% [markdown]
# The cure is the library's `margin=4`: the image is mirrored beyond its edges by four pixels, refined, and cropped.
# Then the edge is even the easier place, since a mirror image holds no surprise.
#
# ## Three claims
#
# 1. The refiner is ten convolutions with 296,129 weights, and what is shifted before is shifted after. Asserted under
#    "The refiner".
# 2. Trained on self-regularization alone it learns to copy. Asserted below the strip.
# 3. With $\psi$ the identity, light costs more than gaze; with local contrast it is the other way round. Asserted under
#    "What is to be kept?".
#
# | | paper | here | deviation |
# |---|---|---|---|
# | refiner | 4 blocks, 64 maps, $3 \times 3$ | the same; 16 maps for the warm-up | for speed |
# | last layer | not named | tanh | fits $[-1, 1]$ |
# | edges | not named | mirrored by 4 px, then cropped | against the frame |
# | $\psi$ | identity for gaze; mean of RGB for colour | local contrast in the presets `quick` and `full` | light may change |
# | warm-up | 1,000 updates, batch 512, SGD | 100, batch 16, Adam | for speed |
#
# ## Going further
#
# - **30 minutes.** Put a bottleneck into the refiner (stride 2, then upsampling). How does the warm-up's error change,
#   and where is it?
# - **3 hours.** Find a $\psi$ that charges less for blur and grain than for a turned eye. Does it still see a pupil that
#   moves by one pixel?
# - **Open.** Learn $\psi$ from the simulator: it can draw the same eye in another light, and another eye in the same.
#
# ## References
#
# - Shrivastava et al., *Learning from Simulated and Unsupervised Images through Adversarial Training*, CVPR 2017,
#   [10.1109/CVPR.2017.241](https://doi.org/10.1109/CVPR.2017.241), section 2.1 and equations 1 to 4.
# - He et al., *Deep Residual Learning for Image Recognition*, CVPR 2016,
#   [10.1109/CVPR.2016.90](https://doi.org/10.1109/CVPR.2016.90).
# - Taigman, Polyak, Wolf, *Unsupervised Cross-Domain Image Generation*, ICLR 2017,
#   [10.48550/arXiv.1611.02200](https://doi.org/10.48550/arXiv.1611.02200): a distance of features keeps the content.
# - Johnson, Alahi, Fei-Fei, *Perceptual Losses for Real-Time Style Transfer and Super-Resolution*, ECCV 2016,
#   [10.1007/978-3-319-46475-6_43](https://doi.org/10.1007/978-3-319-46475-6_43).
