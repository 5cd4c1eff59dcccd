"""Long work that can be interrupted: a training run that takes itself up again, and stages whose results are kept."""

import hashlib
import json
from pathlib import Path

from tqdm.auto import tqdm

from .checkpoints import load_state, save_state
from .errors import UserError
from .images import ImageSet
from .training import Training, refine

SNAPSHOTS = 8             # refined samples kept over a run, for the article's Figure 6
SAMPLES = 12              # images in each of them


def train_refiner(path, config, synthetic, real, seed=0, device="cpu", save_every=200, bar=True):
    """Train, or go on training from `path`, until done  ->  (refiner, records, snapshots).

    path: the run's one file, replaced every `save_every` steps and on interruption, never half written.
    records: a list of plain dicts, one every few steps.  snapshots: {step: uint8 (12, C, H, W)}, the same images refined.
    Killed at any step and called again, it ends with the same weights, bit for bit, on the same machine.
    Raises UserError if the file belongs to another run, TrainingFailed if the run is lost (the file then holds the
    last state that was saved before).
    """
    run, log = Training(config, synthetic, real, seed, device), Log(config.total)
    path = Path(path)
    if path.exists():
        state = load_state(path)
        try:
            run.restore(state["run"])
            log.restore(state["log"])
        except (KeyError, TypeError) as error:
            raise UserError(f"{path}: not the state of a training run ({error}); delete it to start anew") from error
        except UserError as error:
            raise UserError(f"{path}: {error}; delete it to start anew") from error
    shown = synthetic.images[:SAMPLES]

    def save():
        save_state(path, {"run": run.state(), "log": log.state()})

    with tqdm(total=config.total, initial=run.done, desc="training the refiner", unit="step", disable=not bar) as progress:
        try:
            for record in run.run():
                log.note(record, run, shown)
                progress.update()
                if record.step % save_every == 0:
                    save()
        except KeyboardInterrupt:
            save()
            raise
    save()
    return run.result, log.records, log.snapshots


class Log:
    """Losses and refined samples of a run, at a spacing that keeps them small however long it is."""

    def __init__(self, total):
        self.every = max(1, total // 400)
        self.moments = {max(1, round(total * k / (SNAPSHOTS - 1))) for k in range(SNAPSHOTS)}
        self.records, self.snapshots = [], {}

    def note(self, record, run, shown):
        if record.step % self.every == 0 or record.step in self.moments:
            self.records.append(record.numbers())
        if record.step in self.moments:
            self.snapshots[record.step] = refine(run.result, ImageSet(shown)).images

    def state(self):
        return {"records": self.records, "snapshots": self.snapshots}

    def restore(self, state):
        self.records, self.snapshots = state["records"], state["snapshots"]


class Stages:
    """Results of named stages in a folder, computed once: what a killed run has finished, the next one finds.

    key: all that the results depend on, as JSON values.  A kept result under another key is computed anew.
    """

    def __init__(self, folder, key):
        self.folder = Path(folder)
        self.key = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]

    def __call__(self, name, compute):
        """The nested result (tensors, numbers, dicts) of `compute()`, kept in folder/name.safetensors."""
        path = self.folder / f"{name}.safetensors"
        if path.exists():
            kept = load_state(path)
            if kept.get("key") == self.key:
                return kept["result"]
        result = compute()
        save_state(path, {"key": self.key, "result": result})
        return result

    def path(self, name):
        """Where a stage that keeps its own state (a training run) does so: another key has another file."""
        return self.folder / f"{name}-{self.key}.safetensors"
