# %% [markdown]
# # Why judge an image patch by patch?
#
# Previous: [Refiner](02_refiner.ipynb) · Next: [History buffer](04_history_buffer.ipynb)

# %% [markdown]
# | | |
# |---|---|
# | **You will be able to** | *compute* what one verdict of the discriminator sees, *build* the local adversarial loss, *recognise* its scrambled form in other people's code |
# | **You need** | convolutions and cross-entropy in PyTorch; the two domains ([01](01_domain_gap.ipynb)) |
# | **Time** | 40 minutes to read and work. To run: 1 CPU minute in the profile `quick` (2 to 5 on older cores), the same in the profile `full`. Nothing here needs a GPU |
# | **Data** | simulated eyes and the stand-in domain: no download |

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

from simgan_lib import figures, networks
from simgan_lib.teaching import checks
from simgan_lib.teaching.notebook import progress, seeded, setup, show

profile, device = setup()

# %% [markdown]
# ## The question
#
# A discriminator learns to tell refined images from real ones, and the refiner learns to fool it. A discriminator of
# whole images gives one number: how likely the image is refined. The refiner cannot ask *where* it looks refined. The
# paper's discriminator gives $9 \times 14$ numbers, one for each of 126 overlapping patches. We call each of these
# numbers a **verdict**. The paper says that this keeps the refiner from overdoing single features to fool the
# discriminator. **What does one verdict see, and what difference do the patches make?**
#
# We need two domains to tell apart. One is synthetic eyes. Their gray levels have been matched to the stand-in's, so
# that brightness alone gives nothing away. The other is the **stand-in** domain, which takes the place of real eyes:
# other simulated eyes, seen by a simulated bad camera.

# %%
from simgan_lib.images import to_float, to_uint8
from simgan_lib.matching import histogram_matched
from simgan_lib.simulators.camera import stand_in
from simgan_lib.simulators.eyes import simulate

others = stand_in(1000, seed=5).images                                       # (1000, 1, 35, 55) uint8
synthetic = histogram_matched(simulate(1000, seed=6), others)
show(*figures.montage_figure({"synthetic": synthetic[:6], "stand-in": others[:720:120]}, columns=6, width=7,
                             says="Both harsh in contrast; synthetic eyes are sharp, stand-in ones blurred."))
assert synthetic.shape == others.shape == (1000, 1, 35, 55)

# %% [markdown]
# ## The discriminator
#
# These are the paper's layers (section 3.1). Two strides of 2 shrink the map. No layer ever sees the whole image.


# %%
# the library's: simgan_lib.networks.PatchDiscriminator
from torch import nn


class PatchDiscriminator(nn.Sequential):
    def __init__(self, channels=1):
        super().__init__(nn.Conv2d(channels, 96, 3, stride=2, padding=1), nn.ReLU(),  # (N, 96, 18, 28)
                         nn.Conv2d(96, 64, 3, stride=2, padding=1), nn.ReLU(),           # (N, 64, 9, 14)
                         nn.MaxPool2d(3, stride=1, padding=1),                           # (N, 64, 9, 14)
                         nn.Conv2d(64, 32, 3, padding=1), nn.ReLU(),                     # (N, 32, 9, 14)
                         nn.Conv2d(32, 32, 1), nn.ReLU(),
                         nn.Conv2d(32, 2, 1))  # (N, 2, 9, 14): logits


by_hand = (1 * 96 * 9 + 96) + (96 * 64 * 9 + 64) + (64 * 32 * 9 + 32) + (32 * 32 + 32) + (32 * 2 + 2)
with seeded(0):
    fresh = PatchDiscriminator()
print(f"{by_hand:,} weights; for 35 x 55: {tuple(fresh(torch.zeros(1, 1, 35, 55)).shape)}, "
      f"for 70 x 110: {tuple(fresh(torch.zeros(1, 1, 70, 110)).shape)}")
assert by_hand == networks.count_parameters(fresh) == 75_906

# %% [markdown]
# Class 0 is real, and class 1 is refined. There is no softmax at the end, since the loss contains it.
#
# ### Exercise 3.1 · How much does one verdict see? (10 minutes)
#
# One output depends on a square of input pixels. Compute the side of this square. You are given the list of (kernel,
# stride), from the input to the output. One convolution of $3 \times 3$ sees 3 pixels across. Two of them see 5. But
# behind a stride of 2 each step is two pixels wide. (Strides are small enough here that no pixel of the square is left
# out.)
#
# <details><summary>Hint</summary>
#
# Go through the layers and keep two numbers. One is the side so far. The other is the distance, in input pixels,
# between two neighbours of the present map.
#
# </details>

# %%
def my_receptive_field(layers):
    """layers: list of (kernel, stride).  Returns a number of pixels."""
    side, step = 1, 1
    for kernel, stride in layers:
        side, step = ...  # your code
    return side


# %%
receptive_field = checks.yours_or_ours(my_receptive_field, checks.receptive_field)
side = int(receptive_field([(3, 2), (3, 2), (3, 1), (3, 1), (1, 1), (1, 1)]))
print(f"one verdict sees {side} x {side} pixels; neighbours are 4 pixels apart")
assert side == 23

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_receptive_field(layers):
#     """layers: list of (kernel, stride).  Returns a number of pixels."""
#     side, step = 1, 1
#     for kernel, stride in layers:
#         side, step = side + (kernel - 1) * step, step * stride
#     return side
# ```
#
# </details>
#
# So each verdict has a window, and the windows overlap a lot. Verdict $(i, j)$ is centred on pixel $(4i, 4j)$. The
# picture shows three of the 126 windows on an eye. Windows at the border stick out of the image. There they see zeros,
# the padding:


# %%
def window(i, j):
    """(top, left, bottom, right) of verdict (i, j): 11 pixels to each side of its centre."""
    return 4 * i - side // 2, 4 * j - side // 2, 4 * i + side // 2, 4 * j + side // 2


eye = others[240]
show(*figures.windows_figure(eye, {f"verdict {at}": window(*at) for at in [(1, 2), (4, 7), (7, 12)]}))
assert window(4, 7) == (5, 17, 27, 39)

# %% [markdown]
# Is it true? Autograd knows: the gradient of one logit must be zero outside its window. Inside the window, it need not
# be the same everywhere. We average its size over many images.

# %%
with seeded(1):
    looking = torch.rand(200, 1, 35, 55).requires_grad_()
fresh(looking)[:, 1, 4, 7].sum().backward()  # the verdict in the middle, 200 times
sight = looking.grad.abs().mean((0, 1))                                      # (35, 55)
top, left, bottom, right = window(4, 7)
inside = torch.zeros(35, 55, dtype=torch.bool)
inside[top:bottom + 1, left:right + 1] = True
name = "verdict (4, 7)"
show(*figures.maps_figure({name: (eye, sight / sight.max())}, "gradient, relative", {name: window(4, 7)}, width=3.4))
assert (sight[~inside] == 0).all() and (sight[inside] > 0).all()
middle = sight[10:23, 22:35].sum() / sight.sum()                             # 13 x 13 pixels
print(f"≈ {100 * middle:.0f} % of it lies in the middle 13 x 13")
assert 0.4 < middle < 0.6

# %% [markdown]
# What to see: the frame is exact. The middle counts most, since more paths lead from there to the verdict. About half
# of the gradient lies in $13 \times 13$ pixels. This is enough for the edge of a lid, a glint or a piece of skin. A
# verdict cannot know how the whole eye looks. That is the point, and the price.
#
# ## The loss
#
# Here is half of eq. 2: the loss for images of one kind. The discriminator's logits become probabilities patch by
# patch:
#
# $$ \ell_{adv} = - \sum_{i=1}^{w} \sum_{j=1}^{h} \log p_{c}(i, j), \qquad
# p(i, j) = \operatorname{softmax}\bigl(D(x)_{:, i, j}\bigr) $$
#
# | symbol | what | shape, unit | place |
# |---|---|---|---|
# | $D(x)$ | logits | $(2, h, w)$, here $(2, 9, 14)$ | section 2.2 |
# | $c$ | the label: 0 real, 1 refined | one for the whole image | eq. 2 |
# | $p_c(i, j)$ | probability that the discriminator gives to $c$, at patch $(i, j)$ | in $[0, 1]$ | |
# | $\ell_{adv}$ | cross-entropy, *summed* over patches | nats (units of the natural logarithm) | section 2.2 |
#
# **Ask yourself.** Why a sum over the patches, where most losses are means? What would change with a mean?
#
# <details><summary>What would change</summary>
#
# Nothing, for this loss by itself: its gradient is 126 times smaller, and Adam does not notice. But the refiner's loss has a
# second term, the self-regularization, a sum over all pixels. Against a mean over patches it would weigh 126 times as much, and
# the refiner would hardly move. A sum lets a larger image have more of both. With a mean, $\lambda$ must become 126 times
# smaller (notebook 07 has this case: one verdict an image, the same $\lambda$).
#
# </details>
#
# ### Exercise 3.2 · The local adversarial loss (10 minutes)
#
# Write this loss as a function. It returns one number for each image, and lets gradients pass to the logits. Where the
# discriminator is sure, logits are large: the loss must stay finite there.
#
# <details><summary>Hint</summary>
#
# `F.cross_entropy` accepts logits $(N, 2, h, w)$ and labels $(N, h, w)$. With `reduction="none"` it leaves the patches
# apart.
#
# </details>

# %%
from torch.nn import functional as F


def my_local_adversarial_loss(logits, label):
    """logits: (N, 2, h, w).  label: 0 or 1.  Returns (N,)."""
    return ...  # your code


# %%
local_adversarial_loss = checks.yours_or_ours(my_local_adversarial_loss, checks.local_adversarial_loss)
undecided = local_adversarial_loss(torch.zeros(1, 2, 9, 14), 1)
assert abs(undecided / 126 - torch.tensor(2.0).log()) < 1e-5    # a guess costs ln 2 = 0.69 nats a patch

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# from torch.nn import functional as F
#
#
# def my_local_adversarial_loss(logits, label):
#     """logits: (N, 2, h, w).  label: 0 or 1.  Returns (N,)."""
#     target = torch.full_like(logits[:, 0], label, dtype=torch.long)          # (N, h, w)
#     return F.cross_entropy(logits, target, reduction="none").sum((1, 2))
# ```
#
# </details>
#
# ## Local against global
#
# In an ablation (a test with one part changed) the paper uses a global discriminator: it gives one verdict for the
# whole image. Ours has the same layers as above, and then a last one that sees all places.
#
# **Predict.** We train both discriminators for 100 steps to tell synthetic from stand-in eyes. Then we take stand-in
# eyes and paste a synthetic corner of $12 \times 12$ pixels into each. What will the local map say in that corner, and
# what in the opposite one? What will the global verdict say?

# %% [markdown]
# ✎ *Your prediction (double-click to write):*


# %%
def train(discriminator, loss_of, seed, steps=100 if profile == "quick" else 1000):
    """Tell the first 800 synthetic from the first 800 stand-in eyes.  Returns the discriminator."""
    optimizer = torch.optim.Adam(discriminator.parameters(), 1e-3)
    ours, theirs = to_float(synthetic[:800]), to_float(others[:800])         # (800, 1, 35, 55)
    with seeded(seed):
        for _ in progress(range(steps), "training"):
            refined, real = ours[torch.randint(800, (16,))], theirs[torch.randint(800, (16,))]
            loss = loss_of(discriminator(refined), 1) + loss_of(discriminator(real), 0)
            optimizer.zero_grad()
            loss.mean().backward()
            optimizer.step()
    return discriminator


def suspicion(discriminator, images):
    """Probability of being refined: (N, 9, 14), or (N, 1, 1) of a global discriminator."""
    with torch.no_grad():
        return discriminator(to_float(images)).softmax(1)[:, 1]


# %%
damaged = others[800:].clone()  # 200 images that no training has seen
damaged[:, :, :12, :12] = synthetic[800:, :, :12, :12]
found = {"local": [], "global": []}
for seed in range(3):
    with seeded(seed):
        judges = {"local": PatchDiscriminator(), "global": networks.GlobalDiscriminator()}
    for name, judge in judges.items():
        train(judge, local_adversarial_loss, seed)
        found[name].append(suspicion(judge, damaged) - suspicion(judge, others[800:]))
        if name == "local" and seed == 0:
            local = judge
for name, changes in found.items():
    print(f"{name}: the damage raises the suspicion by", " ".join(f"≈ {c[:, :3, :3].mean():.2f}" for c in changes))

# %%
chosen = suspicion(local, others[800:]).mean((1, 2)).argsort()[:45:15].tolist()  # three that were little suspected
first = chosen[0]
columns = {"untouched": (others[800 + first], suspicion(local, others[800 + first:801 + first])[0])}
columns |= {f"damaged {k + 1}": (damaged[i], suspicion(local, damaged[i:i + 1])[0]) for k, i in enumerate(chosen)}
columns |= {"synthetic": (synthetic[800], suspicion(local, synthetic[800:801])[0])}
corner = {title: (0, 0, 11, 11) for title in columns if title.startswith("damaged")}
show(*figures.maps_figure(columns, "judged refined", corner))
near = [change[:, :3, :3].mean() for change in found["local"]]
far = [change[:, 6:, 6:].abs().max() for change in found["local"]]
assert min(near) > 0.2 and max(far) == 0

# %% [markdown]
# <details><summary>What happens</summary>
#
# (The first damaged eye is the same eye as the untouched one.) The local map points at the corner. Every verdict that
# cannot see the corner stays as it was, to the last digit. The global verdict rises a little, too: something is wrong,
# but where? To a refiner the local map says "repaint the corner". The global verdict only says "be different".
#
# </details>
#
# How different are the two for the *refiner*, then? It learns from the gradient with respect to its pixels. One might
# think that the global discriminator looks at a few places only. We measure it:

# %%
def share_of_busiest(judge, images):
    """Share of the gradient's energy in the tenth of the pixels that have most of it."""
    pixels = to_float(images).requires_grad_()
    local_adversarial_loss(judge(pixels), 0).sum().backward()
    energy = pixels.grad.square().flatten(1)                                 # (N, 1925)
    return (energy.topk(192, 1).values.sum(1) / energy.sum(1)).mean().item()


busiest = {name: share_of_busiest(judge, synthetic[800:]) for name, judge in judges.items()}
print(", ".join(f"{name} ≈ {value:.2f}" for name, value in busiest.items()))
assert abs(busiest["local"] - busiest["global"]) < 0.15

# %% [markdown]
# There is hardly a difference: after so short a training both discriminators concentrate on edges. *That* story about
# the global discriminator is not supported here. Two advantages of the local loss are certain. It says where the damage
# is, as the experiment above shows. And it gives more lessons: 126 verdicts for each image, each over some pixels. The
# global discriminator gives a single verdict over all pixels.
#
# ## Play: what does each verdict see?
#
# Move the window over a damaged eye. Beside it stands the probability of being refined, according to this verdict. Two
# figures above show the same without sliders.

# %%
import ipywidgets

from simgan_lib.teaching.widgets import pictured, show_widget

down = ipywidgets.IntSlider(4, 0, 8, description="row")
across = ipywidgets.IntSlider(7, 0, 13, description="column")
map_of_it = suspicion(local, damaged[first:first + 1])[0]                    # (9, 14)


def seen():
    at = down.value, across.value
    shown = {"damaged": (damaged[first], map_of_it)}
    seen_by = figures.maps_figure(shown, "judged refined", {"damaged": window(*at)}, width=4)
    return figures.picture(*seen_by), f"verdict {at}: refined with probability {map_of_it[at]:.2f}"


box = pictured([down, across], seen)
show_widget(box, "Two sliders that move a verdict's window over an eye. Run the notebook to use them.")
before = box.image.value
across.value = 0
assert box.image.value != before and "verdict (4, 0)" in box.label.value

# %% [markdown]
# ## What goes wrong: the scrambled loss
#
# A cross-entropy is often given rows of two numbers, one for each class. The map has shape $(N, 2, h, w)$, so several
# public ports of SimGAN write `logits.reshape(-1, 2)`. This runs, and it is wrong. The class axis is not the last one.
# So a "row" holds two *neighbouring patches* of the same class.
#
# By hand: two patches, both surely real.


# %%
def scrambled(logits, label):
    rows = logits.reshape(-1, 2)  # neighbours have become classes
    cost = F.cross_entropy(rows, torch.full((len(rows),), label), reduction="none")
    return cost.reshape(len(logits), -1).sum(1)


sure = torch.tensor([[[[9.0, 9.0]], [[-9.0, -9.0]]]])  # (1, 2, 1, 2): class 0 at both patches
for label in (0, 1):
    right, wrong = local_adversarial_loss(sure, label).item(), scrambled(sure, label).item()
    print(f"label {label}: right {abs(right):.2f}, scrambled {wrong:.2f}")
torch.testing.assert_close(scrambled(sure, 0), 2 * torch.tensor([2.0]).log())

# %% [markdown]
# In the scrambled loss, two verdicts that are certain and right cost as much as two guesses, whatever the label. Does
# such a discriminator learn? Its loss *does* fall below $\ln 2$ for each patch, since it can give each place its own
# constant. So do not look at the loss. Look at whether its verdicts differ between the two domains:

# %%
apart = {}
for name, loss_of in {"right": local_adversarial_loss, "scrambled": scrambled}.items():
    with seeded(7):
        judge = train(PatchDiscriminator(), loss_of, seed=7)
    on_synthetic, on_others = suspicion(judge, synthetic[800:]).mean(), suspicion(judge, others[800:]).mean()
    apart[name] = (on_synthetic - on_others).item()
    print(f"{name}: judged refined ≈ {on_synthetic:.2f} (synthetic), ≈ {on_others:.2f} (stand-in)")
assert apart["right"] > 0.25 and abs(apart["scrambled"]) < 0.1

# %% [markdown]
# The signature: **the discriminator's mean verdict is the same on both domains, while its loss looks healthy.** The
# refiner then learns nothing that has to do with realism. The check of exercise 3.2, `checks.local_adversarial_loss`,
# knows this mistake by name.
#
# ## Three claims
#
# 1. One verdict sees exactly $23 \times 23$ pixels. Asserted by autograd, below "Is it true?".
# 2. A local discriminator points at local damage. Verdicts that cannot see the damage do not change at all. Asserted
#    below the maps, for three seeds.
# 3. With the class axis scrambled, the loss falls and nothing is learned. Asserted above.
#
# | | paper | here | deviation |
# |---|---|---|---|
# | layers | 96, 64, pool, 32, 32, 2 | the same, 75,906 weights | none |
# | map for $35 \times 55$ | $9 \times 14$ | the same, from padding of 1 | none |
# | loss | summed over patches | the same | none |
# | global discriminator | in the ablation, layers not given | the same trunk, one linear layer at its end | our choice |
# | trained | against a refiner, 512 a batch | against a fixed set, 16 a batch, 100 steps | for the lesson |
#
# ## Going further
#
# - **30 minutes.** Paste the damage into the middle of the eye. Which verdicts change? Predict their number first.
# - **3 hours.** How large should a verdict's window be? Replace the pooling by a stride, or the kernels by
#   $5 \times 5$. Then do a run of [notebook 05](05_training.ipynb) and measure the distance of the spectra.
# - **Open.** A discriminator of patches cannot see whether both eyes of a face look the same way. When is a global view
#   needed?
#
# ## References
#
# - Shrivastava et al., *Learning from Simulated and Unsupervised Images through Adversarial Training*, CVPR 2017,
#   [10.1109/CVPR.2017.241](https://doi.org/10.1109/CVPR.2017.241), section 2.2 and equation 2.
# - Li, Wand, *Precomputed Real-Time Texture Synthesis with Markovian Generative Adversarial Networks*, ECCV 2016,
#   [10.1007/978-3-319-46487-9_43](https://doi.org/10.1007/978-3-319-46487-9_43).
# - Isola et al., *Image-to-Image Translation with Conditional Adversarial Networks*, CVPR 2017,
#   [10.1109/CVPR.2017.632](https://doi.org/10.1109/CVPR.2017.632).
# - Luo et al., *Understanding the Effective Receptive Field in Deep Convolutional Neural Networks*, NeurIPS 2016,
#   [10.48550/arXiv.1701.04128](https://doi.org/10.48550/arXiv.1701.04128).
