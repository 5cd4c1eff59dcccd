"""When a training is lost, and what to try then.  Used by: training."""

import math

from .system.errors import UserError


class TrainingFailed(UserError):
    """The run cannot get better by going on: NaN, or a discriminator that has won or died."""


class Monitor:
    """Stops a run that is lost, with what to try in its TrainingConfig.

    Looks at the first steps, every `every` steps and at the last: looking waits for the device.  `patience` bad looks in
    a row end the run; a single not-a-number does at once.
    """

    LOST = {"won": "the discriminator has won (loss below 0.001) and teaches the refiner nothing; try a smaller "
                   "discriminator_lr, a smaller regularization or more refiner_updates",
            "dead": "the discriminator gives every patch the same answer; try a smaller discriminator_lr, more "
                    "discriminator_warmup or fewer refiner_updates"}

    def __init__(self, every=20, patience=5):
        self.every, self.patience, self.bad = every, patience, dict.fromkeys(self.LOST, 0)

    def watch(self, record):
        if record.step % self.every and record.step > 3 and record.step != record.total:
            return
        seen = record.numbers()
        if not all(math.isfinite(value) for name, value in seen.items() if name != "phase"):
            raise TrainingFailed(f"step {record.step}: a loss is not a number; try a smaller refiner_lr and discriminator_lr")
        if record.phase != "adversarial":
            return
        now = {"won": seen["discriminator"] < 1e-3, "dead": {seen["right_real"], seen["right_refined"]} == {0.0, 1.0}}
        self.bad = {name: self.bad[name] + 1 if bad else 0 for name, bad in now.items()}
        for name, looks in self.bad.items():
            if looks >= self.patience:
                raise TrainingFailed(f"step {record.step}: {self.LOST[name]}")
