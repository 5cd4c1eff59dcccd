# %% [markdown]
# # Does refinement help a gaze estimator, and more than four times the data?
#
# Previous: [Pupil centres](08_pupil_centres.ipynb) · Next: [Visual Turing test](10_visual_turing_test.ipynb)

# %% [markdown]
# | | |
# |---|---|
# | **You will be able to** | *train* a gaze estimator on synthetic and on refined eyes, *draw* the paper's cumulative curve with intervals that are honest about days, *judge* a claim of "more data helps" |
# | **You need** | the gaze vector and the angular error ([01](01_domain_gap.ipynb)), a trained refiner ([05](05_training.ipynb)) |
# | **Time** | 45 minutes to read and work; 1 CPU minute in `quick` (2 to 5 on old cores); never run in `full` |
# | **Data** | simulated eyes and the stand-in domain: no download; recorded runs on MPIIGaze (a sample of its person p00); your own copy of it, if you have one |

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
from simgan_lib.teaching.notebook import progress, setup, show, wide

profile, device = setup()

# %% [markdown]
# ## The question
#
# Refined eyes look better. But their purpose is to *train* something. The paper trains one network four times: on
# synthetic and on refined eyes, each with a number of images and with four times as many. It counts the test images
# on which the network errs by at most 7 degrees (Table 2):
#
# | | 1x | 4x |
# |---|---|---|
# | synthetic | 62.3 % (reported) | 64.9 % |
# | refined | 69.4 % (reported) | **87.2 %** |
#
# **Does refinement help the model, and more than simply more simulated data?**
#
# We do the same in small: 500 and 2,000 eyes, networks trained for half a minute at most. The stand-in domain,
# simulated eyes seen by a bad camera, takes the place of real eyes. The refiner is the kit's full-scale one; none of
# the eyes on this page was in its training. It is slow, so in `quick` only the 500 are refined here. The recorded
# runs at the end have all sets.

# %%
from dataclasses import replace

from simgan_lib.matching import histogram_matched
from simgan_lib.simulators.camera import stand_in
from simgan_lib.simulators.eyes import simulate
from simgan_lib.training import refine

NUMBER, UPDATES, REFINED = (500, 420, 500) if profile == "quick" else (8000, 4000, 32_000)
unlabelled, test = replace(stand_in(1000, seed=5), labels={}), stand_in(1500, seed=7)
synthetic = simulate(4 * NUMBER, seed=6)
matched = replace(synthetic, images=histogram_matched(synthetic, unlabelled))

# %% [markdown]
# As everywhere in the kit, the refiner gets eyes whose gray levels were matched first. Refined eyes must beat these
# *matched* eyes, which no network has touched.

# %%
from simgan_lib.pretrained import load_shipped

refiner, card = load_shipped("gray")               # source: any refiner, such as pretrained.load_refiner("mine.safetensors")
refined = refine(refiner.to(device), matched[:REFINED])
print("refined by:", card["command"])
show(*figures.montage_figure({"synthetic": synthetic.images[:8], "refined": refined.images[:8],
                              "stand-in": test.images[:8 * 180:180]}, columns=8,
                             says="The synthetic eyes are smooth and gray; the others have light, dark and grain."))
assert torch.equal(refined.labels["gaze"], synthetic.labels["gaze"][:REFINED]) and not set(unlabelled.labels)

# %% [markdown]
# What to see: the same eyes twice, first as drawn, then as refined; below, eyes of the test. Each refined eye keeps
# the label of the eye above it. (The second matching of the main job's `full` is left out here.)
#
# ## The network
#
# | symbol | what | shape, unit | place |
# |---|---|---|---|
# | $x$ | eye image, gray | $(1, 35, 55)$ in $[-1, 1]$ | section 3.1 |
# | $f(x)$ | the network's answer | 3 numbers, of any length | section 3.1 |
# | $g$ | true gaze, a unit vector | 3 numbers | section 3.1 |
# | $\lVert f(x) - g \rVert_2^2$ | its loss for an image | no unit | section 3.1 |
# | $\angle(f(x), g)$ | its error | degrees | Table 3 |
#
# The published network has five convolutions, two poolings and three dense layers. How large is it? On torch's `meta`
# device tensors have a shape and no content, so we can build it without the gigabyte that it would take.

# %%
from simgan_lib.networks import GazeEstimator, count_parameters

with torch.device("meta"):
    published, x = GazeEstimator("paper"), torch.empty(1, 1, 35, 55)
for layer in (*published.features, torch.nn.Flatten(), *published.head):
    x = layer(x)                                                      # (1, maps, height, width), then (1, features)
    if count := count_parameters(layer):
        print(f"{type(layer).__name__:7} -> {str(tuple(x.shape[1:])):14} {count:>11,} parameters")
total, dense = count_parameters(published), count_parameters(published.head)
print(f"{total:,} in all, {100 * dense / total:.1f} % of them in the dense layers; "
      f"the kit's small one has {count_parameters(GazeEstimator('small')):,}")
assert 24_192 * 9600 < dense < total < 243e6 and x.shape == (1, 3)

# %% [markdown]
# It has 242 million parameters, nearly all in one matrix from 24,192 features (9 x 14 x 192) to 9,600. With their
# gradients and Adam's two running means they fill 4 GB: a matter for a GPU, with the profile `paper`. **We have never
# trained it.** All that follows, live and recorded, uses the small network, which keeps the idea at a 450th of the
# size.
#
# The network *learns* by squared distance and is *measured* by the angle. Do the two agree? For two unit vectors at
# an angle $\alpha$ the squared distance is $2 - 2\cos\alpha \approx \alpha^2$ in radians:

# %%
from simgan_lib.gaze import angular_error_deg, gaze_vector


def gaze_loss(vector, gaze):
    """vector: (N, 3), the network's answer.  gaze: (N, 2) pitch and yaw, radians.  Returns (N,)."""
    return (vector - gaze_vector(gaze)).square().sum(1)


ahead, aside = torch.zeros(1, 2), torch.deg2rad(torch.tensor([[0.0, 7.0]]))
print(f"7 degrees beside the truth: loss {gaze_loss(gaze_vector(aside), ahead).item():.4f}, "
      f"7 degrees in radians, squared: {torch.deg2rad(torch.tensor(7.0)).item() ** 2:.4f}")
assert abs(gaze_loss(gaze_vector(aside), ahead).item() - 0.0149) < 1e-4
assert abs(angular_error_deg(aside, ahead).item() - 7) < 1e-4

# %% [markdown]
# They agree for small angles. The rest of the loss pulls the answer to length 1. The angle does not depend on this
# length.
#
# ## The curve
#
# A mean hides whether all images are a little wrong or a few very wrong. The paper's Figure 7 shows all of it: for each
# $d$, the share of test images with an error of at most $d$ degrees.
#
# ### Exercise 9.1 · The cumulative curve (5 minutes)
#
# Compute this share in percent for each of some degrees. Errors and degrees come in any order.
#
# <details><summary>Hint</summary>
#
# `errors <= degrees[:, None]` has one row for each of the degrees. What is its mean along a row?
#
# </details>

# %%
def my_cumulative_curve(errors, degrees):
    """errors: (N,) degrees.  degrees: (K,).  Returns (K,): percent of the errors that are at most so large."""
    return ...  # your code


# %%
cumulative_curve = checks.yours_or_ours(my_cumulative_curve, checks.cumulative_curve)
of_four = cumulative_curve(torch.tensor([1.0, 3.0, 5.0, 9.0]), torch.tensor([0.0, 3.0, 7.0, 10.0]))
assert [round(float(share), 1) for share in of_four] == [0, 50, 75, 100]

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_cumulative_curve(errors, degrees):
#     """errors: (N,) degrees.  degrees: (K,).  Returns (K,): percent of the errors that are at most so large."""
#     return 100 * (errors <= degrees[:, None]).float().mean(1)
# ```
#
# </details>
#
# ## Three training sets
#
# One network, one seed, one number of *updates*: only the images differ. (In `full` there are five sets, with 4x
# matched and 4x refined eyes. Batches of 16 instead of 64 make `quick` quick.)
#
# **Predict.** Rank the sets: 500 synthetic, 2,000 synthetic, 500 refined eyes. Which step is larger: from 500
# synthetic to 500 refined, or from 500 to 2,000 synthetic?

# %% [markdown]
# ✎ *Your prediction (double-click to write):*

# %%
from simgan_lib.evaluation.gaze import GazeTrainingConfig, gaze_report, gaze_training, predict_gaze

CHEAP = {"batch": 16, "learning_rate": 4e-3} if profile == "quick" else {}


def trained(images, name, updates=UPDATES, seed=0):
    """A gaze estimator that has seen `updates` batches of the images."""
    for state in progress(gaze_training(images, GazeTrainingConfig(updates, **CHEAP), seed, device), name, updates):
        pass
    return state["estimator"].eval()


def training_sets(matched, refined):
    sets = {"synthetic": synthetic[:NUMBER], "synthetic_4x": synthetic, "refined": refined[:NUMBER]}
    return sets if len(refined) == NUMBER else sets | {"synthetic_matched_4x": matched, "refined_4x": refined}


def errors_of(estimator):
    return angular_error_deg(predict_gaze(estimator, test), test.labels["gaze"])    # (1500,)


sets = training_sets(matched, refined)
estimators = {name: trained(sets[name], name) for name in ("synthetic", "synthetic_4x")}

# %%
estimators |= {name: trained(images, name) for name, images in sets.items() if name not in estimators}
errors = {name: errors_of(estimator) for name, estimator in estimators.items()}
show(*figures.gaze_curve_intervals(errors, test.groups["day"], limit=12))
mean = {name: wrong.mean().item() for name, wrong in errors.items()}
for name, wrong in errors.items():
    within = float(cumulative_curve(wrong, torch.tensor([7.0]))[0])
    print(f"{name:21} mean error ≈ {mean[name]:.2f} degrees, within 7 degrees ≈ {within:.0f} %")
print(f"gain by refinement: ≈ {mean['synthetic'] - mean['refined']:.2f} degrees; by four times the synthetic eyes: "
      f"≈ {mean['synthetic'] - mean['synthetic_4x']:.2f}")
assert mean["refined"] < mean["synthetic"] - 0.1 and mean["refined"] < mean["synthetic_4x"] - 0.1

# %% [markdown]
# <details><summary>What happens</summary>
#
# This is the middle step of the paper's order, in small: 500 refined eyes beat 2,000 synthetic ones. *Four times as
# many wrong images are still wrong in the same way.* The records below have more eyes and longer trainings.
#
# Matched eyes bring a part of the gain, too. A refiner must be judged against matching. The shades are 95 % intervals; how
# they were made is the next question.
#
# </details>
#
# ## How sure are we?
#
# The test set has 1,500 eyes; with others the mean would be another. The **bootstrap** draws a new test set from the
# old one, with replacement, a thousand times. But the eyes were recorded on 30 days, and eyes of one day share their
# light: they err together. So whole *days* must be drawn.
#
# ### Exercise 9.2 · One draw by days (10 minutes)
#
# `group` says to which day each value belongs. `drawn` holds the drawn days, some twice, some not at all. Return the
# mean of all values of the drawn days. Values come in any order, and a day's number is only a name.
#
# <details><summary>Hint</summary>
#
# Collect `values[group == day]` for each drawn day, as often as it was drawn. Then take one mean over all.
#
# </details>


# %%
def my_resampled_mean(values, group, drawn):
    """values: (N,).  group: (N,), the number of each value's day.  drawn: (G,) numbers of days.  Returns one number."""
    return ...  # your code


# %%
resampled_mean = checks.yours_or_ours(my_resampled_mean, checks.resampled_mean)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_resampled_mean(values, group, drawn):
#     """values: (N,).  group: (N,), the number of each value's day.  drawn: (G,) numbers of days.  Returns one number."""
#     return torch.cat([values[group == day] for day in drawn]).mean()
# ```
#
# </details>
#
# **Predict.** Neighbouring frames of a video are nearly the same image. Suppose that a test set holds each eye four times.
# By which factor does the interval change, drawn by images, and drawn by eye?

# %% [markdown]
# ✎ *Your prediction (double-click to write):*

# %%
from simgan_lib.teaching.notebook import seeded


def interval(values, group, draws=1000):
    """Ends of the 95 % interval of the mean, (2,)."""
    count = int(group.max()) + 1
    with seeded(0) as generator:
        means = [float(resampled_mean(values, group, torch.randint(count, (count,), generator=generator)))
                 for _ in range(draws)]
    return torch.tensor(means).quantile(torch.tensor([0.025, 0.975]))


few = errors["refined"][::30]                                         # 50 test eyes
each = torch.arange(len(few))
width = {name: (ends[1] - ends[0]).item() for name, ends in {
    "once": interval(few, each), "four times": interval(few.repeat(4), torch.arange(4 * len(few))),
    "four times, by eye": interval(few.repeat(4), each.repeat(4))}.items()}
print("width of the interval: " + ", ".join(f"{name} ≈ {value:.1f} degrees" for name, value in width.items()))
assert width["four times"] < 0.7 * width["once"] and 0.8 < width["four times, by eye"] / width["once"] < 1.25

# %% [markdown]
# <details><summary>What happens</summary>
#
# Copies make the naive interval half as wide, out of nothing. From here on intervals are by days.
#
# </details>
#
# ## Play: from the best eye to the worst
#
# Where does the estimator of the refined eyes fail? White: where the eye looks. Yellow, dashed: what the estimator says.

# %%
from simgan_lib.teaching.widgets import scrubber, show_widget

answers, order = predict_gaze(estimators["refined"], test), errors["refined"].argsort()
places = {f"{p} %": order[round(p / 100 * (len(order) - 1))].item() for p in range(0, 101, 10)}


def eye(names):
    """The eyes at these places of the order of errors."""
    picked = torch.tensor([places[name] for name in names])
    titles = [{"0 %": "the best", "100 %": "the worst"}.get(name, f"worse than {name}") for name in names]
    return figures.gaze_arrows_figure(test.images[picked], test.labels["gaze"][picked], answers[picked], titles,
                                      width=max(2.4, 1.44 * len(names)))


show(*eye(["0 %", "30 %", "60 %", "90 %", "100 %"]))
show_widget(scrubber([eye([name]) for name in places], [f"worse than {name}" for name in places], "eyes"),
            "A slider through 11 test eyes, by their error. Run the notebook to use it; a strip above shows five.")
worst = errors["refined"][order[-75:]].mean().item()
print(f"the worst 5 % are wrong by ≈ {worst:.0f} degrees on average")
assert worst > 2 * mean["refined"]

# %% [markdown]
# ## Other methods
#
# Before networks, gaze was read from a coarse raster, 9 x 15 means of an eye. The nearest training eyes, a forest or
# a support vector machine then gave the answer. The paper's Table 3 has such rows. Here are two of them on the same
# eyes.
#
# **Predict.** Refinement changes the data, not the method. Does it help each method?

# %% [markdown]
# ✎ *Your prediction (double-click to write):*

# %%
from simgan_lib.evaluation.methods import METHODS, train_method

for method in ("mean", "knn", "svr"):
    answered = {name: train_method(method, sets[name])(test) for name in ("synthetic", "refined")}
    wrong = {name: angular_error_deg(answer, test.labels["gaze"]).mean().item() for name, answer in answered.items()}
    mean |= {(method, name): value for name, value in wrong.items()}
    print(f"{METHODS[method].name:20}" + ", ".join(f"{name} ≈ {value:.1f} degrees" for name, value in wrong.items()))
assert max(mean["knn", "synthetic"], mean["knn", "refined"]) < mean["mean", "refined"] - 1
assert mean["refined"] < mean["svr", "refined"] < mean["svr", "synthetic"] - 0.3

# %% [markdown]
# <details><summary>What happens</summary>
#
# It helps support vectors here, but not nearest neighbours. Perhaps the raster most alike has the same light, not the same
# gaze. (A guess; "3 hours" below tests it.) The tables that follow have all methods, with more eyes. There even the stand-in's own
# labelled eyes serve nearest neighbours worse than synthetic ones, so on this raster they cannot show the paper's
# effect. On p00 support vectors prefer matched eyes to refined ones.
#
# </details>
#
# ## At scale
#
# `python -m simgan_lib gaze-table --seeds 3` does all of this with 8,000 and 32,000 eyes, 2,000 updates and the
# `quick` profile's refiner. With `--profile full` it takes 50,000 and 200,000 eyes and 15,000 updates; with
# `--real DIR`, MPIIGaze. An interrupted run goes on. All that
# follows is made from the kit's records. MPIIGaze here is a sample of its person p00, 2,018 crops that went through JPEG;
# every third day is kept for the test.

# %%
from IPython.display import Markdown, display

from simgan_lib.experiments import gaze_methods as gaze_study
from simgan_lib.experiments.results_page import jobs_of, read_all

jobs = {f"{job.domain}, {job.profile}": job for job in jobs_of(read_all(), "gaze")}
for name, job in jobs.items():
    count, about = len(job.seeds), job.first
    print(f"{name}: {'one seed, so no spread over seeds' if count == 1 else f'{count} seeds'}; "
          f"test: {about['images']['test']:,} images of {about['test_days']} days; commit {about['commit']}")
    show(*figures.within_shares(gaze_study.shares(job), job.domain))
    display(Markdown(gaze_study.size_table(job)))

# %% [markdown]
# Beside each number of ours stands the paper's, measured on MPIIGaze. Compare the *order* and the *gaps*, not the
# numbers. ± is the spread of the seeds, [ ] the 95 % interval of their mean, by days.
#
# The paper's Figure 7 of the same runs, and its order of Table 2, step by step (*oracle*: trained on labelled eyes of
# the test's own domain, from other days):

# %%
kinds = ("synthetic_4x", "synthetic_matched_4x", "refined_4x", "oracle")
show(*figures.recorded_curves({name: (job.domain, {kind: job.get(kind, "gaze_error_deg")["curve"] for kind in kinds})
                               for name, job in jobs.items()}))
for name, job in jobs.items():
    display(Markdown(f"**{name}**\n\n{gaze_study.order_table(job)}"))
    (*_, more_synthetic, both_1), (*_, refining, both_2), (*_, more_refined, both_3) = gaze_study.order_steps(job)
    assert more_synthetic <= 0 < more_refined < 3 and refining > 5 and both_1 and both_3
    assert both_2 == (job.domain == "MPIIGaze")                                        # on the stand-in they are apart
    assert gaze_study.shares(job)["refined_4x"][1][0] > gaze_study.shares(job)["synthetic_4x"][1][1]

# %% [markdown]
# **The paper's order is not reached.** On the stand-in, in both profiles, only its middle step is shown: 1x refined
# eyes beat 4x synthetic ones, with intervals apart. The first step fails: 4x synthetic eyes do a little worse than
# 1x, within the intervals. The last step, 18 points in the paper, has the right sign: 1.3 points in `quick`, 0.3 in
# `full`. But the intervals overlap, so these records do not show it. `full` has one seed: whether another would give
# its order is unknown.
#
# On p00, over three seeds, no single step is shown. The first is zero, the others have the right sign, and all
# intervals overlap. (With eight test days such intervals are too narrow.) One comparison holds in all three runs, with
# intervals apart, on p00 only just: at 4x refined eyes beat as many synthetic ones. The oracle, on eyes of p00's other days, is far
# ahead of both: 99 % within 7 degrees.
#
# **In `full` on p00, three seeds do not tell whether refinement gains.** Refined minus synthetic is +0.10 degrees, with a
# 95 % interval over seeds from −1.68 to +1.88 (`docs/results.md`).
#
# **Predict.** How much of the gain from synthetic to refined eyes comes from histogram matching alone: on the stand-in, on p00?

# %% [markdown]
# ✎ *Your prediction (double-click to write):*

# %%
from simgan_lib.experiments.attribution import headline, steps
from simgan_lib.experiments.results_page import read_all

with wide():
    for name, job in jobs.items():
        for times in (1, 4):
            error, within = (gaze_study.matching_share(job, measure, times) for measure in ("gaze_error_deg", "within_7_deg"))
            print(f"{name}, {times}x: matching alone has {error:.0f} % of the fall of the mean error, {within:.0f} % of the gain within 7°")
            assert 50 < min(error, within) <= max(error, within) < 65 if job.domain == "stand-in" else max(error, within) < 0

# %%
for job in (job for job in read_all().jobs(experiment="reproduce") if job.domain != "stand-in" or job.profile == "full"):
    print(f"{job.domain}, {job.profile}. {headline(job)}")
    show(*figures.waterfall(steps(job), job.domain))

# %% [markdown]
# <details><summary>What happens</summary>
#
# On the stand-in **more than half comes from matching**; the refiner (in `full` with a second matching) adds the smaller part. (The stand-in's camera
# equalises histograms, as MPIIGaze does. Matching histograms can undo that part.) On p00 the share is negative:
# on average matching alone makes the estimator worse, and the refiner, which was given matched eyes, more than makes up
# for it. Three seeds decide neither.
#
# </details>

# %%
for name, job in jobs.items():
    networks = {kind: job.mean(kind, "gaze_error_deg") for kind in ("synthetic", "refined")}
    print(f"{name}: mean error in degrees of the network on synthetic eyes {networks['synthetic']:.2f}, "
          f"on refined ones {networks['refined']:.2f}; other methods:")
    display(Markdown(gaze_study.method_table(job)))
    assert networks["refined"] < networks["synthetic"]
    assert job.said("network") == "small"

# %% [markdown]
# The same as a picture, as the article's Figure 12. How far is each from the domain's own labels?

# %%
for job in jobs.values():
    compared = gaze_study.methods_compared(job)
    show(*figures.methods_figure(compared, job.domain))
    assert compared["CNN"]["refined"] == min(found["refined"] for found in compared.values())

# %% [markdown]
# In the tables, *images*: how many of each simulated set a method was given; after the slash, of the oracle's labelled set, if
# fewer. The rows are not equals. Support vectors had at most 5,000 eyes, adaptive linear regression 2,000: their time
# grows with the square of that number, or worse. The forest and the network had all. Whether more would help the
# first two was not measured.
#
# ## Real eyes
#
# If you have MPIIGaze, set `SIMGAN_SAMPLES` to the folder that holds it, or write its path below. Then the next cells
# do the live part of this page on real crops, with one seed: the training sets, the network, its curve, the other
# methods. Days are kept apart: the refiner sees some, without labels; the test is on others. The refiner must be
# trained first, since the kit's was made for the stand-in. In `quick` that takes less than a minute, and on p00 so
# short a training may gain nothing. The refiners of the recorded runs were trained for longer:

# %%
from simgan_lib.training import PRESETS, Training

small = replace(PRESETS["quick"], width=16, batch=8, refiner_warmup=40, discriminator_warmup=40, steps=100, buffer=256,
                refiner_lr=1e-3, discriminator_lr=1e-3, regularization=0.05, ema_decay=0.9)


def small_refiner(matched, unlabelled, seed=0):
    run = Training(small if profile == "quick" else PRESETS[profile], matched, unlabelled, seed, device)
    for _ in progress(run.run(), "training the refiner", run.config.total):
        pass
    return run.result


# %%
# NBVAL_IGNORE_OUTPUT
import os
from pathlib import Path

from simgan_lib.experiments.domains import real_domain

folder = Path(os.environ.get("SIMGAN_SAMPLES", "no-samples")) / "MPIIGaze"     # or the path of your copy
if folder.is_dir():
    real = real_domain(folder)
    like_real = replace(synthetic, images=histogram_matched(synthetic, real.unlabelled))
    refined_real = refine(small_refiner(like_real, real.unlabelled), like_real[:REFINED])
    truth, days, real_errors = real.test.labels["gaze"], real.test.groups["day"], {}
    for name, images in training_sets(like_real, refined_real).items():
        answers = {"network": predict_gaze(trained(images, name), real.test)}
        answers |= {kind.name: train_method(method, images)(real.test) for method, kind in METHODS.items()}
        real_errors[name] = angular_error_deg(answers["network"], truth)
        for method, answer in answers.items():
            found, within = gaze_report(answer, truth, groups=days).values()
            print(f"{name:21} {method:26} {found['mean']:4.1f} degrees [{found['low']:.1f}, {found['high']:.1f}], "
                  f"{within['mean']:3.0f} % [{within['low']:.0f}, {within['high']:.0f}] within 7")
    show(*figures.gaze_curve_intervals(real_errors, days, "MPIIGaze", limit=12))
else:
    print("no real crops here: the recorded runs on MPIIGaze above are all there is")

# %% [markdown]
# ## What goes wrong: counting epochs
#
# "We trained for 30 epochs, and with four times the data the error fell." But an epoch of four times the data has
# four times the updates. Here the smaller set is trained for as many *epochs* as the larger one was:

# %%
short = errors_of(trained(synthetic[:NUMBER], "as many epochs", UPDATES // 4)).mean().item()
claimed, fair = short - mean["synthetic_4x"], mean["synthetic"] - mean["synthetic_4x"]
print(f"{NUMBER} eyes: ≈ {short:.1f} degrees after {UPDATES // 4} updates, ≈ {mean['synthetic']:.1f} after {UPDATES}")
print(f"{4 * NUMBER} eyes after {UPDATES}: ≈ {mean['synthetic_4x']:.1f}")
print(f"gain of four times the data, by epochs: ≈ {claimed:.1f} degrees; by updates: ≈ {fair:.1f}")
assert claimed > 1 + fair and abs(fair) < 0.8

# %% [markdown]
# The signature: **the smaller set, simply trained for longer, gains most of what was credited to the data.** To
# compare training sets, hold the number of updates fixed (`GazeTrainingConfig` counts updates, not epochs), or train
# each to its own end.
#
# ## Three claims
#
# 1. With equal updates refined eyes train a better estimator than as many synthetic ones, at all sizes (on p00 at 1x
#    the intervals overlap). For `full` on p00 three seeds do not tell. In the recorded runs on the stand-in more than
#    half of that gain comes from histogram matching. On p00, in `quick`, matching alone seems to do harm. Asserted, but
#    for `full` on p00, below the figure of "Three training sets" and in "At scale".
# 2. Copies of test images make an interval narrower out of nothing; drawing groups puts that right. Asserted below
#    Exercise 9.2.
# 3. Counted by epochs, four times the data seem to help far more than they do. Asserted in "What goes wrong".
#
# | | paper | here | deviation |
# |---|---|---|---|
# | training images | 1.2 million UnityEyes in all; the size of 1x is unknown to us | 500 and 2,000 live (refined: 500); 8,000 and 32,000, 50,000 and 200,000 recorded | the 4x set holds the 1x set; live, the kit's full-scale refiner |
# | test images | MPIIGaze | stand-in; in recorded runs the kept-apart days of p00 | the stand-in is not real, and the settings were chosen on it; p00 is a sample of one person |
# | network | 242 million parameters | small one, a 450th of it; the published one was built, never trained here | too large for a CPU |
# | length of training | not published | the same number of updates for all | as the question demands |
# | within 7 degrees | 62.3 (reported), 64.9, 69.4 (reported), 87.2 % | the tables above | the paper's order is not reached: size gains next to nothing here |
# | nearest neighbours, forest, support vectors | on UT Multiview, real eyes of other people (reported); nearest neighbours on UnityEyes, too | plain forms of scikit-learn on a 9 x 15 raster | no such real set here: trained on the network's sets, support vectors on at most 5,000 of their eyes |
# | adaptive linear regression | Lu et al.'s | a lasso without negative weights, scaled to sum 1, on 2,000 eyes | our short form; scikit-learn has none |
#
# ## Going further
#
# - **30 minutes.** Add 500 matched eyes to the comparison. How much of the gain comes from matching? Then take
#   `small_refiner(matched, unlabelled)` as the refiner: does the estimator notice?
# - **3 hours.** Which images do nearest neighbours find for a test eye, in synthetic and in refined ones? Show them beside
#   it, with their gazes. Then double the network's updates until its error falls no more, for 1x and 4x: does data help then?
# - **Open.** The paper gains 18 points from four times the refined data, and 3 from four times the synthetic. Why should
#   refined images profit more? Find a setting in which they do, on held-out days.
#
# ## References
#
# - Shrivastava et al., *Learning from Simulated and Unsupervised Images through Adversarial Training*, CVPR 2017,
#   [10.1109/CVPR.2017.241](https://doi.org/10.1109/CVPR.2017.241), section 3.1, Tables 2 and 3, Figure 7.
# - Zhang et al., *Appearance-based gaze estimation in the wild*, CVPR 2015,
#   [10.1109/CVPR.2015.7299081](https://doi.org/10.1109/CVPR.2015.7299081): MPIIGaze.
# - Lu et al., *Adaptive linear regression for appearance-based gaze estimation*, TPAMI 2014,
#   [10.1109/TPAMI.2014.2313123](https://doi.org/10.1109/TPAMI.2014.2313123).
# - Wood et al., *Learning an appearance-based gaze estimator from one million synthesised images*, ETRA 2016,
#   [10.1145/2857491.2857492](https://doi.org/10.1145/2857491.2857492): UnityEyes, nearest neighbours.
# - Sugano et al., *Learning-by-synthesis for appearance-based 3D gaze estimation*, CVPR 2014,
#   [10.1109/CVPR.2014.235](https://doi.org/10.1109/CVPR.2014.235): UT Multiview, random forests.
