# %% [markdown]
# # What does a discriminator forget, and what helps it to remember?
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER_UNSET/simgan-kit/blob/main/notebooks/12_forgetting.ipynb)
# [![Read as page](https://img.shields.io/badge/read-as%20page-informational)](https://OWNER_UNSET.github.io/simgan-kit/notebooks/12_forgetting.html)
#
# Previous: [Real data](11_real_data.ipynb) · Next: [The tour](00_tour.ipynb), once more

# %% [markdown]
# | | |
# |---|---|
# | **You will be able to** | *measure* how far back a discriminator remembers, *build* SS-GAN's rotation task and its two losses, *compare* it with SimGAN's history buffer |
# | **You need** | the history buffer ([notebook 04](04_history_buffer.ipynb)), Algorithm 1 ([notebook 05](05_training.ipynb)), cross-entropy |
# | **Time** | 60 minutes to read and work. To run: 1 CPU minute in the profile `quick` (2 to 4 on older cores), some 10 in the profile `full`. Nothing here needs a GPU |
# | **Data** | points on a plane, scikit-learn's digits, simulated eyes: no download |

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
from simgan_lib.teaching import checks
from simgan_lib.teaching.notebook import seeded, setup, show

profile, device = setup()

# %% [markdown]
# ## The question
#
# A discriminator learns from what it is shown *now*. The generator changes, so old fakes are never shown again. We ask
# two things. **How long does a discriminator know fakes of the past?** And **which cure helps what**: SimGAN's history
# buffer, which shows it old fakes, or SS-GAN's rotations, which teach it something about *real* images that never
# changes?
#
# We begin where everything can be seen: on a plane. Real points lie around eight places on a ring. A generator, a small
# network, turns noise into points. Each ten rounds we keep 256 of its points. At the end we ask the last discriminator
# about all of them.

# %%
from simgan_lib.history import HistoryBuffer, mixed_batch
from simgan_lib.losses import REAL, REFINED, local_adversarial_loss
from simgan_lib.neighbours.forgetting import remembered

angles = torch.arange(8) * torch.pi / 4
RING = 2 * torch.stack([angles.cos(), angles.sin()], 1)                   # (8, 2)


def real_points(generator, n=64):
    """n points around the eight places  ->  (n, 2)."""
    return RING[torch.randint(8, (n,), generator=generator)] + 0.1 * torch.randn(n, 2, generator=generator)


def network(inputs, activation, width=32):
    """inputs numbers -> two numbers: a point, or the logits of a verdict."""
    return torch.nn.Sequential(torch.nn.Linear(inputs, width), activation(), torch.nn.Linear(width, width), activation(),
                               torch.nn.Linear(width, 2))
