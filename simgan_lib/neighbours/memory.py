"""What a discriminator still knows of the images that it was shown k rounds ago: `studies/memory.py` asks it."""

from dataclasses import astuple

import numpy as np
import torch

from ..images import to_float, to_uint8
from ..losses import REAL, REFINED
from ..system.errors import UserError
from .forgetting import Told, remembered


def memory_curve(run, synthetic, real, ages, every=10, watched=100):
    """Train a run to its end, and ask its discriminator about the past  ->  {age: Told}.

    run: a `training.Training`.  synthetic: uint8 (n, C, H, W), which the refiner of every `every`-th round refines.
    real: uint8 (m, C, H, W) that the run never saw.  ages: in rounds, multiples of `every`.
    In the last `watched` rounds, at every `every`-th round t, the discriminator judges the images refined in round t - age, and
    the real ones.  What is returned is the mean over these t: balanced accuracy below 0.5 says that old fakes pass as real.
    Raises UserError if the run is too short for the oldest age, an age lies between two rounds that are kept, no round is
    watched, or the run is past its warm-up already.
    """
    if run.config.steps // every * every <= run.config.steps - watched:
        raise UserError(f"watched: expected a multiple of {every} among the last {watched} of {run.config.steps}, found none")
    if run.done > (warm_up := run.config.total - run.config.steps):
        raise UserError(f"the run: expected one that has not begun its {run.config.steps} rounds, found {run.done - warm_up} done")
    if bad := [age for age in ages if age % every or not 0 <= age <= run.config.steps - watched]:
        raise UserError(f"ages: expected multiples of {every} up to {run.config.steps - watched}, found {bad[0]}")
    past, found = [], {age: [] for age in ages}
    for record in run.run():
        now = record.step - warm_up                                               # adversarial rounds so far
        if now < 0 or now % every:
            continue
        past.append(refined_now(run, synthetic))
        if now > run.config.steps - watched:
            old = {age: scores(run, past[-1 - age // every]) for age in ages}
            for age, seen in remembered(old, scores(run, real)).items():
                found[age].append(astuple(seen))
    return {age: Told(*map(float, np.mean(rows, 0))) for age, rows in found.items()}


@torch.no_grad()
def refined_now(run, synthetic):
    """What the refiner of this round makes of uint8 (n, C, H, W), without a mean over rounds: the same type and shape."""
    kept = run.generator.get_state()
    refined = to_uint8(run.refined(to_float(synthetic.to(run.device))))
    run.generator.set_state(kept)                                                 # to look changes nothing
    return refined.cpu()


@torch.no_grad()
def scores(run, images):
    """How clearly the discriminator calls uint8 images (n, C, H, W) real: difference of the logits, mean over patches.  (n,)"""
    logits = run.judged(to_float(images.to(run.device))).float()
    return (logits[:, REAL] - logits[:, REFINED]).mean((1, 2))
