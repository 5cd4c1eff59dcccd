# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Which part of SimGAN does what?
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER_UNSET/simgan-kit/blob/main/notebooks/07_ablations.ipynb)
# [![Read as page](https://img.shields.io/badge/read-as%20page-informational)](https://OWNER_UNSET.github.io/simgan-kit/notebooks/07_ablations.html)
#
# Previous: [Feature-space regularizer](06_feature_regularizer.ipynb) · Next: [Pupil centres](08_pupil_centres.ipynb)

# %% [markdown]
# | | |
# |---|---|
# | **You will be able to** | *read* an ablation with its intervals, *measure* artefacts without a discriminator, *diagnose* seven ways in which a run goes wrong |
# | **You need** | the training loop ([05](05_training.ipynb)), the local loss ([03](03_local_loss.ipynb)), the history ([04](04_history_buffer.ipynb)) |
# | **Time** | 45 minutes to read and work; 1 CPU minute in `quick`; not yet measured in `full` |
# | **Data** | simulated eyes, the stand-in domain, and the records of a sweep that come with the kit: no download |

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

from simgan_lib import checks, figures
from simgan_lib.notebook import setup, show

profile, device = setup()

# %% [markdown]
# ## The question
#
# The paper has four ideas: a local loss, a history, a self-regularization, a warm-up. To learn what one of them is
# for, leave it out and look at what breaks: an *ablation*. But two runs differ even if nothing is changed but the seed.
# **Which differences are real?**
#
# The kit's sweep has run each setting below with several seeds:
# `python -m simgan_lib ablate --seeds 3 --jobs 2`. Its records come with the kit; none of the following tables costs a
# minute.

# %%
from simgan_lib import ablations

records = ablations.load_records()
made = {(record["profile"], record["commit"], record["hardware"]) for record in records}
print(f"{len(records)} runs of {len({r['name'] for r in records})} settings; made by: {records[0]['command']}")
print(*(f"profile {name}, commit {commit}, {machine}" for name, commit, machine in sorted(made)), sep="\n")
eyes = ablations.pictures(records)
first = {"not-refined": "not refined", "base": "base", "no-history": "no history", "global": "global", "lambda-0": "λ = 0"}
show(*figures.montage_figure({said: eyes[name] for name, said in first.items()}, columns=5))
assert all(eyes[name].shape == (5, 1, 35, 55) for name in ablations.SWEEP)

