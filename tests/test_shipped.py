"""The refiners that come with the kit: how they are made, and that those in the package can be loaded."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from simgan_lib import pretrained
from simgan_lib.__main__ import main
from simgan_lib.experiments import cards, domains
from simgan_lib.experiments import shipped as shipping
from simgan_lib.experiments.cards import job_of
from simgan_lib.features import LearnedFeatures
from simgan_lib.pretrained import load_refiner, load_shipped, read_card, shipped_names
from simgan_lib.simulators.evening import squinting
from simgan_lib.simulators.eyes import simulate
from simgan_lib.simulators.hands import simulate_hands
from simgan_lib.simulators.stand_in_hands import stand_in_hands
from simgan_lib.system.device import cpu_has_bf16
from simgan_lib.system.errors import UserError
from simgan_lib.training import HAND_PRESETS, TrainingConfig, refine


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """A profile of seconds, and a package folder of its own."""
    config = TrainingConfig(steps=3, batch=4, refiner_warmup=2, discriminator_warmup=1, buffer=8, width=8, blocks=1, noise=1)
    profile = replace(domains.PROFILES["quick"], training=config, synthetic=40, real=40, test=160, compared=20)
    monkeypatch.setitem(domains.PROFILES, "quick", profile)
    monkeypatch.setattr(shipping, "two_sample_accuracy", partial(shipping.two_sample_accuracy, steps=5))
    monkeypatch.setattr(pretrained, "SHIPPED", tmp_path / "refiners")
    return tmp_path


def test_a_shipped_refiner_is_trained_described_and_loaded_by_name(tiny):
    path = shipping.ship("gray", "quick", folder=tiny / "refiners", runs=tiny, bar=False)
    refiner, card = load_shipped("gray")
    assert path.name == "gray.safetensors" and shipped_names() == ["gray"]
    assert refine(refiner, simulate(3, 0)).images.shape == (3, 1, 35, 55)
    assert card["command"] == "python -m simgan_lib ship gray --profile quick --seed 0" and card["seed"] == 0
    assert card["config"]["noise"] == card["noise"] == 1 and card["channels"] == 1
    assert card["precision"] == ("bfloat16" if cpu_has_bf16() else "float32")
    for name in ("commit", "data", "measurements", "hardware", "versions", "seconds", "purpose"):
        assert name in card
    job = job_of(card)
    assert all(0 <= job.mean(kind, "spectrum_distance_db") for kind in ("synthetic", "entering", "refined")) and job.seeds == [0]
    assert job.get("refined", "pupil_shift_px_failed")["n"] == 20


def test_shipping_again_gives_the_same_weights_from_the_kept_run(tiny):
    first = shipping.ship("gray", "quick", folder=tiny / "a", runs=tiny, bar=False)
    again = shipping.ship("gray", "quick", folder=tiny / "b", runs=tiny, bar=False)
    anew = shipping.ship("gray", "quick", folder=tiny / "c", runs=tiny / "elsewhere", bar=False)
    weights = [load_refiner(path).state_dict() for path in (first, again, anew)]
    for other in weights[1:]:
        assert all(torch.equal(value, other[name]) for name, value in weights[0].items())


def test_float32_throughout_is_called_so():
    assert shipping.precision(TrainingConfig(steps=1, mixed_precision=False), "cpu") == "float32"


TWINS = {"gray-no-history": {"buffer": 0}, "gray-global": {"local": False, "regularization": 0.1 / 126}}


@pytest.mark.parametrize("name, changes", TWINS.items())
def test_a_twin_differs_in_one_thing(tiny, name, changes):
    card = read_card(shipping.ship(name, "quick", folder=tiny / "refiners", runs=tiny, bar=False))
    plain = domains.PROFILES["quick"].training
    assert card["config"] | changes == card["config"] and replace(plain, **changes) == TrainingConfig(**card["config"])


@pytest.fixture
def tiny_colour(tiny, monkeypatch):
    """The recipe `colour` with as few steps as the tiny profile, for the psi too."""
    recipe = shipping.RECIPES["colour"]
    monkeypatch.setitem(shipping.RECIPES, "colour", replace(recipe, changes=recipe.changes | {"steps": 3},
                                                            features=partial(recipe.features, steps=3)))
    return tiny


def test_the_colour_refiner_learns_evening_light_under_its_own_features(tiny_colour, monkeypatch):
    given, train = [], shipping.train_refiner

    def watched(*arguments, features, **others):
        given.append((arguments, features))
        return train(*arguments, features=features, **others)

    monkeypatch.setattr(shipping, "train_refiner", watched)
    path = shipping.ship("colour", "quick", folder=tiny_colour, runs=tiny_colour, bar=False)
    refiner, card = load_refiner(path), read_card(path)
    (_, config, synthetic, unlabelled, *_), psi = given[0]
    assert isinstance(psi, LearnedFeatures) and config.regularization == card["config"]["regularization"] == 2
    assert unlabelled.labels == {} and torch.equal(unlabelled.images, squinting(40, seed=20_001).images)
    assert torch.equal(synthetic.images, simulate(40, seed=1000, colour=True).images)      # by day, as they are
    assert refine(refiner, simulate(3, 0, colour=True)).images.shape == (3, 3, 35, 55)
    assert card["channels"] == 3 and card["config"]["features"] == "parts_features, layer relu3"
    assert card["refine_from"] == "synthetic" and card["data"]["real"] == "40 eyes squinting into the evening sun"


def test_the_card_of_the_colour_refiner_says_what_became_of_light_and_label(tiny_colour):
    job = job_of(read_card(shipping.ship("colour", "quick", folder=tiny_colour, runs=tiny_colour, bar=False)))
    distance, spectrum, contrast = ({kind: job.mean(kind, measure) for kind in ("synthetic", "ideal", "refined")} for measure in
                                    ("distance_to_ideal_levels", "spectrum_distance_db", "iris_contrast"))
    assert distance["ideal"] == 0 and distance["synthetic"] > 30                           # evening is half as bright
    assert spectrum["ideal"] < spectrum["synthetic"]
    assert job.mean("ideal", "pupils_in_place") > 0.7 and contrast["synthetic"] > 0.2
    for measure in ("spectrum_distance_db", "two_sample_accuracy", "two_sample_accuracy_squinting", "pupils_in_place"):
        assert set(job.rows.loc[job.rows["measure"] == measure, "subject"]) == {"synthetic", "ideal", "refined"}


def test_the_hand_refiner_learns_from_hands_of_other_people_without_their_labels(tiny, monkeypatch):
    given, train = [], shipping.train_refiner
    monkeypatch.setattr(shipping, "train_refiner", lambda *these, **named: given.append(these) or train(*these, **named))
    monkeypatch.setitem(HAND_PRESETS, "quick", replace(HAND_PRESETS["quick"], width=8, blocks=1, refiner_warmup=2))
    monkeypatch.setitem(domains.PROFILES, "quick", replace(domains.PROFILES["quick"], synthetic=90, real=80, test=1000))
    path = shipping.ship("hand", "quick", folder=tiny / "refiners", runs=tiny, bar=False)
    (_, config, synthetic, unlabelled, *_), = given
    refiner, card = load_shipped("hand")
    assert config == replace(HAND_PRESETS["quick"], steps=3) and unlabelled.labels == {}
    assert torch.equal(unlabelled.images, stand_in_hands(8, 21_001).images)
    assert torch.equal(synthetic.images, simulate_hands(9, seed=1000).images)
    assert refine(refiner, synthetic).images.shape == (9, 1, 96, 96) and card["size"] == [96, 96] and card["residual"]
    assert card["data"]["synthetic"] == "9 simulated hands" and card["data"]["real"] == "8 stand-in hands"
    job = job_of(card)
    for measure in ("hand_kept_percent", "painted_percent", "joints_kept_percent", "joint_depth_mm"):
        assert set(job.rows.loc[job.rows["measure"] == measure, "subject"]) == {"refined", "ideal", "ideal, nothing behind"}
    assert job.mean(alone := "ideal, nothing behind", "hand_kept_percent") > 85 and job.mean(alone, "painted_percent") < 15
    assert job.mean("ideal", "painted_percent") > 15 and job.mean("ideal", "joint_depth_mm") < 5
    page = "\n".join(cards._card_parts(read_card(path), job))
    assert "9 simulated hands (as they are), 8 stand-in hands" in page and "pupil" not in page


def test_an_unknown_refiner_is_refused(tiny, capsys):
    with pytest.raises(UserError, match="no refiner 'sepia' comes with the kit; there are"):
        load_shipped("sepia")
    assert main(["ship", "sepia"]) == 2
    assert "expected one of gray" in capsys.readouterr().err


@pytest.mark.parametrize("name", shipped_names())
def test_what_comes_with_the_kit_can_be_used(name):
    refiner, card = load_shipped(name)
    eyes = simulate(4, 0, size=tuple(card["size"]), colour=card["channels"] == 3)
    refined = refine(refiner, eyes)
    assert refined.images.shape == eyes.images.shape and (refined.images != eyes.images).any()
    assert card["purpose"] == shipping.RECIPES[name].purpose
    assert card["command"].split()[:5] == ["python", "-m", "simgan_lib", "ship", name]
    assert (pretrained.SHIPPED / f"{name}.safetensors").stat().st_size < 2_500_000
