"""The refiners that come with the kit: what each was trained as, the training, and its card.

Trained on simulated domains alone, so that nobody else's licence is in their weights.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch

from ..evaluation.hands import kept_in_place
from ..evaluation.parts import parts_features
from ..evaluation.pupil import estimator_error, iris_contrast, pupil_shift, pupils_in_place
from ..evaluation.realism import mean_change, spectrum_distance, two_sample_accuracy
from ..matching import histogram_matched
from ..pretrained import SHIPPED, Sizes
from ..simulators.evening import in_evening_light, squinting
from ..simulators.eyes import simulate
from ..simulators.hand_prior import draw_hands
from ..simulators.hands import simulate_hands
from ..simulators.stand_in_hands import ALONE, photographed, stand_in_hands
from ..system.checkpoints import save_module
from ..system.device import autocast_for
from ..system.errors import UserError
from ..system.places import checked
from ..training import HAND_PRESETS, refine
from .domains import profile_named, stand_in_domain
from .provenance import about
from .records import row
from .runs import shown_progress, train_refiner

HELD_OUT = 30_001         # seed of the images that a card's metrics are measured on; no training draws them


class StandIn:
    """The main job: gray eyes, refined towards the stand-in domain.  `unlabelled`: what the refiner learns from."""

    name, things = "stand-in eyes", "eyes"

    def __init__(self, profile, bar=False):
        self.profile, self.domain = profile, stand_in_domain(profile, bar)
        self.unlabelled, self.refine_from, self.training = self.domain.unlabelled, profile.refine_from, profile.training

    def simulated(self, seed, progress):
        """The simulator's eyes that the refiner learns from."""
        return simulate(self.profile.synthetic, seed=1000 + seed, progress=progress)

    def entering(self, eyes):
        """What the refiner gets: the eyes themselves, or with their gray levels matched, as the profile says."""
        if self.refine_from == "synthetic":
            return eyes
        return replace(eyes, images=histogram_matched(eyes, self.unlabelled))

    def measurements(self, refiner, device="cpu"):
        """A card's rows, of eyes that no training drew: pupil shift, the finder's own error, realism before and after."""
        eyes, test = simulate(self.profile.compared, seed=HELD_OUT), self.domain.test
        entering = self.entering(eyes)
        refined = refine(refiner, entering)
        kinds = {"synthetic": eyes.images, "entering": entering.images, "refined": refined.images}
        return _pupil_rows(eyes, refined) + _rows(_realism(kinds, test, device))


class Evening:
    """Notebook 06: colour eyes by day, refined towards eyes that squint into the evening sun."""

    name, things, refine_from = "eyes squinting into the evening sun", "eyes", "synthetic"

    def __init__(self, profile, bar=False):
        self.profile, self.training = profile, profile.training
        self.unlabelled = replace(squinting(profile.real, seed=20_001), labels={})

    def simulated(self, seed, progress):
        """The simulator's eyes that the refiner learns from, in colour."""
        return simulate(self.profile.synthetic, seed=1000 + seed, colour=True, progress=progress)

    def entering(self, eyes):
        """The eyes themselves."""
        return eyes

    def measurements(self, refiner, device="cpu"):
        """A card's rows, of eyes that no training drew; `ideal`: the same eyes in evening light, which no training saw.

        Realism is against evening eyes of which none squints, what refined ones should be, and the two-sample test also
        against those that do, as the domain has them: the lids should give the refined ones away there.
        """
        eyes = simulate(self.profile.compared, seed=HELD_OUT, colour=True)
        ideal = in_evening_light(eyes.images, torch.Generator().manual_seed(HELD_OUT + 1))
        refined = refine(refiner, eyes)
        kinds = {"synthetic": eyes.images, "ideal": ideal, "refined": refined.images}
        opened, narrowed = [squinting(self.profile.test, seed=20_002, share=share) for share in (0.0, 1.0)]
        return _pupil_rows(eyes, refined) + _rows(_realism(kinds, opened, device) | {
            "two_sample_accuracy_squinting": _told(kinds, narrowed, device),
            "distance_to_ideal_levels": {kind: mean_change(ideal, images) for kind, images in kinds.items()},
            "pupils_in_place": {kind: pupils_in_place(images, eyes.labels) for kind, images in kinds.items()},
            "iris_contrast": {kind: iris_contrast(images, eyes.labels) for kind, images in kinds.items()}})


class StandInHands:
    """Notebook 14: depth images of hands, refined towards what a structured-light camera says of other people's.

    A tenth of the profile's images, each of which costs more than ten eyes; its rounds, with the settings of HAND_PRESETS' quick.
    """

    name, things, refine_from = "stand-in hands", "hands", "synthetic"

    def __init__(self, profile, bar=False):
        self.profile, self.training = profile, replace(HAND_PRESETS["quick"], steps=profile.training.steps)
        shown = shown_progress("simulating the stand-in domain", bar)
        self.unlabelled = replace(stand_in_hands(profile.real // 10, seed=21_001, progress=shown), labels={})

    def simulated(self, seed, progress):
        """The simulator's hands that the refiner learns from."""
        return simulate_hands(self.profile.synthetic // 10, seed=1000 + seed, progress=progress)

    def entering(self, hands):
        """The hands themselves."""
        return hands

    def measurements(self, refiner, device="cpu"):
        """A card's rows, of hands that no training drew.

        `ideal`: the same hands seen by that camera, which no training saw, with the stand-in's bodies behind them or nothing.
        """
        hands, draw = simulate_hands(n := self.profile.test // 10, seed=HELD_OUT), torch.Generator().manual_seed
        drawn, test = draw_hands(n, draw(HELD_OUT)), stand_in_hands(n, seed=21_002)
        made = {"refined": refine(refiner, hands), "ideal, nothing behind": photographed(drawn, draw(HELD_OUT + 1), backdrop=ALONE),
                "ideal": photographed(drawn, draw(HELD_OUT + 1))}
        kept = {kind: kept_in_place(hands, each) for kind, each in made.items()}
        kinds = {"synthetic": hands.images, **{kind: each.images for kind, each in made.items()}}
        return _rows(_realism(kinds, test, device, "person") |
                     {name: {kind: kept[kind][name] for kind in kept} for name in kept["refined"]})


def _pupil_rows(eyes, refined):
    """Mean and deviation over the images, and the share in which no pupil was found."""
    found = {("refined", "pupil_shift_px"): pupil_shift(eyes, refined), ("synthetic", "pupil_finder_px"): estimator_error(eyes)}
    return [line for (subject, name), each in found.items() for line in
            (row(None, subject, name, each["mean"], each["n"], sd=each["sd"]),
             row(None, subject, f"{name}_failed", each["failed"], len(eyes)))]


def _rows(measured):
    """measured: {measure: {kind of images: value}}."""
    return [row(None, kind, name, value) for name, kinds in measured.items() for kind, value in kinds.items()]


def _realism(kinds, test, device, by="day"):
    return {"spectrum_distance_db": {kind: spectrum_distance(images, test.images) for kind, images in kinds.items()},
            "two_sample_accuracy": _told(kinds, test, device, by)}


def _told(kinds, test, device, by="day"):
    return {kind: two_sample_accuracy(images, test, 0, by, device=device)["accuracy"] for kind, images in kinds.items()}


@dataclass(frozen=True)
class Recipe:
    """What one refiner is for, towards what it is refined, and how its training differs from the profile's.

    features: gives a psi of its own from the synthetic eyes, as `parts_features` does; None: the profile's.
    """

    purpose: str
    changes: dict = field(default_factory=dict)
    domain: type = StandIn
    features: Callable | None = None


RECIPES = {
    "gray": Recipe("the refiner of the main job, seed 0: notebooks 00, 05, 08, 09, 10"),
    "gray-no-history": Recipe("its twin without the history buffer: notebook 07", {"buffer": 0}),
    # One verdict an image where there were 126: with the same lambda the self-regularization would weigh 126 times as much.
    "gray-global": Recipe("its twin with one verdict an image: notebook 07", {"local": False, "regularization": 0.1 / 126}),
    # No noise: evening light is one filter before the whole image.  Few rounds, and features that cost ten times as much as
    # in the notebook: the longer the game, the more the irises fade, since the eyes of the evening hide theirs (lambda 0.2:
    # a third of the contrast left after 350 rounds).
    "colour": Recipe("evening light on open eyes, held by learned features: notebook 06",
                     {"steps": 250, "regularization": 2.0, "noise": 0}, Evening, parts_features),
    "hand": Recipe("frayed outlines on depth images of hands: notebook 14", domain=StandInHands),
}


def precision(config, device):
    """The number format that a training with this config multiplies in on this device, "bfloat16" or "float32"."""
    return "bfloat16" if config.mixed_precision and isinstance(autocast_for(device), torch.autocast) else "float32"


def ship(name, profile_name="full", seed=0, device="cpu", folder=SHIPPED, runs="results", bar=True):
    """Train the named refiner (again called: go on) and write folder/name.safetensors with its card  ->  the file's path.

    runs: where the state of the training is kept, runs/ship-<name>-<profile>.state.
    Raises UserError for an unknown name or profile.
    """
    if name not in RECIPES:
        raise UserError(f"unknown refiner {name!r}: expected one of {', '.join(RECIPES)}")
    profile, recipe = profile_named(profile_name), RECIPES[name]
    path, state = Path(folder) / f"{name}.safetensors", Path(runs) / f"ship-{name}-{profile_name}.state"
    checked(path)
    checked(state)
    domain = recipe.domain(profile, bar)
    config = replace(domain.training, **recipe.changes)
    synthetic = domain.entering(domain.simulated(seed, shown_progress(f"simulating {domain.things}", bar)))
    psi = recipe.features(synthetic, seed=seed, device=device) if recipe.features else None
    trained = train_refiner(state, config, synthetic, domain.unlabelled, seed, device, bar=bar, features=psi)
    described = config.described() | ({"features": f"parts_features, layer {psi.layer}"} if psi else {})
    card = {"name": name, "purpose": recipe.purpose,
            **asdict(Sizes.of(trained.refiner)),
            "size": list(synthetic.images.shape[2:]), "profile": profile_name, "seed": seed,
            "config": described, "refine_from": domain.refine_from,
            "data": {"synthetic": f"{len(synthetic):,} simulated {domain.things}",
                     "real": f"{len(domain.unlabelled):,} {domain.name}",
                     "licence": "none but the kit's own: no picture of a person was used"},
            "measurements": [{"seed": seed, **line} for line in domain.measurements(trained.refiner, device)],
            "seconds": round(trained.seconds),
            "precision": precision(config, device),
            **about(torch.device(device), f"python -m simgan_lib ship {name} --profile {profile_name} --seed {seed}")}
    save_module(path, trained.refiner, card)
    return path
