"""One trial of an ablation: train a refiner, refine, and measure all that the kit can measure.

Taught in: notebook 07.
"""

import base64
import hashlib
import io
import itertools
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ..evaluation.artefacts import RealPatches, diversity, fixed_pattern
from ..evaluation.gaze import predict_gaze, train_gaze_estimator
from ..evaluation.judges import FeatureNetwork, feature_network
from ..evaluation.pupil import pupil_centres, summary
from ..evaluation.realism import beyond_tone, kernel_distance, mean_change, spectrum_distance
from ..gaze import angular_error_deg
from ..matching import histogram_matched
from ..simulators.eyes import simulate
from ..system.run_file import RunFile
from ..training import TrainingFailed, refine
from .domains import stand_in_domain
from .provenance import code_digest
from .runs import Stages, check_numbers, train_refiner

SHOWN = 5                 # refined eyes kept as a picture, of the first seed
LAST = 20                 # rounds over which the players' losses are averaged


@dataclass(frozen=True)
class Materials:
    """What all runs share beside the judges' network: the domain, and patches of it."""

    domain: object
    patches: RealPatches


@lru_cache(1)
def materials(profile):
    """Simulated once a process, for runs of one profile after another."""
    domain = stand_in_domain(profile)
    return Materials(domain, RealPatches(domain.unlabelled[:4000]))


def judge(profile, folder, device="cpu", spread=itertools.starmap):
    """Weights of the network that judges all runs of a sweep and that none of them trains.  Kept in the folder.

    spread: makes the call, somewhere (see `system.spread`).
    """
    keep = Stages(folder, {"images": [profile.synthetic, profile.real], "code": code_digest(), "device": device})
    return keep("network", lambda: list(spread(_trained_judge, [(profile, device)]))[0], _judge)


def _trained_judge(profile, device):
    eyes = simulate(min(profile.synthetic, 4000), seed=900)                    # of no run, so that no run is favoured
    network = feature_network([eyes, materials(profile).domain.unlabelled], 0, device=device)
    return {name: values.cpu() for name, values in network.state_dict().items()}


def _judge(weights):
    """The FeatureNetwork of these weights.  Raises an error for others."""
    network = FeatureNetwork(*(weights[name].shape[i] for name, i in (("trunk.0.weight", 1), ("verdict.weight", 0))))
    network.load_state_dict(weights)
    check_numbers(weights)
    return network


def trial(profile, config, seed, folder, weights, device="cpu"):
    """Train a refiner with `config`, refine, measure  ->  {"measured", "failed", "shown", "seconds"}.

    config None: nothing is refined.  A run that the monitor stops is a result, too: `failed` then says why, and nothing is
    measured.
    Trials of one seed get the same synthetic images and the same random numbers, whatever their config: compare in pairs.
    folder: where the run keeps its state until it is done; a killed one goes on.  weights: of the `judge`.
    """
    start, shared, network = time.perf_counter(), materials(profile), _judge(weights).to(device).eval()
    simulated = simulate(profile.synthetic, seed=1000 + seed)
    matched = replace(simulated, images=histogram_matched(simulated, shared.domain.unlabelled))
    entering = {"synthetic": simulated, "synthetic_matched": matched}[profile.refine_from]
    record = {"failed": None, "measured": {}, "shown": None}
    try:
        digest = hashlib.sha256(f"{profile.refine_from} {config} {code_digest()}".encode()).hexdigest()[:16]
        state = Path(folder, f"run-{digest}-seed{seed}.state")
        refined, players = _refined(config, shared, entering, seed, state, device) if config else (entering, {})
        record["measured"] = measured(profile, shared, network, simulated, entering, refined, seed, device) | players
        record["shown"] = as_png(refined.images[:SHOWN]) if seed == 0 else None
    except TrainingFailed as error:
        record["failed"] = str(error)
    return record | {"seconds": round(time.perf_counter() - start, 1)}


def _refined(config, shared, entering, seed, state, device):
    """(the images refined by a run with this config, what the two players did last).  state: the run's file."""
    try:
        trained = train_refiner(state, config, entering, shared.domain.unlabelled, seed, device, bar=False)
    except TrainingFailed:
        RunFile(state).remove()
        raise
    RunFile(state).remove()                                                    # a record will stand for it
    return refine(trained.refiner, entering, seed=seed), _players(trained.records)


def _players(records):
    """Losses a patch, verdicts and, where it may rise, K_g: mean of the last rounds."""
    last = [record for record in records if record["phase"] == "adversarial"][-LAST:]
    return {f"last_{key}": float(np.mean([record[key] for record in last]))
            for key in ("discriminator", "adversarial", "right_refined", "right_real", "refiner_updates") if key in last[0]}


def measured(profile, shared, network, simulated, entering, refined, seed, device):
    """Every measure of one run, as plain numbers.  The units are in `ablations.SWEEP_MEASURES`."""
    test, n = shared.domain.test, profile.compared
    before, after = entering.images[:n], refined.images[:n]
    estimator = train_gaze_estimator(refined, profile.gaze, seed, device)
    pupils = max(1, n // 3)                                                    # the slowest measure an image
    shifts = summary(pupil_centres(after[:pupils]) - simulated.labels["pupil"][:pupils])
    return {"gaze_error": angular_error_deg(predict_gaze(estimator, test), test.labels["gaze"]).mean().item(),
            "foreign": 100 * shared.patches.share(after, before),
            "fixed_pattern": fixed_pattern(refined.images, [shared.domain.unlabelled, entering]),
            "spectrum_distance": spectrum_distance(after, test),
            "kernel_distance": kernel_distance(network, after, test)[0],
            "pupil": shifts["mean"], "pupil_failed": 100 * shifts["failed"],
            "change": mean_change(before, after), "beyond_tone": 100 * beyond_tone(before, after),
            "diversity": diversity(after) / diversity(before)}


def as_png(images):
    """uint8 (N, 1, H, W) side by side, as a PNG file in base64: what a line of JSON can hold."""
    file = io.BytesIO()
    Image.fromarray(torch.cat(list(images[:, 0]), 1).cpu().numpy()).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def from_png(text, n=SHOWN):
    """The inverse of `as_png`: uint8 (n, 1, H, W)."""
    row = torch.from_numpy(np.array(Image.open(io.BytesIO(base64.b64decode(text)), formats=["PNG"])))
    return torch.stack(row.chunk(n, 1))[:, None]
