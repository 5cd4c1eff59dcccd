"""Style-based generators in files, and the study that makes the one of eyes."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch

from simgan_lib.experiments.cards import GENERATOR_MEASURES, generator_parts
from simgan_lib.neighbours import generators
from simgan_lib.neighbours.generators import load_generator, load_shipped_generator, save_generator, shipped_generators
from simgan_lib.neighbours.style_gan import StyleGenerator, sample
from simgan_lib.neighbours.style_training import PRESETS, StyleConfig
from simgan_lib.pretrained import load_refiner
from simgan_lib.simulators.eyes import simulate
from simgan_lib.system.checkpoints import save_checkpoint
from simgan_lib.system.errors import UserError

ROOT = Path(__file__).parents[1]
CONFIG = StyleConfig(steps=3, batch=4, width=2, widest=4, latent=3, halvings=1)


@pytest.fixture
def kept(tmp_path):
    """(generator, path of its file)."""
    generator = StyleGenerator(3, (9, 11), 2, 4, 3, 1)
    torch.nn.init.constant_(generator.mean_style, 0.5)
    save_generator(tmp_path / "g.safetensors", generator, CONFIG, {"name": "g"})
    return generator, tmp_path / "g.safetensors"


def test_a_generator_comes_back_from_its_file_with_mean_style_and_card(kept):
    generator, path = kept
    loaded, card = load_generator(path)
    assert torch.equal(sample(loaded, 3, psi=0.5), sample(generator, 3, psi=0.5)) and not loaded.training
    assert card["name"] == "g" and (card["channels"], card["height"], card["across"]) == (3, 9, 11)
    assert StyleConfig(**card["config"]) == CONFIG


@pytest.mark.parametrize("changed, said", [
    ({"latent": 0}, "latent: expected a whole number"), ({"latent": 5}, "weights of another network"),
])
def test_a_card_that_does_not_fit_is_refused(kept, changed, said):
    generator, path = kept
    card = load_generator(path)[1]
    save_checkpoint(path, generator.state_dict(), {"card": {**card, **changed}})
    with pytest.raises(UserError, match=said):
        load_generator(path)


def test_a_card_without_sizes_is_refused(kept):
    generator, path = kept
    save_checkpoint(path, generator.state_dict(), {"card": {"name": "g"}})
    with pytest.raises(UserError, match="not a generator's file: its card has no sizes that fit"):
        load_generator(path)


def test_a_file_without_a_card_is_no_generators(kept):
    generator, path = kept
    save_checkpoint(path, generator.state_dict(), {})
    with pytest.raises(UserError, match="not a generator's file: it has no card"):
        load_generator(path)


def test_a_generator_is_no_refiner(kept):
    with pytest.raises(UserError, match="not a refiner's file"):
        load_refiner(kept[1])


def test_a_name_that_does_not_come_with_the_kit_is_refused():
    with pytest.raises(UserError, match="no generator 'noses' comes with the kit; there are"):
        load_shipped_generator("noses")


@pytest.mark.parametrize("name", shipped_generators())
def test_what_comes_with_the_kit_makes_eyes(name):
    generator, card = load_shipped_generator(name)
    made = sample(generator, 16).float()
    eyes = simulate(200, 0, colour=card["channels"] == 3).images.float()
    assert made.shape[1:] == eyes.shape[1:]
    assert (made.mean(0) - eyes.mean(0)).abs().mean() < 25                         # gray levels
    assert (made[1:] - made[:-1]).abs().mean() > 0.5 * (eyes[1:] - eyes[:-1]).abs().mean()
    assert card["command"].startswith("python studies/eye_generator.py --preset") and card["measurements"]
    assert StyleConfig(**card["config"]) == PRESETS[card["profile"]]
    assert (generators.SHIPPED / f"{name}.safetensors").stat().st_size < 3_000_000


# ---- the study ----
@pytest.fixture
def study(monkeypatch, tmp_path):
    spec = importlib.util.spec_from_file_location("eye_generator", ROOT / "studies" / "eye_generator.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(module.PRESETS, "quick", CONFIG)
    monkeypatch.chdir(tmp_path)
    return module


def test_the_study_trains_measures_and_writes_and_a_finished_run_is_only_measured(study, monkeypatch, capsys):
    monkeypatch.setattr(study, "measured", lambda generated, training, seed: [
        study.row(seed, kind, measure, len(training), len(generated))
        for measure in GENERATOR_MEASURES for kind in ("generated", "simulated")])
    monkeypatch.setattr("sys.argv", ["eye_generator.py", "--quick", "--json", "--device", "cpu"])
    study.main()
    path = Path("results/eye_generator-quick.safetensors")
    first, card = load_generator(path)
    assert json.loads(capsys.readouterr().out) == card["measurements"]
    assert {line["value"] for line in card["measurements"]} == {400} and card["measurements"][0]["n"] == 100
    assert card["command"] == "python studies/eye_generator.py --preset quick --images 400 --seed 0"
    said = "\n".join(generator_parts(card))
    assert "- data: 400 simulated eyes, without labels" in said and said.count("| 400") == 8
    monkeypatch.setattr(study.StyleTraining, "update_generator", None)                # no step is done again
    study.main()
    again = load_generator(path)[0]
    assert all(map(torch.equal, first.state_dict().values(), again.state_dict().values()))


def test_a_state_of_another_run_is_named(study, tmp_path):
    study.trained(tmp_path / "run.state", CONFIG, simulate(5, 0), 0, "cpu")
    with pytest.raises(UserError, match="run.state: belongs to another run: seed is 0 there, 1 here; delete it to start anew"):
        study.trained(tmp_path / "run.state", CONFIG, simulate(5, 0), 1, "cpu")


def test_a_damaged_state_of_the_generators_training_is_passed_over(study, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(study, "SAVE_EVERY", 1)
    path, eyes = tmp_path / "run.state", simulate(5, 0)
    whole, _ = study.trained(path, CONFIG, eyes, 0, "cpu")
    path.write_bytes(path.read_bytes()[:-1])
    again, _ = study.trained(path, CONFIG, eyes, 0, "cpu")
    assert "the run goes on from the state before it" in capsys.readouterr().err
    for a, b in zip(whole.result.state_dict().values(), again.result.state_dict().values()):
        assert torch.equal(a, b)


def test_copies_and_one_eye_again_and_again_are_told_from_fresh_eyes(study, monkeypatch):
    monkeypatch.setattr(study, "feature_network", lambda *_: None)
    monkeypatch.setattr(study, "kernel_distance", lambda *_: (0.0, 0.0))
    monkeypatch.setattr(study, "two_sample_accuracy", lambda *_: {"accuracy": 0.5})
    training = simulate(60, 0)

    def values(generated, measure):
        lines = [line for line in study.measured(generated, training, 0) if line["measure"] == measure]
        return {line["subject"]: line["value"] for line in lines}

    near = values(training.images[:20], "nearest_training")
    assert near["generated"] == 0 and near["simulated"] > 5
    apart = values(training.images[:1].expand(20, -1, -1, -1), "pair_difference")
    assert apart["generated"] == 0 and apart["simulated"] > 10
