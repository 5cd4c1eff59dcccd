# %% [markdown]
# # How do a refiner and a discriminator train each other?
#
# Previous: [History buffer](04_history_buffer.ipynb) · Next: [Feature-space regularizer](06_feature_regularizer.ipynb)

# %% [markdown]
# | | |
# |---|---|
# | **You will be able to** | *build* Algorithm 1 from its two losses, *read* the curves of a run, *recognise* a refiner that lost the labels and one that does nothing |
# | **You need** | the refiner ([02](02_refiner.ipynb)), the local loss ([03](03_local_loss.ipynb)), the history ([04](04_history_buffer.ipynb)) |
# | **Time** | 45 minutes to read and work. To run: 1 CPU minute in the profile `quick` (2 to 5 on older cores); never run in the profile `full` |
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

from simgan_lib import figures
from simgan_lib.figures import results as report_figures
from simgan_lib.teaching import checks
from simgan_lib.teaching.notebook import progress, setup, show

profile, device = setup()

# %% [markdown]
# ## The question
#
# We have synthetic eyes with labels, and eyes without labels from another camera. Two networks are to make the first
# look like the second, and *neither of them knows what realistic means*. How can two beginners teach each other?
#
# Our eyes without labels come from the **stand-in** domain: the same simulator with other priors (ranges of its
# parameters) for skin and light, and a bad camera. It is not real, and we never call it so. To the algorithm this makes no difference,
# since it never sees a label of that domain.
#
# As in the kit's main job, we first match the gray levels of the synthetic eyes to the stand-in's. This is the part of
# realism that needs no network.

# %%
from dataclasses import replace

from simgan_lib.matching import histogram_matched
from simgan_lib.simulators.camera import stand_in
from simgan_lib.simulators.eyes import simulate

EYES = 1000 if profile == "quick" else 20_000
unlabelled = replace(stand_in(EYES, seed=5), labels={})
simulated = simulate(EYES, seed=6)
synthetic = replace(simulated, images=histogram_matched(simulated, unlabelled))
show(*figures.montage_figure({"synthetic": synthetic.images[:8], "stand-in": unlabelled.images[:8 * 125:125]}, columns=4, width=4,
                             says="Both harsh in contrast; synthetic eyes are sharp, stand-in ones blurred."))
assert not unlabelled.labels and {"gaze", "pupil"} <= set(synthetic.labels)

# %% [markdown]
# What to see: the eyes above have the hard edges and the fine grain of a drawing. The eyes below have the blur and the
# uneven light of a camera.
#
# ## Two losses
#
# The **discriminator** $D$ gives each patch a probability of being refined. It pays for every patch that it misjudges
# (eq. 2). With the history of notebook 04, half of the $\tilde x_i$ are remembered ones.
#
# $$ \mathcal{L}_D = - \sum_i \log D(\tilde{x}_i) - \sum_j \log \bigl(1 - D(y_j)\bigr) $$
#
# The **refiner** $R$ pays for two things: for every patch that is *not* taken for real, and for straying from its input
# (eq. 4 within eq. 5):
#
# $$ \mathcal{L}_R = \sum_i \Bigl[ - \log \bigl(1 - D(R(x_i))\bigr)
# + \lambda \, \lVert \psi(R(x_i)) - \psi(x_i) \rVert_1 \Bigr] $$
#
# | symbol | what | shape, unit | place |
# |---|---|---|---|
# | $x_i$, $\tilde x_i = R(x_i)$ | synthetic image, refined image | $(C, H, W)$ in $[-1, 1]$ | eq. 1 |
# | $y_j$ | image of the unlabelled domain | the same | eq. 1 |
# | $\log D$, $\log (1 - D)$ | summed over the $9 \times 14$ patches | nats (units of the natural logarithm) | section 2.2 |
# | $\psi$ | features to be kept; identity in the paper for gaze | any | eq. 4 |
# | $\lambda$ | the weight of staying near the input | nats for a unit of $\psi$, summed over an image | eq. 5 |
#
# The paper sums over the batch. We take the mean, so that neither $\lambda$ nor the learning rate depends on the size
# of the batch. (The paper's rate for SGD belongs to its sum. With our mean the steps are as many times smaller as there
# are images in the batch.)
#
# ### Exercise 5.1 · The refiner's loss (5 minutes)
#
# You have two functions. `local_adversarial_loss(logits, label)` is the summed cross-entropy for one label.
# `self_regularization(refined, synthetic, features)` is the price of straying. Both return one number for each image,
# and yours should do so, too. If `features` is left out (`None`), the pixels themselves are compared. Gradients must
# reach the logits and `refined`.
#
# <details><summary>Hint</summary>
#
# $-\log(1 - D)$ is a cross-entropy. Which label makes it small when $D$ is small?
#
# </details>

# %%
from simgan_lib.losses import REAL, REFINED, local_adversarial_loss, self_regularization


def my_refiner_loss(logits, refined, synthetic, weight, features=None):
    """logits: the discriminator's on `refined`, (N, 2, h, w).  weight: lambda.  Returns (N,)."""
    return ...  # your code


# %%
refiner_loss = checks.yours_or_ours(my_refiner_loss, checks.refiner_loss)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# from simgan_lib.losses import REAL, REFINED, local_adversarial_loss, self_regularization
#
#
# def my_refiner_loss(logits, refined, synthetic, weight, features=None):
#     """logits: the discriminator's on `refined`, (N, 2, h, w).  weight: lambda.  Returns (N,)."""
#     return local_adversarial_loss(logits, REAL) + weight * self_regularization(refined, synthetic, features)
# ```
#
# Why the label REAL on a refined image? The refiner wants the discriminator to be wrong. The negative of the
# discriminator's loss would have the same aim. But its gradient vanishes just when the discriminator is sure.
#
# </details>
#
# ### Exercise 5.2 · The discriminator's loss (5 minutes)
#
# Return one number for each pair of a refined and an unlabelled image: the cost of the two patch maps together.
# Gradients must reach both maps.
#
# <details><summary>Hint</summary>
#
# Use the same function twice. The discriminator wants to be right.
#
# </details>


# %%
def my_discriminator_loss(on_refined, on_real):
    """Logits (N, 2, h, w) on refined and on real images.  Returns (N,)."""
    return ...  # your code


# %%
discriminator_loss = checks.yours_or_ours(my_discriminator_loss, checks.discriminator_loss)
undecided = discriminator_loss(torch.zeros(1, 2, 9, 14), torch.zeros(1, 2, 9, 14))
assert abs(undecided / (2 * 9 * 14) - torch.tensor(2.0).log()) < 1e-5     # ln 2 for each patch of both maps

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_discriminator_loss(on_refined, on_real):
#     """Logits (N, 2, h, w) on refined and on real images.  Returns (N,)."""
#     return local_adversarial_loss(on_refined, REFINED) + local_adversarial_loss(on_real, REAL)
# ```
#
# </details>
#
# The assertion is worth remembering: a discriminator that can only guess pays $\ln 2 = 0.69$ nats for each patch.
# Compare every curve below with this line.
#
# ## Algorithm 1, piece by piece
#
# A `run` holds both networks, an optimizer for each, the history buffer and the random generator. One update of the
# refiner has three parts: refine a batch, ask the discriminator, and take one step that changes the refiner's weights
# alone.

# %%
from simgan_lib.system.device import autocast_for


def update_refiner(run, adversarial=True):
    synthetic = run.draw(run.synthetic)                               # (b, 1, 35, 55)
    with autocast_for(run.device):                                    # half precision where the hardware has it
        refined = run.refiner(synthetic)                              # (b, 1, 35, 55)
        logits = run.discriminator(refined) if adversarial else None  # (b, 2, 9, 14)
    if adversarial:
        loss = refiner_loss(logits.float(), refined.float(), synthetic, run.config.regularization, run.features)
    else:
        loss = self_regularization(refined.float(), synthetic, run.features)
    run.refiner_optimizer.zero_grad()
    loss.mean().backward()
    run.refiner_optimizer.step()                                      # moves R; D's gradients are thrown away


# %% [markdown]
# One update of the discriminator has three parts, too. Refine a fresh batch *without* recording gradients, since the
# refiner is not to learn from this. Mix it half and half with the history. Compare it with unlabelled images.

# %%
from simgan_lib.history import mixed_batch


def update_discriminator(run):
    with torch.no_grad(), autocast_for(run.device):
        fresh = run.refiner(run.draw(run.synthetic)).float()          # (b, 1, 35, 55)
    refined = mixed_batch(fresh, run.buffer)                          # b/2 fresh, b/2 remembered
    real = run.draw(run.real)                                         # (b, 1, 35, 55)
    with autocast_for(run.device):
        on_refined, on_real = run.discriminator(refined), run.discriminator(real)    # (b, 2, 9, 14) each
    loss = discriminator_loss(on_refined.float(), on_real.float())
    run.discriminator_optimizer.zero_grad()
    loss.mean().backward()
    run.discriminator_optimizer.step()


# %% [markdown]
# Now the order. The discriminator would win at once against a refiner with random weights, and from a hopeless game the
# refiner learns nothing. So both are *warmed up*. First the refiner trains on self-regularization alone, until it can
# copy. Then the discriminator trains alone, until its verdict means something. After that they alternate: $K_g$ updates
# of the refiner, then $K_d$ updates of the discriminator.


# %%
def algorithm_1(run):
    c = run.config
    for _ in range(c.refiner_warmup):
        update_refiner(run, adversarial=False)
    for _ in range(c.discriminator_warmup):
        update_discriminator(run)
    for _ in range(c.steps):
        for _ in range(c.refiner_updates):                            # K_g
            update_refiner(run)
        for _ in range(c.discriminator_updates):                      # K_d
            update_discriminator(run)


# %% [markdown]
# That is all of SimGAN. Is it the library's, too? We start two runs from one seed. One is driven by the cells above,
# the other by the library. After the warm-ups and three rounds, all weights of both networks must agree.

# %%
from simgan_lib.training import PRESETS, Training


def furthest(one, other, network):
    """The largest difference of any weight of two runs."""
    pairs = zip(getattr(one, network).parameters(), getattr(other, network).parameters())
    return max((a - b).abs().max().item() for a, b in pairs)


tiny = replace(PRESETS["quick"], width=8, batch=4, refiner_warmup=3, discriminator_warmup=2, steps=3, buffer=16)
by_hand, by_library = Training(tiny, synthetic, unlabelled, seed=1), Training(tiny, synthetic, unlabelled, seed=1)
algorithm_1(by_hand)
for record in by_library.run():
    pass
for name in ("refiner", "discriminator"):
    print(f"{name}: the two runs agree: {furthest(by_hand, by_library, name) < 1e-6}")
    assert furthest(by_hand, by_library, name) < 1e-6
assert record.step == tiny.total == 8 and len(by_hand.buffer) == len(by_library.buffer) == 10

# %% [markdown]
# Ten images are in the history. Each of the five discriminator updates stored two of them, half of a batch of four.
#
# ## At scale: a run to watch
#
# The library's loop does the same. It also yields a record for each step, so that we can watch. We cut the preset
# `quick` so that the run fits into a minute: narrower networks, smaller batches, higher learning rates, smaller
# $\lambda$. For $\psi$ we keep the preset's `local_contrast`: the brightness of a pixel relative to its surroundings.
# It lets light change and holds shapes.
#
# **Predict.** Just after the warm-ups, whose adversarial loss is below $\ln 2$ for each patch, and whose is above?
# Which of the two will fall after that?

# %% [markdown]
# ✎ *Your prediction (double-click to write):*

# %%
from simgan_lib.training import refine

small = replace(PRESETS["quick"], width=16, batch=16, refiner_warmup=40, discriminator_warmup=40, steps=110, buffer=256,
                refiner_lr=1e-3, discriminator_lr=1e-3, regularization=0.05, ema_decay=0.9)
config = small if profile == "quick" else PRESETS[profile]
EVERY = config.total // 16


def watched(config, seed=0):
    """Train  ->  (the run, records as numbers, {step: the first 12 images as refined then})."""
    run, records, snapshots = Training(config, synthetic, unlabelled, seed, device), [], {}
    for record in progress(run.run(), "training", config.total):
        records.append(record.numbers())
        moves = record.phase != "discriminator warm-up"               # then the refiner stands still
        if moves and (record.step % EVERY == 0 or record.step == 4):
            snapshots[record.step] = refine(run.result, synthetic[:12]).images
    return run, records, snapshots


# %% [markdown]
# (`run.result` is a refiner whose weights are the running mean over the last steps. Two networks that train against
# each other jitter from step to step, and the mean is smoother. The paper uses the last weights.)

# %%
run, records, snapshots = watched(config)
strip = {f"step {step}": snapshots[step] for step in list(snapshots)[::3]}
show(*report_figures.refinement_over_steps({"input": synthetic.images, **strip}))
assert len(records) == config.total and records[-1]["phase"] == "adversarial"

# %% [markdown]
# What to see (compare Figure 6 of Apple's article about SimGAN): first there is a gray veil, for the refiner has not
# even learned to copy. Towards the end of its warm-up it makes a dull copy. Then the drawing's grain goes, and edges
# soften. The light comes and goes from column to column: here the two networks have not yet settled. In each row the
# eye looks the same way throughout.

# %%
show(*report_figures.losses(records))


def mean(key, rows):
    return sum(row[key] for row in rows) / len(rows)


warm = [r for r in records if r["phase"] == "discriminator warm-up"][-5:]
first, last = [r for r in records if r["phase"] == "adversarial"][:20], records[-20:]
print(f"discriminator: ≈ {mean('discriminator', warm):.2f} after its warm-up, ≈ {mean('discriminator', last):.2f} at the end")
print(f"refiner: ≈ {mean('adversarial', first):.2f} in the first 20 rounds, ≈ {mean('adversarial', last):.2f} in the last 20")
assert mean("discriminator", warm) < mean("discriminator", last) - 0.05 and mean("adversarial", first) > mean("adversarial", last)

# %% [markdown]
# <details><summary>What happens, and why the discriminator has a warm-up of its own</summary>
#
# At the start of the rounds the refiner copies its input, and the discriminator must already know what is wrong with that.
# An untrained one gives the refiner a random direction. After its own warm-up its first gradient points towards the stand-in.
#
# The curves have the shape of the article's Figure 7. After its warm-up the discriminator is ahead: its loss is well
# below $\ln 2$, and the refiner's is above. Within some twenty rounds the refiner catches up. The discriminator's loss
# *rises*, and the refiner's *falls*. Both end near $\ln 2$, where the discriminator can do little more than guess. So a
# rising loss is no failure here: it is the success of the other network.
#
# </details>
#
# So the curves say that nobody has won, and *not that the images are good*. The article says the same: stop when the
# images look right. We can do better than look. The stand-in's **power spectrum** tells how much fine grain a camera
# leaves. And the simulator's exact labels tell whether the eye still looks where its label says.

# %%
from simgan_lib.evaluation.pupil import estimator_error, pupil_shift
from simgan_lib.evaluation.realism import spectrum_distance

some = slice(0, 100)
refined = refine(run.result, synthetic[some])
before, after = (spectrum_distance(images, unlabelled.images) for images in (synthetic.images[some], refined.images))
moved, own = pupil_shift(simulated[some], refined), estimator_error(simulated[some])
print(f"distance of the spectra: synthetic ≈ {before:.1f} dB, refined ≈ {after:.1f} dB")
print(f"pupils moved by ≈ {moved['mean']:.2f} px; the finder's own error is ≈ {own['mean']:.2f} px")
assert after < 0.75 * before and moved["mean"] < 1.1
assert torch.equal(refined.labels["gaze"], simulated.labels["gaze"][some])

# %% [markdown]
# The article reports $1.1 \pm 0.8$ px for the pupil (Figure 9). It used other images, and ellipses drawn by hand, so
# this is no race. The point is that the pupils moved by less than a pixel. The finder, which fits an ellipse to the
# iris, itself errs by as much.
#
# ### A run that went on
#
# This run had 110 rounds of 16 images. What do 2,000 rounds of 32 images add? The kit ships the outcome: the refiner of
# the profile `full`. It is four times as wide, and its $\lambda$ is 0.1. It has a second input, a channel of smooth
# noise. When the noise changes, the same eye appears in another light. This refiner has seen none of the eyes of this
# page. Here are the same measures, on the same eyes:

# %%
from simgan_lib.pretrained import load_shipped

shipped, card = load_shipped("gray")
print(f"made by: {card['command']}, in ≈ {card['seconds'] / 60:.0f} minutes")
kinds = {"input": synthetic[some], "this run": refined, "shipped": refine(shipped, synthetic[some])}
show(*figures.montage_figure({**{name: images.images[:8] for name, images in kinds.items()},
                              "stand-in": unlabelled.images[:8 * 125:125]}, columns=8,
                             says="Refined by this run or by the shipped refiner, eyes are as soft as the stand-in's; each iris stays in place."))
grain = {name: spectrum_distance(images.images, unlabelled.images) for name, images in kinds.items()}
kept = {name: pupil_shift(simulated[some], images)["mean"] for name, images in kinds.items()}
for name in kinds:
    print(f"{name:>8}: spectra ≈ {grain[name]:.1f} dB apart, pupils moved by ≈ {kept[name]:.2f} px")
assert grain["shipped"] < 0.25 * grain["input"] and kept["shipped"] < 1.1

# %% [markdown]
# What to see: at a glance the two runs differ little. In both, the iris melts into the pupil, and the drawing's hard
# edges are gone. The spectrum tells more than the glance. The grain of the longer run is much nearer to a camera's, and
# the pupils have not moved further for it. (Even in the input the pupils have moved. The reason is that matching gray
# levels shifts the edge that the finder fits.)
#
# Are the images real, then? Another network was trained to tell them from the stand-in's. The card of the shipped
# refiner says how often it was right:

# %%
from simgan_lib.experiments.cards import job_of

told = {kind: job_of(card).mean(kind, "two_sample_accuracy") for kind in ("synthetic", "entering", "refined")}
for kind, share in told.items():
    print(f"{kind:>9}: told from the stand-in in {100 * share:.0f} % of the cases")
assert 0.5 < told["refined"] < 0.8

# %% [markdown]
# ("entering" is the input: synthetic eyes with matched gray levels.) A network that guesses would reach 50 %. So there
# is still something to be learned, and the discriminator of the training did not find it.
#
# ## Play: scrub through training
#
# The strip above shows the same without a slider. Find the first step at which you would hesitate: drawing or camera?

# %%
from simgan_lib.teaching.widgets import scrubber, show_widget

frames = [figures.montage_figure({"input": synthetic.images[:12], "refined": images}, 6) for images in snapshots.values()]
leaf = scrubber(frames, [f"step {step} of {config.total}" for step in snapshots], "training", dpi=70)
show_widget(leaf, "A slider through the refined images of the run. Run the notebook to use it; a strip above shows five.")
assert len(set(leaf.frames)) == len(frames) <= 20

# %% [markdown]
# ## Killed, and taken up again
#
# Sooner or later a long run is killed: by a power cut at night, or by the end of a free Colab session. What must be
# kept so that the run can go on as if nothing had happened?
#
# **Predict.** Are the weights of both networks enough?

# %% [markdown]
# ✎ *Your prediction (double-click to write):*

# %%
import tempfile
from itertools import islice
from pathlib import Path

from simgan_lib.system.checkpoints import load_state, save_state

killed, resumed, careless = (Training(tiny, synthetic, unlabelled, seed=seed) for seed in (1, 1, 8))
for _ in islice(killed.run(), 6):
    pass
with tempfile.TemporaryDirectory() as folder:
    save_state(Path(folder) / "run.state", killed.state())
    del killed                                                        # as kill -9 would; the tests do that, too
    resumed.restore(load_state(Path(folder) / "run.state"))
careless.refiner.load_state_dict(resumed.refiner.state_dict())
careless.discriminator.load_state_dict(resumed.discriminator.state_dict())
for continued in (resumed, careless):
    list(islice(continued.run(), 2))
same = {name: furthest(run_, by_library, "refiner") == 0 for name, run_ in (("all", resumed), ("weights", careless))}
print(f"the same end, if all of the state is kept: {same['all']}; if only the weights are: {same['weights']}")
assert same["all"] and not same["weights"]

# %% [markdown]
# <details><summary>What happens</summary>
#
# The weights are not enough. Adam's two running means, the history, the random generator and the step count belong to
# the run, too. With all of them the end is the same, bit for bit, as that of `by_library`, which was never stopped.
# Without them the run goes another way. Here it even begins its warm-up anew.
#
# </details>
#
# ## What goes wrong: the refiner that does nothing
#
# "The refined images look like the synthetic ones" is the commonest complaint about public ports. One cause is a
# $\lambda$ copied from code with another scale. Here is one that is hundreds of times too large.

# %%
usual = f"λ = {config.regularization:g}"
stiff, stiff_records, _ = watched(replace(config, regularization=20.0, steps=config.steps // 2))
stiff_refined = refine(stiff.result, synthetic[some])
show(*figures.montage_figure({"input": synthetic.images[:8], "λ = 20": stiff_refined.images[:8],
                              usual: refined.images[:8]}, columns=4, width=3.8,
                             says="λ = 20 leaves the lines of the input sharp; with the usual λ they soften."))
caught, free = mean("right_refined", stiff_records[-20:]), mean("right_refined", last)
stuck = spectrum_distance(stiff_refined.images, unlabelled.images)
print(f"refined patches recognised: λ = 20 ≈ {100 * caught:.0f} %, {usual} ≈ {100 * free:.0f} %")
print(f"distance of the spectra: λ = 20 ≈ {stuck:.1f} dB, {usual} ≈ {after:.1f} dB")
assert caught > 0.75 > free and stuck > 1.5 * after

# %% [markdown]
# There is no error and no warning, and the self-regularization looks splendid. The signature has two halves: **the
# discriminator recognises nearly every refined patch, and the distance to the other domain stays.** A discriminator
# that is merely too strong also recognises nearly every patch. But then the images do change, and only lag behind. So
# the two numbers together tell the two cases apart.
#
# To convert a $\lambda$: ours weighs a *sum* over pixels against a *sum* over patches. Other code may take means
# instead. To act the same there, our $\lambda$ must be multiplied by a factor:
#
# | the other code averages over | factor | for $35 \times 55$ pixels and $9 \times 14$ patches |
# |---|---|---|
# | pixels and patches | $C H W / (h w)$ | 15.3 |
# | pixels alone | $C H W$ | 1,925 |
#
# ## Three claims
#
# 1. Twenty-five lines are SimGAN: they give the library's weights. Asserted below "Is it the library's, too?". A killed
#    run gives the same weights, too, if its whole state is kept. Asserted in "Killed, and taken up again".
# 2. Refinement brings the spectrum nearer to the stand-in's, and pupils stay within 1.1 px on average. Asserted below
#    the loss curves, and with the full-scale refiner in "A run that went on".
# 3. With a $\lambda$ that is far too large, the refiner does nothing, and the discriminator recognises its images.
#    Asserted in "What goes wrong".
#
# | | paper | here | deviation |
# |---|---|---|---|
# | unlabelled images | 214,000 of MPIIGaze | 1,000 of the stand-in domain | not real eyes |
# | input of the refiner | UnityEyes | simulated eyes, gray levels matched first | matching needs no network |
# | $\lambda$ | 0.01, by a private reply, scale unknown | 0.05, of sums in $[-1, 1]$ | see the conversion above |
# | $\psi$ | identity | local contrast | holds shapes, lets light change |
# | warm-up | 1,000 and 200 updates | 40 and 40 | Adam instead of SGD; smaller networks |
# | $K_g$, $K_d$ | 2 and 1 (first version), 50 and 1 (article) | 2 and 1 | none |
# | batch | 512, its losses summed | 16, its losses averaged | SGD's steps would be 16 times smaller; Adam's do not change |
# | rounds | some 40,000 by one report | 110; 2,000 for the shipped refiner | a glimpse; half an hour of a CPU |
#
# ## Going further
#
# - **30 minutes.** Set $\lambda = 0$. How far do pupils move, and for how many images does the finder fail?
# - **3 hours.** Set $K_g$ to 50, as the article does. Then begin small instead, and raise it slowly. Watch the
#   discriminator's loss.
# - **Open.** When should one stop? Find a number that needs no labels. It should pick the refiner whose images train
#   the best gaze estimator.
#
# ## References
#
# - Shrivastava et al., *Learning from Simulated and Unsupervised Images through Adversarial Training*, CVPR 2017,
#   [10.1109/CVPR.2017.241](https://doi.org/10.1109/CVPR.2017.241), Algorithm 1, equations 1 to 5.
# - Apple, *Improving the Realism of Synthetic Images*, Machine Learning Journal 1(1), 2017, Figures 6, 7 and 9.
# - Goodfellow et al., *Generative adversarial nets*, NeurIPS 2014,
#   [10.48550/arXiv.1406.2661](https://doi.org/10.48550/arXiv.1406.2661): why not the opposite of the loss.
# - Kingma, Ba, *Adam*, ICLR 2015, [10.48550/arXiv.1412.6980](https://doi.org/10.48550/arXiv.1412.6980).
