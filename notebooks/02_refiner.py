# %% [markdown]
# # How can a network change how an image looks, and not what it shows?
#
# Previous: [Simulator and domain gap](01_domain_gap.ipynb) · Next: [Local adversarial loss](03_local_loss.ipynb)

# %% [markdown]
# | | |
# |---|---|
# | **You will be able to** | *build* the refiner of the paper, *compute* the self-regularization under any convention of scale, *choose* what it is to keep and what it may let change |
# | **You need** | convolutions and gradients in PyTorch; what the two domains are ([01](01_domain_gap.ipynb)) |
# | **Time** | 35 minutes to read and work. To run: 1 CPU minute in the profile `quick` (2 to 5 on older cores), 2 in the profile `full`. Nothing here needs a GPU |
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

from simgan_lib import figures, losses
from simgan_lib.figures import results as report_figures
from simgan_lib.teaching import checks
from simgan_lib.teaching.notebook import progress, seeded, setup, show, wide

profile, device = setup()

# %% [markdown]
# ## The question
#
# A synthetic eye comes with a label: the direction in which it looks. Suppose that we change its pixels to make it look
# real, and that the iris slides by two pixels. Then the label is wrong by some seven degrees, and nobody tells us.
# **How do we let a network change everything about an image except the one thing that we know about it?** The picture
# shows four eyes, and what a shift of two pixels means.

# %%
from simgan_lib.images import to_float, to_uint8
from simgan_lib.simulators.eyes import render
from simgan_lib.simulators.parameters import draw_parameters

with seeded(3) as generator:
    eyes = draw_parameters(400, generator)
drawn, turned = render(eyes), render(eyes.with_values(yaw=eyes["yaw"] + 7.5))
moved = (turned.labels["pupil"] - drawn.labels["pupil"]).norm(dim=1)
show(*figures.montage_figure({"eyes": drawn.images[:4], "turned": turned.images[:4]}, columns=4,
                             says="The same four eyes; only the irises have moved."))
print(f"turned by 7.5 degrees, the pupil has moved by {moved.mean():.1f} px")
assert (moved - 1.9).abs().max() < 0.3

# %% [markdown]
# SimGAN's answer has two parts. The **refiner** is a network that can hardly move anything. The **self-regularization**
# is a price for every change. It is a part of the refiner's loss. We shall see that the currency of this price matters.
#
# ## The refiner
#
# A U-Net squeezes an image through a bottleneck and draws it anew. The paper's refiner has no bottleneck. It consists
# of four residual blocks. Each block *adds* something to its input, at full resolution, without stride or pooling.


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
# How many weights does it have? A convolution has one weight for each combination of input map, output map and place in
# the kernel. It also has one bias for each output map. We count by hand and by machine. Then we copy the weights into
# the library's refiner. It must give the same images.

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
# The images are the same, although the code is not. The library's `Refiner` differs in three points:
#
# - `margin`: the image is first mirrored beyond its edges, and cropped afterwards. Only this changes the result. It was
#   switched off above, and it is the subject of *What goes wrong*.
# - `_leave`: the last convolution, $1 \times 1$, is written as a matrix product over the channels. On CPUs and in half
#   precision (bfloat16) this saves time: the backward pass of a convolution to *one* channel takes a quarter of the
#   whole step.
# - ReLU works in place, and the memory order is `channels_last`. This needs less memory and is faster.
#
# (The paper names no activation for the last layer. We use tanh, since it fits images in $[-1, 1]$.)
#
# Why this shape? Each output pixel is computed in the same way from its own surroundings. So **what is shifted before
# is shifted after**. An image may have any size. And what is refined stays where it is. How large are these
# surroundings? We compute it twice: by arithmetic, and from the gradient of the middle output pixel:

# %%
surroundings = receptive_field([(3, 1)] * 9 + [(1, 1)])                      # (kernel, stride) of each layer
image = x[:1].double().requires_grad_()
with seeded(0):
    plain_refiner().double()(image)[0, 0, 17, 27].backward()                 # one pixel of (1, 1, 35, 55)
rows, columns = image.grad[0, 0].nonzero().T
print(f"an output pixel sees {surroundings} x {surroundings} input pixels")
assert rows.max() - rows.min() + 1 == columns.max() - columns.min() + 1 == surroundings == 19
with torch.no_grad():
    shifted_before, shifted_after = plain(x.roll(3, dims=3)), plain(x).roll(3, dims=3)
    inside = (..., slice(9, -9), slice(12, -12))                             # where no border is in sight
    torch.testing.assert_close(shifted_before[inside], shifted_after[inside])
    assert plain(torch.zeros(1, 1, 70, 110)).shape == (1, 1, 70, 110)

# %% [markdown]
# An output pixel cannot depend on anything that is more than nine pixels away. Within these nine pixels the refiner
# could still move an iris. But it would have to learn that. To copy, it only has to learn to add nothing. The network's
# shape is the first half of keeping a label.
#
# ## The price of a change
#
# The second half is the self-regularization (eq. 4):
#
# $$ \ell_{reg} = \lVert \psi(\tilde{x}) - \psi(x) \rVert_1 $$
#
# | symbol | what | shape, unit | place |
# |---|---|---|---|
# | $x$, $\tilde{x} = R(x)$ | synthetic image, refined image | $(C, H, W)$ in $[-1, 1]$ | eq. 1 |
# | $\psi$ | what is to be kept: pixels, or features of them | any | eq. 4 |
# | $\lVert \cdot \rVert_1$ | sum of absolute values | units of $\psi$, summed over an image | eq. 4 |
#
# For gaze the paper takes the identity as $\psi$: the pixels themselves are to be kept.
#
# By hand: of two pixels, one becomes brighter by 0.5 and one darker by 0.5. The price is 1, since ups and downs do not
# cancel.
#
# ### Exercise 2.1 · Self-regularization (5 minutes)
#
# Write this price as a function. It returns one number for each image. As a part of the refiner's loss it must let
# gradients pass to `refined`.
#
# <details><summary>Hint</summary>
#
# There are three steps: the features of both images, their difference, its size. `flatten(1)` keeps the images apart.
#
# </details>

# %%
def my_self_regularization(refined, synthetic, features=losses.identity):
    """refined, synthetic: (N, C, H, W) in [-1, 1].  Returns (N,)."""
    return ...  # your code


# %%
self_regularization = checks.yours_or_ours(my_self_regularization, checks.self_regularization)
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
# Later the refiner gets an **adversary**: a second network, the discriminator, that learns to tell refined images from
# real ones. Before that, the paper trains the refiner on the self-regularization alone, for 1,000 updates.
#
# **Predict.** What will the refiner output before any training, and what after the warm-up? What comes back first:
# light and dark, or fine detail?

# %% [markdown]
# ✎ *Your prediction (double-click to write):*

# %%
STEPS = 100 if profile == "quick" else 1000
images = to_float(drawn.images).to(device)


def warm_up(seed, margin=4, steps=STEPS, batch=16):
    """Train a small refiner to copy  ->  (refiner, {step: what it makes of the first 12 eyes}, mean changes)."""
    snapshots, changes = {}, []
    with seeded(seed):
        refiner = Refiner(features=16, margin=margin).to(device)
        optimizer = torch.optim.Adam(refiner.parameters(), 1e-3)
        for step in range(steps + 1):
            if step % (steps // 10) == 0:
                snapshots[step] = refiner(images[:12]).detach().cpu()
            synthetic = images[torch.randint(len(images), (batch,), device=device)]  # (b, 1, 35, 55)
            loss = self_regularization(refiner(synthetic), synthetic).mean()         # (b,) -> one number
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            changes.append(loss.item() / synthetic[0].numel())
    return refiner, snapshots, changes


# %%
_, snapshots, path = warm_up(seed=0)
strip = {f"step {step}": to_uint8(snapshots[step]) for step in [*list(snapshots)[:3], STEPS]}
show(*report_figures.refinement_over_steps({"input": drawn.images, **strip}))


def wrong(kept):
    """Of what `kept` leaves of the eyes, the share that is still wrong at the third snapshot."""
    truth, now = kept(images[:12].cpu()), kept(list(snapshots.values())[2])
    return ((now - truth).abs().mean() / (truth - truth.mean((1, 2, 3), keepdim=True)).abs().mean()).item()


coarse, fine = wrong(losses.blurred), wrong(lambda eyes: eyes - losses.blurred(eyes))
print(f"mean change of a pixel: ≈ {path[0]:.2f} at first, ≈ {path[-1]:.3f} in the end, on a scale of 2")
print(f"still wrong at the third snapshot: ≈ {100 * coarse:.0f} % of light and dark, ≈ {100 * fine:.0f} % of fine detail")
assert path[0] > 0.2 and path[-1] < 0.06 and coarse < 0.7 * fine

# %% [markdown]
# <details><summary>What happens</summary>
#
# First we see a gray veil with a ghost of the eye in it: random filters, added up. Then we see a copy, a little dull.
# Light and dark come back first, since most of the price lies there. Lashes and glints come last. The adversary could
# tell a gray veil from an eye at once. With a copy its work can begin.
#
# </details>
#
# ## Play: scrub through the warm-up
#
# The strip above shows the same without a slider. At which step can you tell where the eye looks?

# %%
from simgan_lib.teaching.widgets import scrubber, show_widget

frames = [figures.montage_figure({"input": drawn.images[:12], "refined": to_uint8(seen)}, 6) for seen in snapshots.values()]
leaf = scrubber(frames, [f"step {step}" for step in snapshots], "warm-up", dpi=70)
show_widget(leaf, "A slider through the warm-up. Run the notebook to use it; a strip above shows four steps.")
assert len(set(leaf.frames)) == len(frames) == 11

# %% [markdown]
# ## The price in which currency?
#
# The refiner's loss has two terms: an adversarial term, and the self-regularization times a weight $\lambda$. We know
# of only one number, 0.01. It comes from a private reply quoted in a public repository, and its scale is not stated.
# Public code uses at least three scales. Suppose that two values of $\lambda$ differ by a factor of a thousand. Are
# these different choices, or only different units?
#
# We take one change of 32 images, and compute its price under the conventions that one meets:

# %%
import itertools

from simgan_lib.paper import LAMBDA

gray_levels = (turned.images[:32].double() - drawn.images[:32].double()).abs()                  # (32, 1, 35, 55)
units = {"[-1, 1]": 127.5, "[0, 1]": 255.0, "[0, 255]": 1.0}                                    # gray levels in a unit
sums = {"an image": lambda d: d.sum() / len(d), "the batch": lambda d: d.sum(), "(mean)": lambda d: d.mean()}
ours = self_regularization(to_float(turned.images[:32]), to_float(drawn.images[:32])).mean().item()
factor = {(unit, over): sums[over](gray_levels / units[unit]).item() / ours for unit, over in itertools.product(units, sums)}
print(f"{'images in':>10}" + "".join(f"{'sum over ' * (over[0] != '(') + over:>20}" for over in sums))
for unit in units:
    print(f"{unit:>10}" + "".join(f"{factor[unit, over]:20.4g}" for over in sums))
weights = [LAMBDA.value * value for value in factor.values()]
print(f"in the kit's convention a quoted {LAMBDA.value} may mean anything from {min(weights):.1e} to {max(weights):.0f}")
by_hand = {("[-1, 1]", "an image"): 1, ("[0, 1]", "the batch"): 32 / 2, ("[0, 255]", "(mean)"): 127.5 / (1 * 35 * 55)}
assert all(abs(factor[convention] / value - 1) < 1e-3 for convention, value in by_hand.items())

# %% [markdown]
# How to read the table: a change that costs 1 in this kit (top left) costs the printed number in another convention.
# Call this number $f$. A $\lambda$ from that code acts like $f \lambda$ here. To act the same there, our $\lambda$ must
# be *divided* by $f$.
#
# By hand: the range $[0, 255]$ has 127.5 times as many units as $[-1, 1]$. A mean is the sum over $35 \times 55 = 1925$
# pixels, divided by their number.
#
# This is half of the matter, since what counts is the ratio to the *adversarial* term. If both terms are summed over
# the batch, the batch size cancels out. The adversarial term is itself a sum, over the $9 \times 14 = 126$ patches that
# the discriminator judges. If it is a mean over patches instead, there is a further factor of 126
# ([notebook 05](05_training.ipynb) puts both together).
#
# ## What is to be kept?
#
# With $\psi$ the identity, the price is the same for every gray level, whatever it means. Is that what we want? Some
# changes are harmless, for the label stays right: light, tone curve, tint, blur, grain. Two changes are harmful. One is
# the eye *turned* by 7.5 degrees, drawn by the simulator with its exact label. The other is the image *mirrored*, so
# that left becomes right.
#
# **Predict.** Let $\psi$ be the identity, and brighten an image by a tenth of its range. Does this cost less or more
# than turning the eye? By which factor?

# %% [markdown]
# ✎ *Your prediction (double-click to write):*

# %% [markdown]
# ### Exercise 2.2 · Keep the edges (10 minutes)
#
# Write a $\psi$ that cannot see brightness: the differences between neighbours. Across: the pixel to the right minus
# the pixel itself, with a zero in the last column. Down: the pixel below minus the pixel itself, with a zero in the
# last row. Join both along the channels: of a colour image the three across come first, then the three down. Gradients
# should pass.
#
# <details><summary>Hint</summary>
#
# `F.pad(d, (0, 1, 0, 0))` adds a column of zeros on the right. `F.pad(d, (0, 0, 0, 1))` adds a row of zeros below.
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
image_gradients = checks.yours_or_ours(my_image_gradients, checks.image_gradients)

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
# The library has five candidates for $\psi$:
#
# - `identity`: the pixels themselves.
# - `channel_mean`: the mean over the colours. Apple's article about SimGAN uses it for colour eyes.
# - `image_gradients`: the differences of the exercise above.
# - `blurred`: the mean of $5 \times 5$ pixels.
# - `local_contrast`, the kit's default: a pixel's distance from the mean of its $9 \times 9$ surroundings, in units of
#   their standard deviation. It is not in the paper.
#
# Here are the changes. They are in colour, so that `channel_mean` has something to do.

# %%
few = eyes.chunk(slice(100))
after_turn = to_float(render(few.with_values(yaw=few["yaw"] + 7.5), colour=True).images)
before = to_float(render(few, colour=True).images)                           # (100, 3, 35, 55)
with seeded(5):
    grain = 0.06 * torch.randn_like(before)
harmful = {"turned": after_turn, "mirrored": before.flip(3)}
harmless = {"brighter": (before + 0.2).clamp(-1, 1), "gamma": 2 * ((before + 1) / 2) ** 0.7 - 1,
            "tinted": (before + torch.tensor([0.2, 0, -0.2])[:, None, None]).clamp(-1, 1),
            "blurred": F.avg_pool2d(before, 3, 1, padding=1, count_include_pad=False),
            "grain": (before + grain).clamp(-1, 1)}
rows = {"eyes": before, **harmful, **harmless}
show(*figures.montage_figure({name: to_uint8(after[:4]) for name, after in rows.items()}, columns=4, width=5,
                             says="Turned and mirrored eyes look elsewhere; in the other rows only light, colour or sharpness differ."))

# %%
candidates = losses.FEATURES | {"image_gradients": image_gradients}
price = {psi: {name: self_regularization(after, before, f).mean().item() for name, after in {**harmful, **harmless}.items()}
         for psi, f in candidates.items()}
relative = {psi: {name: value / row["turned"] for name, value in row.items()} for psi, row in price.items()}
show(*figures.price_figure(relative, "turned", len(harmful)))
with wide():
    for psi, row in relative.items():
        print(f"{psi:>16}: brighter ≈ {row['brighter']:.2f}, mirrored ≈ {row['mirrored']:.2f}, "
              f"blurred ≈ {row['blurred']:.2f}, grain ≈ {row['grain']:.2f} times the price of turned")
assert relative["identity"]["brighter"] > 4 > 1 > 0.2 > relative["local_contrast"]["brighter"]
assert relative["identity"]["gamma"] > 4 > 1 > 0.6 > relative["local_contrast"]["gamma"]
assert abs(relative["identity"]["brighter"] / relative["identity"]["mirrored"] - 1) < 0.2
assert relative["channel_mean"]["tinted"] < 0.4 < 3 < relative["identity"]["tinted"]
assert all(max(row[name] for name in harmless) > 1.5 for row in relative.values())      # none is right for all

# %% [markdown]
# <details><summary>What happens</summary>
#
# With the identity a brighter image costs *seven times* as much as an eye that looks elsewhere. It costs as much as a
# mirror image. No $\lambda$ can make that right: where the price is low enough for the light to change, the gaze is
# even cheaper.
#
# `channel_mean` charges as the identity does, except that a tint is cheap. `image_gradients` and `local_contrast`
# charge next to nothing for brightness, and still the full price for the two harmful changes. `blurred` lets blur and
# grain pass, and nothing else.
#
# </details>
#
# What to see: to the left of the white line a good $\psi$ is bright (expensive). To the right of it a good $\psi$ is
# dark (cheap). **None of the five is dark on the whole right side.** Those that let the light change charge more for
# grain and blur than for a turned eye, although a camera makes grain and blur. So $\psi$ decides what may change. It
# should hold what the label depends on. [Notebook 05](05_training.ipynb) trains with local contrast.
# `docs/deviations.md` says how far that choice has been measured.
#
# ## What goes wrong: a frame around the picture
#
# A convolution with "same" padding sees zeros beyond the image's edge. In the image a zero is a middle gray. In later
# layers it means that all maps are silent. In both cases the network *can sense where the edge is*, and near the edge
# it behaves differently.
#
# We train it to copy, four times without the library's margin and four times with it. The signature is a ratio: the
# error in the outermost pixels over the error inside.


# %%
def error_map(refiner):
    """Mean error of a copy at each place  ->  (35, 55)."""
    with torch.no_grad():
        return (refiner(images[:100]) - images[:100]).abs().mean((0, 1)).cpu()


def edge_over_inside(error):
    """Mean error in the outermost ring of pixels, over that at least three pixels inside."""
    ring = torch.ones_like(error, dtype=torch.bool)
    ring[1:-1, 1:-1] = False
    return (error[ring].mean() / error[3:-3, 3:-3].mean()).item()


trained = {margin: [warm_up(seed, margin, steps=60, batch=8)[0] for seed in progress(range(4), f"margin {margin}")]
           for margin in (0, 4)}
errors = {margin: torch.stack([error_map(refiner) for refiner in four]) for margin, four in trained.items()}
ratios = {margin: [edge_over_inside(error) for error in four] for margin, four in errors.items()}
for margin, values in ratios.items():
    print(f"margin {margin}: the edge's error is", ", ".join(f"≈ {value:.1f}" for value in values), "times the inside's")
assert min(ratios[0]) > 1.1 > 0.9 > max(ratios[4])

# %%
columns = {f"margin {margin}": (to_uint8(trained[margin][0](images[:1]))[0].cpu(), errors[margin].mean(0))
           for margin in trained}
show(*figures.maps_figure(columns, "mean error", limits=(0, 0.15)))
assert errors[0].mean(0)[0].mean() > 1.2 * errors[4].mean(0)[0].mean()       # the top row of pixels

# %% [markdown]
# What to see: the lower row shows the mean error over 100 eyes and four refiners. Without a margin a bright frame runs
# around it. With a margin the frame is gone, and what is left is the eye, where the detail is. In the images of the
# upper row you will hardly find the frame: the number sees it first. No photograph has such a frame, so a discriminator
# can learn to look for it.
#
# The cure: the image is mirrored beyond its edges by four pixels, refined, and cropped. Four pixels do not shut the
# zeros out, since an output pixel sees nine to each side. But the zeros now stand at the fringe of its view. How strong
# the frame is depends on the seed. It was there with each of the four seeds that we ran.
#
# ## Three claims
#
# 1. The refiner consists of ten convolutions with 296,129 weights. Each output pixel sees $19 \times 19$ pixels, and
#    what is shifted before is shifted after. Asserted under "The refiner".
# 2. Trained on self-regularization alone, the refiner learns to copy: light and dark first, fine detail later. Asserted
#    below the strip.
# 3. With $\psi$ the identity, a change of light costs more than a change of gaze. With local contrast it is the other
#    way round. Asserted below the figure of prices.
#
# | | paper | here | deviation |
# |---|---|---|---|
# | refiner | 4 blocks of 64 maps, $3 \times 3$ | the same; 16 maps for the warm-up | for speed |
# | last activation | not named | tanh | fits $[-1, 1]$ |
# | padding | not stated | mirrored by 4 px, then cropped | against the frame |
# | $\psi$ | identity for gaze; the article: mean of RGB for colour eyes | `local_contrast` in `quick` and `full` | lets light change |
# | $\lambda$ | 0.01 by a private reply, scale unknown | of sums over an image in $[-1, 1]$ | see the table of factors |
# | warm-up | 1,000 updates, batch 512, SGD | 100, batch 16, Adam | for speed |
#
# ## Going further
#
# - **30 minutes.** Put a bottleneck into the refiner (stride 2, then upsampling). How does the error of the warm-up
#   change, and where in the image is it?
# - **3 hours.** Find a $\psi$ that charges less for blur and grain than for a turned eye. Does it still see a pupil
#   that moves by one pixel?
# - **Open.** Learn $\psi$ from the simulator. It can draw the same eye in another light, and another eye in the same
#   light.
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
