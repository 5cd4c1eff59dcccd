# %% [markdown]
# # From a downloaded release to refined eyes: what can go wrong on the way?
#
# Previous: [Visual Turing test](10_visual_turing_test.ipynb) · Next: [Forgetting](12_forgetting.ipynb)

# %% [markdown]
# | | |
# |---|---|
# | **You will be able to** | *open* a release of real eyes without trusting it, *split* it so that the test is honest, *refine* towards it and say what was gained |
# | **You need** | the training ([05](05_training.ipynb)); gaze angles ([01](01_domain_gap.ipynb)) |
# | **Time** | 30 minutes to read and work; 1 CPU minute in `quick` (2 to 5 on old cores); never run in `full` |
# | **Data** | MPIIGaze if you have it, else a small release written here in exactly its layout |

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
# Until now the "real" domain came from a simulator. Now a release lies on the disk: files made by others, in some
# format, of people who move, blink and use two eyes. What must happen between the download and the first refined
# image? And how would we notice that it went wrong?
#
# To work with the real thing, set the environment variable `SIMGAN_SAMPLES` to a folder that holds `MPIIGaze/`.
# (`python data_scripts/mpiigaze.py --help` says how to get it, how large it is, and what its licence allows.) Without
# it, the next cell writes a release of **stand-in eyes**: simulated eyes, seen by a simulated bad camera, in the
# place of real ones. The release has exactly MPIIGaze's layout, and its faults: it is recorded in bursts, has right
# eyes, and has frames in which no eye was found. All that follows is the same for both.

# %%
# NBVAL_IGNORE_OUTPUT
import os
import tempfile
from pathlib import Path

from simgan_lib.simulators.release import write_release

work = tempfile.TemporaryDirectory()
samples = os.environ.get("SIMGAN_SAMPLES")
written = not samples
folder = write_release(Path(work.name) / "MPIIGaze") if written else Path(samples) / "MPIIGaze"
files = sorted((folder / "Data" / "Normalized").glob("*/*.mat"))
print(f"{'a release written here' if written else 'MPIIGaze'}: {len(files)} days, "
      f"{sum(file.stat().st_size for file in files) / 1e6:.1f} MB")

# %% [markdown]
# ## Open it without trusting it
#
# A file of a release may be cut short. It may be a web page that says "log in". It may hold NaN where a label should
# be. The kit's readers have two answers. A *record* that cannot be used is left out and **counted**. A *file* that is
# damaged as a whole stops the reader with one line that names the file. A third thing must not happen: that a
# half-read file is taken for a whole one.

# %%
# NBVAL_IGNORE_OUTPUT
from simgan_lib.datasets.mpiigaze import read_mpiigaze

crops = read_mpiigaze(folder)
print(crops.source)
print({name: len(set(values.tolist())) for name, values in crops.groups.items()}, tuple(crops.images.shape))

# %%
from simgan_lib.system.errors import UserError

damaged = Path(work.name) / "damaged" / "p00" / "day01.mat"
damaged.parent.mkdir(parents=True)
damaged.write_bytes(files[0].read_bytes()[:5000])
try:
    read_mpiigaze(damaged.parent)
except UserError as error:
    said = str(error).replace(work.name, "...")
    print(said.split("(")[0])
assert "cut short" in said and (crops.images.flatten(1).amax(1) > 0).all() and crops.labels["gaze"].isfinite().all()

# %% [markdown]
# A release of millions of images does not fit into memory. `data_scripts/mpiigaze.py convert RELEASE OUT` writes it
# as the kit's **image set**. This is one array on the disk, and only the pages that are used are read. A conversion
# that was killed goes on where it stopped.

# %%
from simgan_lib.datasets import mpiigaze
from simgan_lib.datasets.tools.conversion import convert
from simgan_lib.images import ImageSet

done = convert(mpiigaze, mpiigaze.units(folder), Path(work.name) / "set", workers=1, bar=False)
opened = ImageSet.load(Path(work.name) / "set")                     # reads nothing yet
print("the same pixels and labels from the disk:", torch.equal(opened.images, crops.images))
assert torch.equal(opened.images, crops.images) and torch.equal(opened.labels["gaze"], crops.labels["gaze"])
assert done.n == len(crops) and sum(done.skipped.values()) > 0

# %% [markdown]
# ## Look at it
#
# **Predict.** MPIIGaze stores both eyes of a face. Our simulator draws left eyes only. What must happen to the right
# eyes, and what to their labels?

# %% [markdown]
# ✎ *Your prediction (double-click to write):*

# %%
side = crops.groups["side"]
left, right = (torch.from_numpy(side == name) for name in ("left", "right"))
shown = {"left eyes": crops.images[left][::20][:8], "right eyes,\nmirrored": crops.images[right][::20][:8]}
show(*figures.montage_figure(shown, columns=8, says="In both rows the eyes look alike; light and grain differ from eye to eye."))
assert left.any() and right.any() and (left ^ right).all()

# %% [markdown]
# <details><summary>What happens</summary>
#
# The reader has mirrored the images of right eyes. Now all noses are on one side, and the two rows look alike. A
# mirrored eye looks elsewhere, so a label that stays as it was is wrong. What becomes of it is your next exercise.
#
# </details>
#
# ### Exercise 11.1 · A right eye in the mirror (3 minutes)
#
# From the gaze of some eyes, give the gaze of their mirrored images.
#
# <details><summary>Hint</summary>
#
# Up stays up. Pitch comes first, yaw second.
#
# </details>


# %%
def my_mirrored(gaze):
    """(pitch, yaw) in radians (N, 2)  ->  the same of the left-right mirrored images."""
    return ...  # your code


# %%
mirrored = checks.yours_or_ours(my_mirrored, checks.mirrored)
assert (mirrored(torch.tensor([[-0.1, 0.2]])) - torch.tensor([[-0.1, -0.2]])).abs().max() < 1e-3

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_mirrored(gaze):
#     """(pitch, yaw) in radians (N, 2)  ->  the same of the left-right mirrored images."""
#     return gaze * torch.tensor([1.0, -1.0])
# ```
#
# </details>
#
# ## An honest split
#
# A test image must be new. Frames of one burst are nearly the same image. If we train on one of them and test on its
# neighbour, the test asks for memory, not for understanding. So whole **days** are kept apart.
#
# How near is the nearest training image? We take test images $t_i$ and training images $x_j$, both as rows of $D$
# pixels.
#
# | symbol | what | shape, unit |
# |---|---|---|
# | $t_i$, $x_j$ | a test image, a training image | $(D,)$, gray levels |
# | $d_i$ | distance to the nearest training image | gray levels a pixel |
#
# ### Exercise 11.2 · How near is the nearest? (5 minutes)
#
# Compute $d_i$ for each test image: its distance to the training image that is nearest to it. The distance of two
# images is the absolute difference of their pixels, on average over the pixels. An image is near as a whole, not pixel
# by pixel.
#
# <details><summary>Hint</summary>
#
# `torch.cdist(a, b, p=1)` gives all sums of absolute differences, `(N, M)`.
#
# </details>

# %%
def my_nearest_distance(test, training):
    """float (N, D), (M, D)  ->  (N,): mean |difference| to the nearest training row."""
    return ...  # your code


# %%
nearest_distance = checks.yours_or_ours(my_nearest_distance, checks.nearest_distance)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_nearest_distance(test, training):
#     """float (N, D), (M, D)  ->  (N,): mean |difference| to the nearest training row."""
#     return torch.cdist(test, training, p=1).amin(1) / test.shape[1]
# ```
#
# As a formula: $d_i = \min_j \frac{1}{D} \lVert t_i - x_j \rVert_1$.
#
# </details>
#
# **Predict.** We compare two splits. One keeps every third day apart. The other keeps as many single images apart,
# drawn at random. With which split is the nearest training image nearer? And for which does an "estimator" that
# copies the label of the nearest image look better?

# %% [markdown]
# ✎ *Your prediction (double-click to write):*

# %%
from simgan_lib.gaze import angular_error_deg

rest, test = crops.split("day", sorted(set(crops.groups["day"].tolist()))[2::3])
mixed = crops.shuffled(torch.Generator().manual_seed(0))
splits = {"by day": (rest, test), "at random": (mixed[len(test):], mixed[:len(test)])}
near, copied = {}, {}
for name, (known, new) in splits.items():
    a, b = (part.images.flatten(1).float() for part in (new, known))
    near[name] = torch.cat([nearest_distance(part, b) for part in a.split(50)]).median().item()
    copy = known.labels["gaze"][torch.cdist(a, b, p=1).argmin(1)]
    copied[name] = angular_error_deg(copy, new.labels["gaze"]).mean().item()
    print(f"{name:>9}: nearest training image ≈ {near[name]:.0f} gray levels away, its label ≈ {copied[name]:.1f} degrees off")
assert len(rest) + len(test) == len(crops) and set(rest.groups["day"]).isdisjoint(test.groups["day"])
assert not written or (near["at random"] < 0.6 * near["by day"] and copied["at random"] < 0.5 * copied["by day"])

# %% [markdown]
# <details><summary>What happens</summary>
#
# In the written release the random split leaves a twin of each test image in the training set. Copying the label of
# this twin looks like a splendid method. By day the same method is poor.
#
# The kit is also tested with a sample of MPIIGaze's person p00: 2,018 of the 3,000 crops of its Evaluation Subset, which
# went through JPEG. Its frames were drawn far apart.
# There the two splits differ little, 5.1 and 5.2 degrees in a run that was not recorded, since no two frames are nearly the same. One cannot know
# this before one has looked, so the kit always splits, by day or by person.
#
# </details>
#
# ## Refine towards it
#
# From here on no training sees a label of a real image. These labels serve only for the final measurement, on days
# that no training has seen.

# %%
from dataclasses import replace

from simgan_lib.evaluation.realism import spectrum_distance
from simgan_lib.matching import histogram_matched
from simgan_lib.simulators.eyes import simulate
from simgan_lib.training import PRESETS, Training, refine

unlabelled = replace(rest, labels={})
EYES = 1000 if profile == "quick" else 20_000
synthetic = simulate(EYES, seed=11)
matched = replace(synthetic, images=histogram_matched(synthetic, unlabelled))
small = replace(PRESETS["quick"], width=16, batch=8, refiner_warmup=40, discriminator_warmup=40, steps=100, buffer=256,
                refiner_lr=1e-3, discriminator_lr=1e-3, regularization=0.05, ema_decay=0.9)
config = small if profile == "quick" else PRESETS[profile]
run = Training(config, matched, unlabelled, seed=0, device=device)
for _ in progress(run.run(), "training", config.total):
    pass
refined = refine(run.result, matched)

# %%
rows = {"synthetic": synthetic.images[:8], "refined": refined.images[:8], "of the release": test.images[::len(test) // 8][:8]}
show(*figures.montage_figure(rows, columns=8, says="The synthetic eyes are smooth and gray; the refined ones are not."))
apart = {name: spectrum_distance(images.images[:600], test.images) for name, images in
         {"synthetic": synthetic, "matched": matched, "refined": refined}.items()}
print("distance of the power spectra:", ", ".join(f"{name} ≈ {value:.1f} dB" for name, value in apart.items()))
assert apart["refined"] < 0.75 * min(apart["synthetic"], apart["matched"])

# %% [markdown]
# What to see: the refined eyes have taken on the release's blur, grain and gray levels. Each looks where its
# synthetic eye looks. Half a minute of training gives only a glimpse. `python -m simgan_lib reproduce --real RELEASE`
# does the whole job.
#
# ## What was gained?
#
# We train one small gaze estimator for each training set, with the same number of updates. We measure on the days
# kept apart. Beside them stands the error of always answering the mean: an estimator below it has learned something.

# %%
from simgan_lib.evaluation.gaze import GazeTrainingConfig, predict_gaze, train_gaze_estimator

short = GazeTrainingConfig(250, batch=16, learning_rate=4e-3) if profile == "quick" else GazeTrainingConfig(6000)
truth = test.labels["gaze"]
errors = {"always the mean": angular_error_deg(truth.mean(0).expand_as(truth), truth).mean().item()}
for name, images in progress({"synthetic": synthetic, "matched": matched, "refined": refined}.items(), "estimators", 3):
    estimator = train_gaze_estimator(images, short, seed=0, device=device)
    errors[name] = angular_error_deg(predict_gaze(estimator, test), truth).mean().item()
for name, error in errors.items():
    print(f"{name:>15}: ≈ {error:.1f} degrees")
assert errors["refined"] < errors["always the mean"]

# %% [markdown]
# Do not read much into one run of this size: between seeds these numbers move by half a degree and more, and refined eyes
# may even be behind raw ones. The kit's measured results are in its README. On p00, three seeds of `quick` do not decide
# whether refinement helps: −0.36 degrees, with a 95 % interval from −0.84 to +0.12. With one offset taken away it
# gains; but the test labels gave that offset, and these are eight days of one person. In `full`, anything from −1.7 to +1.9 degrees is possible.
#
# **Explain.** Matching gives each synthetic eye the gray levels of real ones. On the stand-in the error then falls in `quick`,
# from 5.84 to 5.12 degrees. On p00 it does not: 5.15 becomes 5.46. What could make the right gray levels harmful?

# %% [markdown]
# ✎ *Your explanation (double-click to write):*

# %% [markdown]
# <details><summary>What is known</summary>
#
# Each synthetic eye gets a tone curve of its own, so that its histogram is that of all real pixels together. No camera does
# that: an eye that shows more white then gets darker skin. And the histogram becomes right, not the places. Where the
# curve is steep, it also makes more of what the simulator draws wrong. The stand-in hardly shows this, since its shapes
# are the simulator's own. This is an explanation, not a measurement. What was measured: after
# the best affine map of the answers, fitted with the test labels, 3.92 degrees are left of raw eyes and 3.54 of matched
# ones ([findings](../docs/findings.md#why-is-the-papers-30--not-reached-on-p00)). So matching costs offset and scale of the answers, and
# not what the network sees.
#
# </details>
#
# ## What goes wrong: right eyes left as they are
#
# An easy slip with MPIIGaze is to forget the mirror: images of right eyes enter as they are. Nothing fails, no
# loss is NaN. Which number would have told us? The last estimator learned from left eyes alone. We ask it about right
# eyes, mirrored and as they are stored. Then we look at the *mean* error of yaw, with its sign.

# %%
right_eyes = test[torch.from_numpy(test.groups["side"] == "right")]
versions = {"mirrored": (right_eyes.images, right_eyes.labels["gaze"]),
            "as stored": (right_eyes.images.flip(-1), mirrored(right_eyes.labels["gaze"]))}     # undo what the reader did
told, bias = {}, {}
for name, (images, gaze) in versions.items():
    answer = predict_gaze(estimator, images)
    told[name] = angular_error_deg(answer, gaze).mean().item()
    bias[name] = torch.rad2deg((answer - gaze)[:, 1].mean()).item()
    print(f"right eyes, {name}: ≈ {told[name]:.1f} degrees off, yaw on average by ≈ {bias[name]:.1f}")
assert not written or (told["as stored"] > told["mirrored"] + 0.4 and abs(bias["as stored"] - bias["mirrored"]) > 2)

# %% [markdown]
# The signature: **the mean error of yaw differs between the sides.** People look some 5 degrees past their pupil's
# axis, towards the nose. On a right eye the nose is on the other side. So what was learned from left eyes would be off by
# twice that angle, 10 degrees, if it went by the pupil alone. On the written release the two means differ by about half
# as much. What else the estimator goes by we have not looked into. For our refiner the slip can be worse: half of all noses are then on the right, and it gets left
# eyes only.
#
# On p00's sample the slip costs little: 4.8 degrees mirrored, 4.9 as stored (three seeds, on matched images, not recorded). Perhaps
# since its light comes from one side, and the mirror turns that, too. One release shows a fault that another hides. So look at
# each side by itself.
#
# ## What goes wrong: people who look elsewhere
#
# A discriminator is asked for *any* difference between two sets. Suppose that looks are the same, and that real people look
# further down than the simulated ones. This is called **label shift**. Can a judge tell the sets apart by it? We draw
# three sets from one simulator, and let a linear judge try, on a part that it has not learned from.

# %%
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from simgan_lib.simulators.parameters import EYE

pitch, told_by_gaze = EYE["pitch"], {}
for lower in (0, 10):                                                   # degrees
    prior = EYE | {"pitch": replace(pitch, low=pitch.low - lower, high=pitch.high - lower)}
    both = [simulate(800, seed=5), simulate(800, seed=6, prior=prior)]
    pixels = torch.cat([eyes.images for eyes in both]).flatten(1).numpy() / 255
    judge = make_pipeline(PCA(60, random_state=0), LinearDiscriminantAnalysis())
    told_by_gaze[lower] = cross_val_score(judge, pixels, [0] * 800 + [1] * 800, cv=4).mean()
    print(f"{lower:>2} degrees lower: the judge is right in ≈ {100 * told_by_gaze[lower]:.0f} % of cases")
assert told_by_gaze[0] < 0.58 < 0.63 < told_by_gaze[10]

# %% [markdown]
# A judge that knew each gaze exactly would be right in 72 %: the two ranges of 23 degrees share 13. So most of what can be told is
# told. To take this advantage from the judge, a refiner must *move irises and lids*. Then the labels lie, and only
# the self-regularization stands against it. A gap in looks can be closed honestly, a gap in labels cannot. So compare what can
# be compared without labels, before you train: the gaze of the simulated eyes, and what a first estimator says of the real
# ones. On p00 a refiner was trained with simulated eyes that were drawn to agree with these answers. It was hardly better: 4.43
# degrees in place of 4.53, one seed (`python studies/label_shift.py --real DIR`).
#
# ## Three claims
#
# 1. A damaged file is refused by name, and an unusable record is counted. Asserted in "Open it without trusting it".
# 2. A random split of recordings in bursts flatters the estimator, compared with a split by day. Asserted in "An honest
#    split".
# 3. Refinement brings the spectrum nearer to the release's, without one of its labels. Asserted in "Refine towards it".
#
# | | paper | here | deviation |
# |---|---|---|---|
# | real images | 214,000 of MPIIGaze, 15 people | a written release of stand-in eyes, or p00's sample | not real eyes by default |
# | right eyes | not stated | mirrored, with their yaw | the simulator draws left eyes |
# | split | not stated for the refiner's images | by day, of several people by person; the refiner never sees what is kept apart | none known |
# | crops | 35 × 55 | 36 × 60, scaled to 35 × 55 | the release's own size |
#
# ## Going further
#
# - **30 minutes.** Use your own folder of photographs: `python data_scripts/folder.py convert PICTURES OUT`, then
#   `python -m simgan_lib train SYNTHETIC OUT refiner.safetensors`.
# - **3 hours.** `python -m simgan_lib reproduce --real RELEASE --seeds 3`: does the interval of the difference,
#   seed by seed, leave 0 out?
# - **Open.** A split by day still has the same person on both sides. With the whole release `reproduce` splits by person.
#   What becomes of the oracle, the estimator trained on labelled real eyes?
#
# ## References
#
# - Zhang, Sugano, Fritz, Bulling, *Appearance-based gaze estimation in the wild*, CVPR 2015,
#   [10.1109/CVPR.2015.7299081](https://doi.org/10.1109/CVPR.2015.7299081).
# - Shrivastava et al., *Learning from Simulated and Unsupervised Images through Adversarial Training*, CVPR 2017,
#   [10.1109/CVPR.2017.241](https://doi.org/10.1109/CVPR.2017.241), section 3.1.
# - Kaufman, Rosset, Perlich, Stitelman, *Leakage in data mining*, TKDD 6(4), 2012,
#   [10.1145/2382577.2382579](https://doi.org/10.1145/2382577.2382579).
