"""What a discriminator still knows of the images that it was shown k rounds ago.  Taught in: notebook 12."""

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from ..images import to_float, to_uint8
from ..losses import REAL, REFINED
from ..system.errors import UserError


def memory_curve(run, synthetic, real, ages, every=10, watched=100):
    """Train a run to its end, and ask its discriminator about the past  ->  {age: {"balanced": ..., "auc": ...}}.

    run: a `training.Training`.  synthetic: uint8 (n, C, H, W), which the refiner of every `every`-th round refines.
    real: uint8 (m, C, H, W) that the run never saw.  ages: in rounds, multiples of `every`.
    In the last `watched` rounds, at every `every`-th round t, the discriminator judges the images refined in round t - age, and
    the real ones.  What is returned is the mean over these t of `told`.
    Raises UserError if the run is too short for the oldest age, or an age lies between two rounds that are kept.
    """
    if bad := [age for age in ages if age % every or not 0 <= age <= run.config.steps - watched]:
        raise UserError(f"ages: expected multiples of {every} up to {run.config.steps - watched}, found {bad[0]}")
    past, found = [], {age: [] for age in ages}
    for record in run.run():
        now = record.step - (run.config.total - run.config.steps)                 # adversarial rounds so far
        if now < 0 or now % every:
            continue
        past.append(refined_now(run, synthetic))
        if now > run.config.steps - watched:
            verdicts = scores(run, real)
            for age, rows in found.items():
                rows.append(told(scores(run, past[-1 - age // every]), verdicts))
    return {age: {name: float(np.mean([row[name] for row in rows])) for name in rows[0]} for age, rows in found.items()}


@torch.no_grad()
def refined_now(run, synthetic):
    """What the refiner of this round makes of uint8 (n, C, H, W), without a mean over rounds: the same type and shape."""
    kept = run.generator.get_state()
    refined = to_uint8(run.refined(to_float(synthetic.to(run.device))))
    run.generator.set_state(kept)                                                 # to look changes nothing
    return refined.cpu()


@torch.no_grad()
def scores(run, images):
    """How clearly the discriminator calls images refined: difference of the logits, mean over patches.  (n,)"""
    logits = run.judged(to_float(images.to(run.device))).float()
    return (logits[:, REFINED] - logits[:, REAL]).mean((1, 2)).cpu()


def told(generated, real):
    """How well scores tell generated images from real ones  ->  {"balanced": in [0, 1] at threshold 0, "auc": at any}.

    generated: (n,), real: (m,), higher where an image is called generated.  0.5 is guessing.

    >>> told(torch.tensor([2.0, 1.0, -1.0, 3.0]), torch.tensor([-2.0, -3.0]))
    {'balanced': 0.875, 'auc': 1.0}
    """
    truth = [1] * len(generated) + [0] * len(real)
    return {"balanced": ((generated > 0).float().mean().item() + (real <= 0).float().mean().item()) / 2,
            "auc": float(roc_auc_score(truth, torch.cat([generated, real]).numpy()))}
