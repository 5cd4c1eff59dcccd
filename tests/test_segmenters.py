"""Part segmenters in files, and the study that makes the one of eyes."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch

from simgan_lib.evaluation.masks import SEEN, labelled_eyes, score
from simgan_lib.experiments.cards import SEGMENTER_MEASURES, segmenter_parts
from simgan_lib.neighbours import segmenters
from simgan_lib.neighbours.autoshot import segmented
from simgan_lib.neighbours.segmenters import load_segmenter, load_shipped_segmenter, save_segmenter, shipped_segmenters
from simgan_lib.neighbours.unet import UNet
from simgan_lib.pretrained import load_refiner
from simgan_lib.simulators.camera import photograph
from simgan_lib.system.checkpoints import save_checkpoint
from simgan_lib.system.errors import UserError

ROOT = Path(__file__).parents[1]


@pytest.fixture
def kept(tmp_path):
    """(UNet, path of its file)."""
    network = UNet(3, 5, width=6, depth=1)
    save_segmenter(tmp_path / "s.safetensors", network, {"name": "s"})
    return network, tmp_path / "s.safetensors"


def test_a_segmenter_comes_back_from_its_file_with_its_card(kept):
    network, path = kept
    loaded, card = load_segmenter(path)
    x = torch.rand(2, 3, 9, 11)
    torch.testing.assert_close(loaded(x), network(x))
    assert card == {"name": "s", "inputs": 3, "outputs": 5, "width": 6, "depth": 1}
    assert not loaded.training and not any(each.requires_grad for each in loaded.parameters())


@pytest.mark.parametrize("changed, said", [
    ({"depth": 0}, "not a segmenter's file: its card has no sizes that fit .depth: expected a whole number"),
    ({"outputs": 4}, "weights of another network: leave"), ({"depth": 2}, "weights of another network"),
])
def test_a_card_that_does_not_fit_is_refused(kept, changed, said):
    network, path = kept
    save_checkpoint(path, network.state_dict(), {"card": {**load_segmenter(path)[1], **changed}})
    with pytest.raises(UserError, match=said):
        load_segmenter(path)


def test_a_segmenter_is_no_refiner_and_a_generator_no_segmenter(kept):
    with pytest.raises(UserError, match="not a refiner's file"):
        load_refiner(kept[1])
    with pytest.raises(UserError, match="not a segmenter's file"):
        load_segmenter(ROOT / "simgan_lib" / "generators" / "eyes.safetensors")


def test_a_name_that_does_not_come_with_the_kit_is_refused():
    with pytest.raises(UserError, match="no segmenter 'noses' comes with the kit; there are parts"):
        load_shipped_segmenter("noses")


def test_the_kit_s_segmenter_does_what_its_card_says():
    network, card = load_shipped_segmenter()
    assert shipped_segmenters() == ["parts"] and tuple(card["parts"]) == SEEN
    assert card["command"] == "python studies/part_segmenter.py --profile full --seed 0" and card["commit"]
    assert (segmenters.SHIPPED / "parts.safetensors").stat().st_size < 300_000
    said = {(line["subject"], line["measure"]): line["value"] for line in card["measurements"]}
    drawn = labelled_eyes(100, seed=5)                                           # eyes that the card was not measured on
    for kind, images in {"drawn": drawn.images, "camera": photograph(drawn.images, torch.Generator().manual_seed(5))}.items():
        found = score(*segmented(network, images), drawn)
        assert found["pupil_px"] < 0.5 and said[kind, "pupil_px"] < 0.5 and said[kind, "iris_px"] < 0.5     # the mark
        assert found["iou_mean"] == pytest.approx(said[kind, "iou_mean"], abs=0.03)


# ---- the study ----
@pytest.fixture
def study(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("part_segmenter", ROOT / "studies" / "part_segmenter.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.chdir(tmp_path)
    return module


def test_the_study_trains_measures_and_writes(study, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["part_segmenter.py", "--profile", "quick", "--json"])
    study.main()
    _, card = load_segmenter("results/parts.safetensors")
    assert json.loads(capsys.readouterr().out) == card["measurements"]
    assert {line["subject"] for line in card["measurements"]} == {"drawn", "camera", "wild"}
    assert {line["measure"] for line in card["measurements"]} == set(SEGMENTER_MEASURES)
    assert card["command"] == "python studies/part_segmenter.py --profile quick --seed 0"
    said = "\n".join(segmenter_parts(card))
    assert "- data: 60 simulated eyes with exact masks, each as it is drawn" in said and "## parts, a part segmenter" in said
    assert f"| {card['measurements'][0]['value']:.3f} " in said and "steps 20," in said and "rotation 10," in said


def test_it_learns_each_eye_in_both_looks_with_one_mask_and_is_measured_on_others(study, monkeypatch):
    seen = {}
    monkeypatch.setattr(study, "train_student", lambda images, targets, config, seed: seen.update(images=images, targets=targets))
    study.learned(study.SCALES["quick"], seed=0)
    drawn, camera = seen["images"].split(60)
    eyes = labelled_eyes(60, study.LEARNED)
    assert torch.equal(drawn, eyes.images) and torch.equal(camera, study.photographed(eyes, study.LEARNED).images)
    assert not torch.equal(drawn, camera)
    for targets in seen["targets"].split(60):
        assert torch.equal(targets.argmax(1), eyes.labels["parts"].long())
    for tested in study.kinds(20).values():
        assert not (tested.labels["parts"][:, None] == eyes.labels["parts"][None]).flatten(2).all(2).any()
