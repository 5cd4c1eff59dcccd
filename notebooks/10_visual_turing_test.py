# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Can you tell a refined eye from a real one, and what would it prove?
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER_UNSET/simgan-kit/blob/main/notebooks/10_visual_turing_test.ipynb)
# [![Read as page](https://img.shields.io/badge/read-as%20page-informational)](https://OWNER_UNSET.github.io/simgan-kit/notebooks/10_visual_turing_test.html)
#
# Previous: [Gaze estimation](09_gaze_estimation.ipynb) · Next: [Real data](11_real_data.ipynb)

# %% [markdown]
# | | |
# |---|---|
# | **You will be able to** | *judge* crops yourself, by keys, *compute* exactly what the answers prove, *plan* a test that can find what it looks for |
# | **You need** | a refiner ([05](05_training.ipynb)); counting |
# | **Time** | 40 minutes to read and work; 1 CPU minute in `quick`; not yet measured in `full` |
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

from simgan_lib import checks, figures, paper
from simgan_lib.notebook import setup, show

profile, device = setup()

# %% [markdown]
# ## The question
#
# The paper asked ten people to say of single crops whether they were real. Against refined crops they were right 517
# times in 1,000; against raw synthetic ones 162 times in 200. What do such numbers prove, and what do they not?
#
# Our refined eyes are made by the full-scale refiner that comes with the kit; none of these eyes was in its training. "Real"
# ones come from the **stand-in** domain, which is not real; the lines marked "source" are those to change if you have real
# crops or a better refiner. Of each kind one part is for subjects to learn from, and another for the trials.

# %%
from dataclasses import replace

from simgan_lib.evaluation.realism import histogram_matched
from simgan_lib.pretrained import load_shipped
from simgan_lib.simulators.camera import stand_in
from simgan_lib.simulators.eyes import simulate
from simgan_lib.training import refine

EYES = 1000 if profile == "quick" else 20_000
unlabelled, real = stand_in(EYES, seed=5), stand_in(EYES, seed=7)    # source: to refine towards, and to show
synthetic = simulate(EYES, seed=6)
entering = replace(synthetic, images=histogram_matched(synthetic, unlabelled))
refiner, card = load_shipped("gray")                                 # source: any refiner, pretrained.load_refiner("mine")
refined = refine(refiner.to(device), entering)
print("refined by:", card["command"])
learn, keep = slice(0, EYES * 3 // 5), slice(EYES * 3 // 5, EYES)

# %% [markdown]
# `draw_trials` takes as many real as synthetic images, from as many different days as there are, each at most once, in
# random order. Below, ten of two hundred.
#
# **Predict.** Which of the ten are refined? Note your ten letters, r or s, before you unfold the truth.

# %%
from simgan_lib.evaluation.turing import Session, binomial, draw_trials

trials = {"refined": draw_trials(real[keep], refined[keep], 200, seed=0),
          "synthetic": draw_trials(real[keep], synthetic[keep], 200, seed=0)}
ten = draw_trials(real[keep], refined[keep], 10, seed=4)
show(*figures.montage_figure({"which?": ten.images}, columns=5))
assert all(len(each) == 200 and each.real.sum() == 100 for each in trials.values()) and ten.real.sum() == 5
truth = "".join("r" if real_ else "s" for real_ in ten.real)

# %% [markdown]
# <details><summary>What happens</summary>
#
# Run `print(truth)`. Were you right 8 times or more of 10? By guessing that has a chance of 5 %. Less than that proves
# nothing, either way: ten trials are too few for anything but a glaring difference.
#
# </details>
#
# ## Judge them yourself
#
# Click into the field once, then type `r` for real and `s` for synthetic; backspace takes an answer back. Buttons do the
# same. Each answer is kept in a file at once, so you can stop and go on tomorrow. You are told nothing before the end:
# somebody who learns from mistakes is another subject with every trial.

# %%
from pathlib import Path

from simgan_lib.widgets import Labeller, show_widget

yours = draw_trials(real[keep], refined[keep], 60, seed=1)
you = Session(yours, Path("../results/turing") / f"{yours.digest()}.json", subject="you")     # these trials, this file
labeller = Labeller(you)
show_widget(labeller.widget, "A crop, buttons for real and synthetic, a field for keys. Run the notebook to judge.")
assert labeller.bar.max == 60 and labeller.bar.value == you.place

# %% [markdown]
# Killed in the middle? The next session finds the answers in the file:

# %%
import tempfile

with tempfile.TemporaryDirectory() as folder:
    first = Session(ten, Path(folder) / "answers.json", subject="a test")
    for letter in "rssr":
        first.answer(letter)
    del first                                                        # as a closed laptop does
    again = Session(ten, Path(folder) / "answers.json", subject="a test")
    print(f"goes on at image {again.place + 1} of {len(ten)}")
    assert again.answers == "rssr" and not again.done

# %% [markdown]
# ## What an answer proves
#
# Suppose that the subject only guesses. Then each answer is right with chance 1/2, and the number of right ones has a
# binomial distribution. The chance of $k$ right answers *or more*:
#
# $$ p = \sum_{i=k}^{n} \binom{n}{i} \, 2^{-n} $$
#
# | symbol | what | unit | place |
# |---|---|---|---|
# | $n$ | trials: half real, half synthetic, independent | – | Table 1: 1,000 and 200 |
# | $k$ | right answers | – | 517 and 162 |
# | $p$ | how easily a guesser does as well | chance | 0.148, and at most $10^{-8}$ |
#
# By hand: 3 of 3 has $p = 1/8$. It is one-sided, since only being right *too often* shows that a difference is seen.
#
# ### Exercise 10.1 · The exact p-value (5 minutes)
#
# <details><summary>Hint</summary>
#
# `math.comb(n, i)` counts the ways. Whole numbers do not overflow in Python: divide at the end.
#
# </details>

# %%
from math import comb


def my_binomial_p(right, n):
    """The chance of at least `right` right answers of n by guessing."""
    return ...  # your code


# %%
from simgan_lib.evaluation import turing

binomial_p = checks.yours_or_ours(my_binomial_p, checks.binomial_p, turing.binomial_p)
assert binomial_p(3, 3) == 1 / 8
published = {"paper: refined, people": binomial(int(paper.TURING_REFINED_RIGHT.value), 1000),
             "paper: synthetic, people": binomial(int(paper.TURING_SYNTHETIC_RIGHT.value), 200)}
for name, found in published.items():
    p = binomial_p(found["right"], found["n"])
    print(f"{name:25} {found['right']} of {found['n']}: p = {p:.3g}, interval {100 * found['low']:.1f} to {100 * found['high']:.1f} %")
    assert abs(p - found["p"]) < 1e-6
assert round(published["paper: refined, people"]["p"], 3) == 0.148 and published["paper: synthetic, people"]["p"] <= 1e-8

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# from math import comb
#
#
# def my_binomial_p(right, n):
#     """The chance of at least `right` right answers of n by guessing."""
#     return sum(comb(n, i) for i in range(right, n + 1)) / 2 ** n
# ```
#
# </details>
#
# The published counts give the published p-values. The interval says more than p: the people of the paper may have been
# right in up to 55 % of all cases.
#
# ## The automatic twin
#
# A notebook that runs at night needs a subject. Ours is a **classifier two-sample test**: a small network learns from
# labelled examples of both kinds, then judges the trials, which it has not seen, through the same session. It is a
# *simulated subject*, no person: people know eyes; it knows just this one difference. So do not read its share as what
# people would reach. A **hurried** network has learned for 120 batches, the patient one for 300.
#
# Two more subjects look at a single number each: the mean **brightness** of a crop, and its **grain** (how much neighbouring
# pixels differ). They say "real" if that number is nearer to the real examples' median.
#
# **Predict.** Order the four by how often they will be right on refined crops. Will any of them be taken for a guesser?

# %%
from simgan_lib.evaluation.turing import pooled, simulated_subject

HURRIED, PATIENT = 120, 300                                          # batches


def judging_by(number, of_real, of_synthetic):
    """A subject that looks at one number of each image  ->  function from images to answers."""
    a, b = (number(images.images).median() for images in (of_real, of_synthetic))
    return lambda images: "".join("r" if abs(x - a) <= abs(x - b) else "s" for x in number(images))


def judged(subject, trials):
    session = Session(trials)
    session.replace(subject(trials.images))
    return session.result()


NUMBERS = {"brightness": lambda x: x.float().mean((1, 2, 3)), "grain": lambda x: x.float().diff(dim=3).abs().mean((1, 2, 3))}

# %%
results = {name: (found, name.split()[1].rstrip(",")) for name, found in published.items()}
for kind, made in {"refined": refined, "synthetic": synthetic}.items():
    for name, steps in (("network", PATIENT), ("hurried", HURRIED)):
        network = simulated_subject(real[learn], made[learn], 0, steps, device)
        results[f"here: {kind}, {name}"] = judged(network, trials[kind]), kind
    for name, number in NUMBERS.items():
        results[f"here: {kind}, {name}"] = judged(judging_by(number, real[learn], made[learn]), trials[kind]), kind
if you.done:
    results["here: refined, you"] = you.result(), "refined"

# %%
show(*figures.turing_figure(results))
for name, (found, _) in results.items():
    print(f"{name:26} ≈ {100 * found['share']:5.1f} % of {found['n']}, p ≈ {found['p']:.2g}")
subjects = ("network", "hurried", "brightness", "grain")
network, hurried, brightness, grain = (results[f"here: refined, {name}"][0]["share"] for name in subjects)
assert max(network, brightness) > min(hurried, grain) + 0.07 and results["here: refined, brightness"][0]["p"] < 1e-3
assert 0.45 < hurried < 0.66 and results["here: synthetic, network"][0]["share"] > 0.9

# %% [markdown]
# <details><summary>What happens</summary>
#
# Raw synthetic crops are told from the stand-in's by everybody; refined ones by nobody in four of five cases. The hurried
# network does little better than a guesser: had we asked it alone, we would have written "refined images cannot be told from
# real ones", with a p-value like that of the paper's people. The same network, given patience, is right in more than six of
# ten cases, and that is no guess. Both miss what a single number shows: the refiner leaves a brightness of its own, for
# it sees 19 pixels at a time, and the stand-in's gray levels are spread over the whole crop. **A p-value belongs to images
# *and* subjects.**
#
# </details>
#
# ## Several subjects
#
# The paper pooled ten people. Pooling takes all answers for independent, which they are not if one subject is sharp and
# another asleep. So ask, too, whether the subjects differ: `differ_p` is small where they do.

# %%
shares = trials["refined"].images.split(40), trials["refined"].real.split(40)
several = []
for seed, (images, truth_) in enumerate(zip(*shares)):
    subject = simulated_subject(real[learn], refined[learn], seed, HURRIED, device)
    several.append(judged(subject, turing.Trials(images, truth_)))
print("right of 40 each:", ", ".join(f"≈ {each['right']}" for each in several))
together = pooled(several)
print(f"together ≈ {100 * together['share']:.0f} % of {together['n']} by {together['subjects']} subjects, who differ with "
      f"p ≈ {together['differ_p']:.2f}")
mixed = pooled([results["here: refined, brightness"][0], binomial(100, 200)])     # one who sees it, and one who sleeps
print(f"one who looks at brightness, and a sleeper: ≈ {100 * mixed['share']:.0f} %, differ_p ≈ {mixed['differ_p']:.0e}")
assert together["n"] == 200 and mixed["differ_p"] < 0.05

# %% [markdown]
# What to see: hurried as they are, five subjects together are right more often than 200 guesses would be: pooling finds what
# none of them could prove in 40 trials each.

# %% [markdown]
# ## What failing to reject means
#
# A large p says "a guesser could have done this", and *not* "the subject guessed". Whoever wants to show that images cannot
# be told apart must first show that the test **would have noticed**. Its chance to notice a subject who is right with
# chance $q$ is its **power**: the chance of $k^*$ right answers or more, $k^*$ being the fewest that give $p \le 0.05$.
#
# ### Exercise 10.2 · Power (10 minutes)
#
# `least_significant(n)` gives $k^*$; `binom.sf(k, n, q)` the chance of *more than* $k$ right answers, `binom.pmf(k, n, q)`
# that of just $k$.
#
# **Predict**, too: how many trials does it take to notice, with a chance of 80 %, somebody who is right in 60 % of all
# cases: 20, 60, or 170?
#
# <details><summary>Hint</summary>
#
# $k^*$ itself counts. Guessing comes in only through $k^*$.
#
# </details>

# %%
from scipy.stats import binom

from simgan_lib.evaluation.turing import least_significant


def my_power(n, share):
    """n trials, a subject who is right with chance `share`.  Returns the chance that p <= 0.05."""
    return ...  # your code


# %%
power = checks.yours_or_ours(my_power, checks.power, turing.power)
needed = {share: turing.trials_needed(share) for share in (0.7, 0.6, 0.55)}
curves = {share: (range(10, 1001, 5), [float(power(n, share)) for n in range(10, 1001, 5)]) for share in needed}
show(*figures.power_figure(curves, 0.8, needed))
for share, n in needed.items():
    print(f"{100 * share:.0f} % right: {n} trials for a power of 80 %; with 20 trials it is {power(20, share):.2f}")
assert needed == {0.7: 42, 0.6: 169, 0.55: 654}
print(f"the paper's 1,000 trials: power {power(1000, 0.55):.2f} for 55 %, {power(1000, 0.52):.2f} for 52 %")
assert power(1000, 0.55) > 0.9 > 0.5 > power(1000, 0.52)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# from scipy.stats import binom
#
# from simgan_lib.evaluation.turing import least_significant
#
#
# def my_power(n, share):
#     """n trials, a subject who is right with chance `share`.  Returns the chance that p <= 0.05."""
#     return binom.sf(least_significant(n) - 1, n, share)
# ```
#
# 169 trials for 60 %. The curves have teeth, since $k^*$ is a whole number: one more trial can be worse.
#
# </details>
#
# So the paper's 1,000 trials would have noticed people who are right in 55 % of all cases, and hardly those with 52 %. That is
# a strong result; with 20 trials the same p-value would say next to nothing.
#
# ## Play: how many trials do you have time for?
#
# The figure above is the static twin of this slider.

# %%
from simgan_lib.widgets import scrubber

sizes = (20, 60, 100, 170, 300, 1000)
frames = []
for n in sizes:
    least = int(least_significant(n))
    rows = {f"{least} of {n}, just significant": (binomial(least, n), "refined"),
            f"{n // 2} of {n}, half right": (binomial(n // 2, n), "synthetic")}
    frames.append(figures.to_png(figures.turing_figure(rows)[0], dpi=80))
show_widget(scrubber(frames, [f"{n} trials" for n in sizes], "trials"),
            "A slider over the number of trials: the interval narrows. Run the notebook to use it.")
widths = [binomial(n // 2, n)["high"] - binomial(n // 2, n)["low"] for n in sizes]
print("width of the interval around 50 %:", ", ".join(f"{100 * width:.0f} % for {n}" for n, width in zip(sizes, widths)))
assert widths == sorted(widths, reverse=True) and len({bytes(frame) for frame in frames}) == len(sizes)

# %% [markdown]
# ## What goes wrong: four ways to find something that is not there
#
# A test at 5 % may cry wolf in 5 % of all cases. Here are 4,000 subjects of 200 trials each, all of whom **guess**:
#
# - **peeking**: p is computed after every tenth trial, and one stops as soon as it is at most 0.05;
# - **near duplicates**: only 20 different eyes, in ten neighbouring frames each; a subject answers alike to all ten;
# - **unbalanced trials**: 140 of 200 are real, and the subject says "real" four times in five, out of habit.

# %%
from simgan_lib.notebook import seeded

with seeded(0) as generator:
    coin = torch.rand(4000, 200, generator=generator) < 0.5                        # right or wrong, by guessing
    habit = torch.rand(4000, 200, generator=generator) < 0.8                       # says "real"
looks = torch.arange(10, 201, 10)                                                  # (20,)
bars = torch.as_tensor(least_significant(looks.numpy()))                           # fewest right answers for p <= 0.05
sofar = coin.cumsum(1)[:, looks - 1]                                               # (4000, 20)
is_real = torch.arange(200) < 140
alarms = {"once, at the end": sofar[:, -1] >= bars[-1], "peeking": (sofar >= bars).any(1),
          "near duplicates": 10 * coin[:, :20].sum(1) >= bars[-1],
          "unbalanced": (habit == is_real).sum(1) >= bars[-1]}
alarms = {name: found.float().mean().item() for name, found in alarms.items()}
show(*figures.alarms_figure(alarms))
for name, share in alarms.items():
    print(f"{name:17} ≈ {100 * share:.0f} %")
assert alarms["once, at the end"] <= 0.06 and min(alarms["peeking"], alarms["near duplicates"]) > 0.12
assert alarms["unbalanced"] > 0.8

# %% [markdown]
# The signatures: **p falls below 0.05 and rises again** when one goes on; **answers come in runs of equal ones**; **one of the two
# words is said far more often**. The cures: fix $n$ beforehand; one frame a scene, from many days; half of each kind, as
# `draw_trials` does.
#
# The fourth way makes a good subject of a bad one: **feedback**. This subject knows four numbers of each crop and no
# examples. It answers with the kind whose mean so far is nearer, and is then told the truth:

# %%
def with_feedback(trials, order):
    """Which answers were right, in time: (n,) bool.  The first of each kind are guesses."""
    x = trials.images[order].float()
    numbers = torch.stack([x.mean((1, 2, 3)), x.std((1, 2, 3)), x.diff(dim=3).abs().mean((1, 2, 3)),
                           x.diff(dim=2).abs().mean((1, 2, 3))], 1)                # (n, 4)
    numbers, truth = (numbers - numbers.mean(0)) / numbers.std(0), trials.real[order]
    right = torch.rand(len(x)) < 0.5
    for i in range(len(x)):
        if truth[:i].any() and not truth[:i].all():
            to_real, to_other = ((numbers[i] - numbers[:i][told].mean(0)).norm() for told in (truth[:i], ~truth[:i]))
            right[i] = (to_real < to_other) == truth[i]
    return right


with seeded(1) as generator:
    courses = torch.stack([with_feedback(trials["refined"], torch.randperm(200, generator=generator)) for _ in range(10)]).float()
early, late = courses[:, :5].mean().item(), courses[:, -50:].mean().item()
print(f"first five answers: ≈ {100 * early:.0f} % right; last fifty: ≈ {100 * late:.0f} %")
assert late > early + 0.1

# %% [markdown]
# Its overall share describes nobody: neither the beginner nor the expert. The signature: **more right answers in the second
# half than in the first.** The labelling widget is silent to the end for this reason.
#
# ## Three claims
#
# 1. The paper's counts give the paper's p-values, by exact arithmetic. Asserted below exercise 10.1.
# 2. On the same refined crops one subject does little better than guess and another is right clearly more often: failing to
#    reject says something of the subject, too. Asserted below the figure of results.
# 3. Guessers are "found out" far too often by peeking, by near duplicates and by unbalanced trials. Asserted in "What goes
#    wrong".
#
# | | paper | here | deviation |
# |---|---|---|---|
# | subjects | 10 people | the automatic twin (a network, patient or hurried), two one-number subjects, you | simulated subjects are no people |
# | real against refined | 517 of 1,000, p = 0.148 | printed above, 200 trials | the kit's full-scale refiner; stand-in, not real eyes |
# | real against synthetic | 162 of 200, p at most $10^{-8}$ | printed above, 200 trials | the same |
# | test | p-values | exact binomial, one-sided | gives the published p-values |
#
# ## Going further
#
# - **30 minutes.** Judge the 60 crops above, run the notebook again, and compare yourself with the network. What did you look at?
# - **3 hours.** Put `histogram_matched(refined, unlabelled)` in the place of the refined crops, as the main job does in
#   `full`. Which subjects lose, and which win? Then train a refiner for seconds, as [notebook 05](05_training.ipynb) does, and
#   ask the same subjects.
# - **Open.** Build a simulated subject that errs as people do. What would have to be known about people first?
#
# ## References
#
# - Shrivastava et al., *Learning from Simulated and Unsupervised Images through Adversarial Training*, CVPR 2017,
#   [10.1109/CVPR.2017.241](https://doi.org/10.1109/CVPR.2017.241), Table 1.
# - Lopez-Paz, Oquab, *Revisiting classifier two-sample tests*, ICLR 2017,
#   [10.48550/arXiv.1610.06545](https://doi.org/10.48550/arXiv.1610.06545).
# - Clopper, Pearson, *The use of confidence or fiducial limits illustrated in the case of the binomial*, Biometrika 26(4), 1934,
#   [10.1093/biomet/26.4.404](https://doi.org/10.1093/biomet/26.4.404): the exact interval.
# - Armitage, McPherson, Rowe, *Repeated significance tests on accumulating data*, JRSS A 132(2), 1969,
#   [10.2307/2343787](https://doi.org/10.2307/2343787): peeking.
