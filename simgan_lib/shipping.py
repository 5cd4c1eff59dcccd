"""The refiners that come with the kit: what each was trained as, the training, and its card.

Trained on the simulator and the stand-in domain alone, so that nobody else's licence is in their weights.
"""

import dataclasses
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from .checkpoints import save_module
from .errors import UserError
from .evaluation.pupil import estimator_error, pupil_shift
from .evaluation.realism import histogram_matched, spectrum_distance, two_sample_accuracy
from .pretrained import SHIPPED
from .reproduce import profile_named, stand_in_domain
from .runs import shown_progress, train_refiner
from .simulators.eyes import simulate
from .summary import commit, hardware, versions
from .training import refine

HELD_OUT = 30_001         # seed of the eyes that a card's metrics are measured on; no training draws them


@dataclass(frozen=True)
class Recipe:
    """What one refiner is for, and how its training differs from the profile's."""

    purpose: str
    changes: dict = field(default_factory=dict)


RECIPES = {
    "gray": Recipe("the refiner of the main job, seed 0: notebooks 00, 05, 08, 09"),
    "gray-no-history": Recipe("its twin without the history buffer: notebook 07", {"buffer": 0}),
    "gray-global": Recipe("its twin with one verdict an image: notebook 07", {"local": False}),
}


def ship(name, profile_name="full", seed=0, device="cpu", folder=SHIPPED, runs="results", bar=True):
    """Train the named refiner (again called: go on) and write folder/name.safetensors with its card  ->  the file's path.

    runs: where the state of the training is kept, runs/ship-<name>-<profile>.safetensors.
    Raises UserError for an unknown name or profile.
    """
    if name not in RECIPES:
        raise UserError(f"unknown refiner {name!r}: expected one of {', '.join(RECIPES)}")
    profile, recipe = profile_named(profile_name), RECIPES[name]
    config = replace(profile.training, **recipe.changes)
    domain = stand_in_domain(profile, bar)
    synthetic = _entering(profile, domain, simulate(profile.synthetic, seed=1000 + seed,
                                                    progress=shown_progress("simulating eyes", bar)))
    state = Path(runs) / f"ship-{name}-{profile_name}.safetensors"
    trained = train_refiner(state, config, synthetic, domain.unlabelled, seed, device, bar=bar)
    card = {"name": name, "purpose": recipe.purpose,
            "command": f"python -m simgan_lib ship {name} --profile {profile_name} --seed {seed}", "commit": commit(),
            "channels": synthetic.images.shape[1], "width": config.width, "blocks": config.blocks, "noise": config.noise,
            "size": list(synthetic.images.shape[2:]), "profile": profile_name, "seed": seed,
            "config": dataclasses.asdict(config), "refine_from": profile.refine_from,
            "data": {"synthetic": f"{len(synthetic):,} simulated eyes", "real": f"{len(domain.unlabelled):,} stand-in eyes",
                     "licence": "none but the kit's own: no picture of a person was used"},
            "metrics": metrics(trained.refiner, profile, domain, device), "seconds": round(trained.seconds),
            "hardware": hardware(torch.device(device)), "versions": versions()}
    path = Path(folder) / f"{name}.safetensors"
    save_module(path, trained.refiner, card)
    return path


def _entering(profile, domain, eyes):
    """What the refiner gets: the eyes themselves, or with their gray levels matched, as the profile says."""
    if profile.refine_from == "synthetic":
        return eyes
    return replace(eyes, images=histogram_matched(eyes, domain.unlabelled))


def metrics(refiner, profile, domain, device="cpu"):
    """A card's numbers, of eyes that no training drew: pupil shift, the finder's own error, realism before and after."""
    eyes, test = simulate(profile.compared, seed=HELD_OUT), domain.test
    entering = _entering(profile, domain, eyes)
    refined = refine(refiner, entering)
    kinds = {"synthetic": eyes.images, "entering": entering.images, "refined": refined.images}
    return {"images": len(eyes), "pupil_shift_px": pupil_shift(eyes, refined), "pupil_finder_error_px": estimator_error(eyes),
            "spectrum_distance_db": {kind: spectrum_distance(images, test.images) for kind, images in kinds.items()},
            "two_sample_accuracy": {kind: two_sample_accuracy(images, test, 0, device=device)["accuracy"]
                                    for kind, images in kinds.items()}}
