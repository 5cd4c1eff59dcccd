"""Algorithm 1: what each update does, that a killed run ends like one that was not, and that a lost run stops."""

import copy
import itertools
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch

from simgan_lib import history, losses, paper, training
from simgan_lib.experiments.runs import train_refiner
from simgan_lib.images import ImageSet
from simgan_lib.networks import GlobalDiscriminator, PatchDiscriminator, Refiner
from simgan_lib.simulators.camera import stand_in
from simgan_lib.simulators.eyes import simulate
from simgan_lib.system import device
from simgan_lib.system.checkpoints import load_state, save_checkpoint
from simgan_lib.system.errors import UserError
from simgan_lib.training import PRESETS, Monitor, Record, Training, TrainingConfig, TrainingFailed, refine, refined_parts

TINY = TrainingConfig(steps=6, batch=4, refiner_warmup=3, discriminator_warmup=2, buffer=8, width=8, blocks=1)


@pytest.fixture(scope="module")
def data():
    return simulate(32, seed=1), stand_in(32, seed=2)


def weights(module):
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def watch(monkeypatch, owner, name, note):
    """Call note(result, *arguments) whenever `owner.name` was called."""
    original = getattr(owner, name)

    def watched(*given, **named):
        result = original(*given, **named)
        note(result, *given)
        return result
    monkeypatch.setattr(owner, name, watched)


def test_phases_come_in_order_and_last_as_configured(data):
    phases = [record.phase for record in Training(TINY, *data).run()]
    assert phases == ["refiner warm-up"] * 3 + ["discriminator warm-up"] * 2 + ["adversarial"] * 6


def test_refiner_update_leaves_the_discriminator_alone(data):
    run = Training(TINY, *data)
    before = weights(run.discriminator).clone()
    run.update_refiner()
    assert torch.equal(weights(run.discriminator), before)
    assert all(p.grad is None for p in run.discriminator.parameters())


def test_discriminator_update_leaves_the_refiner_alone(data):
    run = Training(TINY, *data)
    before = weights(run.refiner).clone()
    run.update_discriminator()
    assert torch.equal(weights(run.refiner), before)
    assert all(p.grad is None for p in run.refiner.parameters())


def test_refiner_has_an_adversarial_term(data):
    """Without any self-regularization the refiner still learns: from the discriminator alone."""
    run = Training(replace(TINY, regularization=0.0), *data)
    before = weights(run.refiner).clone()
    run.update_refiner()
    assert not torch.equal(weights(run.refiner), before)


def test_both_losses_are_those_of_the_library_and_psi_is_asked_once_an_image(data, monkeypatch):
    calls, asked, stepped = [], [], []
    for name in ("refiner_loss", "discriminator_loss"):
        original = getattr(training, name)
        monkeypatch.setattr(training, name, lambda *a, o=original, n=name: calls.append((n, o(*a))) or calls[-1][1])
    run = Training(TINY, *data)
    monkeypatch.setattr(run, "_step", lambda optimizer, loss: stepped.append(loss.item()))
    monkeypatch.setattr(run, "features", lambda images: asked.append(images) or images)
    run.update_refiner(), run.update_discriminator()
    assert [name for name, _ in calls] == ["refiner_loss", "discriminator_loss"]
    assert stepped == [loss.mean().item() for _, loss in calls] and len(asked) == 2


@pytest.fixture
def marked(monkeypatch):
    """A run whose images are known by their gray level: synthetic 0 to 39, real 100 to 139, refined 1000 and on, no two alike.

    Returns (run, judged): the marks of each batch that the discriminator sees are put into `judged`.
    """
    gray = [ImageSet((start + torch.arange(40)).to(torch.uint8)[:, None, None, None].expand(-1, 1, 12, 14).contiguous())
            for start in (0, 100)]
    run, judged, count = Training(TINY, *gray), [], itertools.count(1000)
    original, learned = run.judged, run.refined

    def refined(synthetic):
        new = torch.tensor([next(count) for _ in synthetic]) / 127.5 - 1
        return 0 * learned(synthetic) + new[:, None, None, None]                  # the graph stays

    def spied(images):
        judged.append((127.5 * (images.detach().float()[:, 0, 0, 0] + 1)).round().int().tolist())
        return original(images)
    monkeypatch.setattr(run, "refined", refined), monkeypatch.setattr(run, "judged", spied)
    return run, judged


def test_half_of_what_is_judged_refined_is_remembered(marked):
    """b/2 images of this batch and b/2 of earlier ones; only what the history was given is remembered."""
    run, judged = marked
    for batch in range(12):
        run.update_discriminator()
        now, fresh = set(judged[-2]), set(range(1000 + 4 * batch, 1004 + 4 * batch))
        assert len(now) == 4 and len(now & fresh) == (4 if batch == 0 else 2) and min(now) >= 1000
        assert len(run.buffer) == min(8, 2 * batch + 2)


def test_without_a_history_all_that_is_judged_refined_is_fresh(marked):
    run, judged = marked
    run.buffer = None
    for batch in range(3):
        run.update_discriminator()
        assert judged[-2] == list(range(1000 + 4 * batch, 1004 + 4 * batch))


def test_refiner_is_judged_by_its_fresh_images_alone(marked):
    run, judged = marked
    run.update_discriminator(), run.update_refiner()
    assert judged[-1] == [1004, 1005, 1006, 1007]


def test_networks_and_history_see_windows_of_images_where_the_training_asks_for_them(data, monkeypatch):
    run, seen = Training(replace(TINY, window=20), *data), []
    for network in (run.refiner, run.discriminator):
        network.register_forward_pre_hook(lambda _, given: seen.append(tuple(given[0].shape[1:])))
    list(run.run())
    assert set(seen) == {(1, 20, 20)} and run.buffer.images.shape[1:] == (1, 20, 20)
    assert len({tuple(run.draw(run.real[:1]).flatten()[:3].tolist()) for _ in range(20)}) > 10          # anew for each batch
    assert refine(run.result, data[0]).images.shape == data[0].images.shape


@pytest.mark.parametrize("window, size", [(40, (35, 40)), (4096, (35, 55)), (0, (35, 55))])
def test_a_window_is_at_most_the_image(data, window, size):
    run = Training(replace(TINY, window=window), *data)
    assert run.draw(run.synthetic).shape == (4, 1, *size)
    drawn = [(127.5 * (Training(replace(TINY, window=each), *data).draw(data[0].images) + 1)).round() for each in (0, window)]
    assert size != (35, 55) or torch.equal(*drawn)                                # what is no window draws as if there were none


@pytest.mark.parametrize("wrong", [{"noise": 1}, {"local": False}])
def test_windows_do_not_go_with_what_is_of_a_whole_image(wrong):
    with pytest.raises(UserError, match="^window: expected 0 with noise or one verdict an image, which span it, found 20"):
        replace(TINY, window=20, **wrong)


def test_a_run_with_windows_that_was_killed_ends_with_the_same_weights_and_is_another_than_one_without(data):
    config = replace(TINY, window=20)
    whole, first, second = (Training(config, *data) for _ in range(3))
    list(whole.run()), list(itertools.islice(first.run(), 8)), second.restore(first.state()), list(second.run())
    assert torch.equal(weights(whole.refiner), weights(second.refiner))
    with pytest.raises(UserError, match="another run: window is 20 there, 0 here"):
        Training(TINY, *data).restore(first.state())


@pytest.mark.parametrize("window", [4, 1])
def test_windows_too_small_for_the_refiner_are_refused(data, window):
    with pytest.raises(UserError, match=f"^training sees {window} x {window} of an image: expected more than 4 pixels a side$"):
        Training(replace(TINY, window=window), *data)


def test_batches_are_drawn_from_all_images(marked, monkeypatch):
    run, judged = marked
    drawn = []
    watch(monkeypatch, run, "draw", lambda batch, images: drawn.append((127.5 * (batch[:, 0, 0, 0] + 1)).round().int().tolist()))
    for _ in range(40):
        run.update_refiner(), run.update_discriminator()
    real = {mark for batch in judged[2::3] for mark in batch}
    assert len(real) > 35 and {100, 139} <= real <= set(range(100, 140))
    for kind in (drawn[0::3], drawn[1::3]):                                       # what each network's update refines
        synthetic = {mark for batch in kind for mark in batch}
        assert len(synthetic) > 35 and {0, 39} <= synthetic <= set(range(40))
    assert drawn[0] != drawn[1]


def test_each_network_has_its_own_rate_and_the_optimizer_that_is_asked_for(data):
    run = Training(replace(TINY, refiner_lr=2e-4, discriminator_lr=7e-4), *data)
    for optimizer, network, rate in ((run.refiner_optimizer, run.refiner, 2e-4),
                                     (run.discriminator_optimizer, run.discriminator, 7e-4)):
        group, = optimizer.param_groups
        assert group["lr"] == rate and group["betas"] == (0.5, 0.999)
        assert [id(p) for p in group["params"]] == [id(p) for p in network.parameters()]
    plain = Training(replace(TINY, optimizer="sgd"), *data).refiner_optimizer
    assert type(plain) is torch.optim.SGD and plain.defaults["momentum"] == plain.defaults["weight_decay"] == 0


def test_a_step_follows_its_own_gradient_alone(data):
    run = Training(replace(TINY, optimizer="sgd"), *data)
    for _ in range(2):
        run._step(run.refiner_optimizer, weights_with_graph(run.refiner).sum())
        assert all((p.grad == 1).all() for p in run.refiner.parameters())


def weights_with_graph(module):
    return torch.cat([p.flatten() for p in module.parameters()])


@pytest.mark.parametrize("mixed", [True, False])
def test_networks_may_run_in_bfloat16_and_losses_never_do(data, monkeypatch, mixed):
    """On any machine: the switch that looks at the hardware is replaced by one that is always on."""
    seen, inside = [], []
    monkeypatch.setattr(training, "autocast_for", lambda device: torch.autocast("cpu", torch.bfloat16))
    run = Training(replace(TINY, mixed_precision=mixed), *data)
    for name in ("refiner_loss", "discriminator_loss", "self_regularization"):
        watch(monkeypatch, training, name, lambda _, *given: seen.append(
            (torch.is_autocast_enabled("cpu"), {value.dtype for value in given if torch.is_tensor(value)})))
    for network in (run.refiner, run.discriminator):
        network.register_forward_hook(lambda *_: inside.append(torch.is_autocast_enabled("cpu")))
    run.update_refiner(), run.update_discriminator(), run.update_refiner(adversarial=False)
    assert seen == [(False, {torch.float32})] * 3
    assert inside == [mixed] * 6
    assert run.buffer.images.dtype == torch.float32, "what is remembered is not rounded"


def test_warm_up_asks_for_self_regularization_alone_in_the_chosen_features(data, monkeypatch):
    """... and rounds ask for it times lambda, in the same features."""
    run, stepped = Training(replace(TINY, features="blurred", warmup_weight=3.0, regularization=0.25), *data), []
    monkeypatch.setattr(run, "_step", lambda optimizer, loss: stepped.append(loss.item()))
    monkeypatch.setattr(run, "judged", lambda images: torch.zeros(len(images), 2, 9, 14))
    x, y = run.draw(run.synthetic), run.draw(run.real)
    monkeypatch.setattr(run, "draw", lambda images: x), monkeypatch.setattr(run, "refined", lambda images: y)
    price = torch.nn.functional.avg_pool2d(x - y, 5, 1, 2, count_include_pad=False).abs().sum().item() / 4
    warm, adversarial = run.update_refiner(adversarial=False), run.update_refiner()
    assert stepped == pytest.approx([3 * price, 0.25 * price + 9 * 14 * math.log(2)], rel=1e-5)
    assert warm["regularization"].item() == pytest.approx(price / (35 * 55), rel=1e-5)
    assert adversarial["regularization"].item() == pytest.approx(price / (35 * 55), rel=1e-5)
    assert adversarial["adversarial"].item() == pytest.approx(math.log(2), rel=1e-5)


def test_what_is_recorded_of_the_discriminator_is_a_patch_s_loss_and_which_images_it_knows(data, monkeypatch):
    """A discriminator that calls everything real, by a margin of ln 3: right on real patches, wrong on refined ones."""
    run = Training(TINY, *data)
    monkeypatch.setattr(run, "judged", lambda images: torch.tensor([math.log(3), 0.0])[None, :, None, None].expand(4, 2, 9, 14))
    monkeypatch.setattr(run, "_step", lambda optimizer, loss: None)
    seen = {name: value.item() for name, value in run.update_discriminator().items()}
    assert seen == pytest.approx({"right_real": 1.0, "right_refined": 0.0, "discriminator": (math.log(4 / 3) + math.log(4)) / 2})


def test_the_discriminator_learns_to_tell_refined_from_real(marked):
    """After some updates it knows each for what it is: its labels are not exchanged, and it judges what was refined."""
    run, _ = marked
    run.refined = lambda synthetic: torch.full_like(synthetic, 0.9)
    for _ in range(40):
        seen = run.update_discriminator()
    assert seen["right_real"] > 0.9 and seen["right_refined"] > 0.9
    with torch.no_grad():
        verdict = run.discriminator(torch.full((1, 1, 12, 14), 0.9)).mean((2, 3))[0]
    assert verdict[losses.REFINED] > verdict[losses.REAL]


def test_the_discriminators_aid_is_nothing_here(data):
    run = Training(TINY, *data)
    assert run.aid(run.draw(run.real)) == 0


def test_an_aid_is_added_to_equation_2_alone_from_the_real_batch_of_that_very_step(data, monkeypatch):
    """As a neighbour adds one: 0.5 times the mean of what the discriminator says of the real images."""
    run, judged, given, stepped = Training(TINY, *data), [], [], []
    plain = Training(TINY, *data)
    monkeypatch.setattr(run, "aid", lambda real: given.append(real) or 0.5 * run.discriminator(real).mean())
    watch(monkeypatch, run, "judged", lambda _, images: judged.append(images))
    for each in (run, plain):
        watch(monkeypatch, each, "_step", lambda _, optimizer, loss: stepped.append(loss.item()))
    seen, without = run.update_discriminator(), plain.update_discriminator()
    assert len(given) == 1 and given[0] is judged[1]
    with torch.no_grad():
        added = 0.5 * Training(TINY, *data).discriminator(given[0]).mean().item()
    assert abs(added) > 1e-4 and stepped[0] - stepped[1] == pytest.approx(added, abs=1e-5)
    assert seen["discriminator"] == without["discriminator"], "what is recorded is the cross-entropy"
    assert not torch.equal(weights(run.discriminator), weights(plain.discriminator))
    assert all(p.grad is None for p in run.refiner.parameters())
    run.update_refiner(), run.update_refiner(adversarial=False)
    assert len(given) == 1


def test_self_regularization_holds_the_refiner_in_rounds_too(data, monkeypatch):
    """A discriminator that says the same of all images moves nothing: what moves is held by lambda."""
    run, before = Training(TINY, *data), None
    before = weights(run.refiner).clone()
    monkeypatch.setattr(run, "judged", lambda images: torch.zeros(len(images), 2, 9, 14, requires_grad=True))
    run.update_refiner()
    assert not torch.equal(weights(run.refiner), before)


def test_what_is_recorded_of_a_colour_image_is_a_mean_over_its_channels_too(monkeypatch):
    colour = ImageSet(torch.zeros(4, 3, 12, 14, dtype=torch.uint8))
    run = Training(TINY, colour, colour)
    monkeypatch.setattr(run, "refined", lambda images: 0 * run.refiner(images, None) + images + 0.25)
    for adversarial in (True, False):
        assert run.update_refiner(adversarial)["regularization"].item() == pytest.approx(0.25)


def test_history_can_be_switched_off(data):
    run = Training(replace(TINY, buffer=0), *data)
    assert [r.step for r in run.run()] == list(range(1, TINY.total + 1)) and run.buffer is None


def test_k_g_and_k_d_count_the_updates(data, monkeypatch):
    run, calls = Training(replace(TINY, refiner_updates=3, discriminator_updates=2), *data), []
    for name in ("update_refiner", "update_discriminator"):
        original = getattr(run, name)
        monkeypatch.setattr(run, name, lambda *a, o=original, n=name, **k: calls.append(n) or o(*a, **k))
    run._round()
    assert calls == ["update_refiner"] * 3 + ["update_discriminator"] * 2


def test_warm_up_moves_the_refiner_towards_the_identity(data):
    run = Training(replace(TINY, refiner_warmup=60, refiner_lr=3e-3), *data)
    seen = [record.numbers()["regularization"] for record in run.run() if record.phase == "refiner warm-up"]
    assert seen[-1] < 0.5 * seen[0]


def test_same_seed_same_run_and_another_seed_another(data):
    def final(seed):
        run = Training(TINY, *data, seed=seed)
        list(run.run())
        return weights(run.refiner)
    assert torch.equal(final(0), final(0))
    assert not torch.equal(final(0), final(1))


def test_the_first_weights_and_draws_depend_on_the_seed_alone(data):
    first, same, other = (Training(TINY, *images, seed=seed) for images, seed in ((data, 0), (data[::-1], 0), (data, 1)))
    for name in ("refiner", "discriminator"):
        one, again, another = (weights(getattr(run, name)) for run in (first, same, other))
        assert torch.equal(one, again) and not torch.equal(one, another)
    drawn = [run.draw(run.synthetic) for run in (first, Training(TINY, *data), other)]
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])


def test_global_randomness_is_neither_used_nor_changed(data):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    list(Training(TINY, *data).run())
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("stop", range(1, TINY.total))
def test_restored_run_ends_with_the_same_weights(data, stop):
    """At every step, also before the history holds anything."""
    whole = Training(TINY, *data)
    list(whole.run())
    first, second = Training(TINY, *data), Training(TINY, *data)
    for record in first.run():
        if record.step == stop:
            break
    next(second.run())                                       # what the state replaces is not what it was
    second.restore(first.state())
    list(second.run())
    for name in ("refiner", "averaged", "discriminator"):
        assert torch.equal(weights(getattr(whole, name)), weights(getattr(second, name))), name
    assert torch.equal(whole.buffer.images, second.buffer.images)


KILLED = """
import sys
from dataclasses import replace
from simgan_lib.experiments.runs import train_refiner
from simgan_lib.simulators.camera import stand_in
from simgan_lib.simulators.eyes import simulate
from simgan_lib.system import device
from simgan_lib.training import TrainingConfig
import torch
torch.set_num_threads(1)
config = TrainingConfig(steps=60, batch=4, refiner_warmup=5, discriminator_warmup=5, buffer=16, width=8, blocks=1)
train_refiner(sys.argv[1], config, simulate(32, seed=1), stand_in(32, seed=2), save_every=1, bar=False)
"""


def test_killed_again_and_again_it_ends_with_the_same_weights(tmp_path):
    whole, broken = tmp_path / "whole.state", tmp_path / "broken.state"

    def start(path):
        return subprocess.Popen([sys.executable, "-c", KILLED, str(path)], env={**os.environ, "OMP_NUM_THREADS": "1"})

    assert start(whole).wait(120) == 0
    done = []
    for _ in range(3):
        process, seen = start(broken), load_state(broken)["run"]["done"] if broken.exists() else 0
        while process.poll() is None and (not broken.exists() or load_state(broken)["run"]["done"] < seen + 7):
            time.sleep(0.01)
        assert process.poll() is None, "the run was over before it could be killed"
        process.send_signal(signal.SIGKILL)
        process.wait()
        done.append(load_state(broken)["run"]["done"])
    assert start(broken).wait(120) == 0
    assert 0 < done[0] < done[1] < done[2] < 70
    whole, broken = load_state(whole), load_state(broken)
    assert same(whole["run"], broken["run"])
    whole["log"]["seconds"] = broken["log"]["seconds"]           # the one thing that may differ
    assert same(whole["log"], broken["log"])


def test_state_of_another_run_is_refused_by_name(data, tmp_path):
    path = tmp_path / "run.state"
    train_refiner(path, TINY, *data, bar=False)
    with pytest.raises(UserError, match=r"run\.state.*width is 8 there, 16 here"):
        train_refiner(path, replace(TINY, width=16), *data, bar=False)
    with pytest.raises(UserError, match="images to refine is"):
        train_refiner(path, TINY, data[0][:20], data[1], bar=False)


def test_a_finished_run_that_is_asked_for_more_rounds_ends_like_one_that_was_asked_for_them_at_once(data, tmp_path):
    longer = replace(TINY, steps=10)
    at_once = train_refiner(tmp_path / "once.state", longer, *data, bar=False)
    train_refiner(tmp_path / "run.state", TINY, *data, bar=False)
    extended = train_refiner(tmp_path / "run.state", longer, *data, bar=False)
    assert torch.equal(weights(at_once.refiner), weights(extended.refiner)) and extended.records[-1]["step"] == longer.total
    with pytest.raises(UserError, match="done: expected a whole number from 0 to 11, found 15"):
        train_refiner(tmp_path / "run.state", TINY, *data, bar=False)


def test_a_run_that_an_earlier_version_began_is_refused(data, tmp_path):
    save_checkpoint(tmp_path / "old.safetensors", {"refiner/weight": torch.ones(2)}, {"state": {"run": {}}})
    with pytest.raises(UserError, match=r"old\.safetensors: found no state .* earlier version.*delete it to start anew"):
        train_refiner(tmp_path / "old.safetensors", TINY, *data, bar=False)


def test_a_state_of_another_machine_or_with_content_that_cannot_be_is_refused(data):
    run = Training(TINY, *data)
    list(itertools.islice(run.run(), 6))
    state = run.state()
    of_others = {"device is cuda there": {"data": state["data"] | {"device": "cuda"}},
                 r"history there holds images of \(1, 9, 9\)": {"buffer": {"filled": 4, "images": torch.zeros(4, 1, 9, 9)}},
                 "done: expected a whole number from 0 to 11": {"done": 12}, "found -1": {"done": -1}}
    for said, change in of_others.items():
        with pytest.raises(UserError, match=said.replace("is cuda", "is 'cuda'")):
            Training(TINY, *data).restore(state | change)


def test_the_monitors_looks_are_part_of_the_state(data):
    run, again = Training(TINY, *data), Training(TINY, *data)
    run.monitor.bad = {"won": 3, "dead": 1}
    again.restore(run.state())
    assert again.monitor.bad == {"won": 3, "dead": 1}


def test_a_run_of_before_the_settings_had_their_names_is_refused_in_one_line(data):
    state = Training(TINY, *data).state()
    for old, new in (("averaging", "ema_decay"), ("refiner_rate", "refiner_lr"), ("discriminator_rate", "discriminator_lr")):
        state["config"][old] = state["config"].pop(new)
    with pytest.raises(UserError, match="another run: refiner_lr is not set there, 0.0003 here$"):
        Training(TINY, *data).restore(state)


def test_other_images_of_the_same_shape_or_another_seed_are_another_run(data, tmp_path):
    path = tmp_path / "run.state"
    train_refiner(path, TINY, *data, bar=False)
    before = path.read_bytes()
    others = replace(data[1], images=data[1].images.flip(3))
    with pytest.raises(UserError, match="run.state: .*real images is .*delete it"):
        train_refiner(path, TINY, data[0], others, bar=False)
    with pytest.raises(UserError, match="seed is 0 there, 1 here"):
        train_refiner(path, TINY, *data, seed=1, bar=False)
    assert path.read_bytes() == before


def test_a_damaged_state_costs_a_run_some_steps_and_no_bit(data, tmp_path, capsys):
    """Steps 5, 10 and 11 are saved: without the last two it goes on from step 5, as from any."""
    whole, path = tmp_path / "whole.state", tmp_path / "run.state"
    train_refiner(whole, TINY, *data, save_every=5, bar=False)
    train_refiner(path, replace(TINY, steps=5), *data, save_every=5, bar=False)
    previous = path.with_name("run.state.previous")
    assert (load_state(path)["run"]["done"], load_state(previous)["run"]["done"]) == (10, 5)
    path.write_bytes(path.read_bytes()[:-1])
    done = train_refiner(path, TINY, *data, save_every=5, bar=False)
    assert f"the run goes on from the state before it, {previous}" in capsys.readouterr().err
    assert [record["step"] for record in done.records] == list(range(1, TINY.total + 1))
    assert same(load_state(path)["run"], load_state(whole)["run"])
    assert load_state(previous)["run"]["done"] == load_state(tmp_path / "whole.state.previous")["run"]["done"] == 10


def test_where_the_state_before_is_of_another_run_too_nothing_is_trained(data, tmp_path):
    path = tmp_path / "run.state"
    for steps in (5, 6):
        train_refiner(path, replace(TINY, steps=steps), *data, bar=False)
    path.write_bytes(path.read_bytes()[:-1])
    before = path.read_bytes()
    with pytest.raises(UserError, match=r"run\.state\.previous: belongs to another run: seed is 0 there, 1 here"):
        train_refiner(path, TINY, *data, seed=1, bar=False)
    assert path.read_bytes() == before


def test_a_run_that_is_done_is_not_written_again(data, tmp_path):
    """Else the state before it would be it once more."""
    path = tmp_path / "run.state"
    train_refiner(path, TINY, *data, save_every=11, bar=False)
    before = {each: each.stat().st_mtime_ns for each in tmp_path.iterdir()}
    train_refiner(path, TINY, *data, save_every=11, bar=False)
    assert {each: each.stat().st_mtime_ns for each in tmp_path.iterdir()} == before and list(before) == [path]


@pytest.mark.parametrize("where, sent", [("update_refiner", signal.SIGINT), ("update_discriminator", signal.SIGTERM),
                                         ("draw", signal.SIGINT)])
def test_interrupted_in_the_middle_of_a_step_it_ends_with_the_same_weights(data, tmp_path, monkeypatch, where, sent):
    whole, path, original = tmp_path / "whole.state", tmp_path / "run.state", getattr(Training, where)
    train_refiner(whole, TINY, *data, bar=False)

    def interrupted(self, *arguments, **named):
        result = original(self, *arguments, **named)
        if self.done == 8:
            signal.raise_signal(sent)
        return result
    monkeypatch.setattr(Training, where, interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_refiner(path, TINY, *data, bar=False)
    kept = load_state(path)
    assert kept["run"]["done"] == 9
    monkeypatch.setattr(Training, where, original)
    done = train_refiner(path, TINY, *data, bar=False)
    assert done.records[-1]["step"] == TINY.total
    assert same(load_state(path)["run"], load_state(whole)["run"])
    assert done.seconds > kept["log"]["seconds"] > 0


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return torch.equal(a, b) if torch.is_tensor(a) else a == b


def test_not_a_number_stops_the_run_and_says_what_to_try(data):
    run = Training(replace(TINY, steps=100), *data)
    with torch.no_grad():
        run.refiner.leave.bias[0] = math.nan
    with pytest.raises(TrainingFailed, match="step 1: .* smaller refiner_lr"):
        list(run.run())


def test_a_state_with_a_weight_that_is_not_finite_is_not_given_and_not_taken(data):
    """It would take the place of the last good one."""
    run = Training(TINY, *data)
    good = run.state()
    for value in (math.nan, math.inf):
        with torch.no_grad():
            run.refiner.leave.bias[0] = value
        with pytest.raises(TrainingFailed, match=r"step 0: the refiner network has .*not finite numbers \(leave.bias\)"):
            run.state()
        with pytest.raises(UserError, match="not finite numbers"):
            Training(TINY, *data).restore(good | {"refiner": run.refiner.state_dict()})
        with pytest.raises(UserError, match="the refiner has weights that are not finite"):
            refine(run.refiner, data[0])


@pytest.mark.parametrize("name", ["refiner", "averaged", "discriminator"])
def test_no_network_of_a_state_may_have_a_weight_that_is_not_finite(data, name):
    run, other = Training(TINY, *data), Training(TINY, *data)
    state = run.state()
    state[name] = {key: values * math.nan for key, values in state[name].items()}
    with pytest.raises(UserError, match=f"the {name} network has weights"):
        other.restore(state)
    with torch.no_grad():
        next(getattr(run, name).parameters()).fill_(math.inf)
    with pytest.raises(TrainingFailed, match=f"the {name} network has weights"):
        run.state()


def test_a_run_that_diverges_leaves_the_file_of_the_last_good_state(data, tmp_path, monkeypatch):
    path, update = tmp_path / "run.state", Training.update_discriminator

    def diverging(run):
        if run.done == 9:
            with torch.no_grad():
                run.refiner.leave.bias.fill_(math.nan)       # seen by no loss of this step
        return update(run)
    monkeypatch.setattr(Training, "update_discriminator", diverging)
    with pytest.raises(TrainingFailed):
        train_refiner(path, TINY, *data, save_every=2, bar=False)
    assert load_state(path)["run"]["done"] == 8


def test_what_a_training_needs_of_memory_is_asked_before_it_begins(data, monkeypatch):
    with pytest.raises(UserError, match="this training takes at least .* of memory, and there are"):
        Training(replace(TINY, width=1024, blocks=64, batch=65_536, buffer=10_000_000), *data)
    monkeypatch.setattr(device, "memory_limit", lambda: 10**9)
    for large in ({"buffer": 1_000_000}, {"batch": 65_536, "buffer": 0}, {"width": 1024, "blocks": 8}):        # each for itself
        with pytest.raises(UserError, match="of memory, and there are 1 GB"):
            Training(replace(TINY, **large), *data)
    Training(TINY, *data)
    monkeypatch.setattr(device, "memory_limit", lambda: 100_000)
    with pytest.raises(UserError, match="of memory, and there are 100 kB"):
        Training(TINY, *data)


def test_images_too_small_for_the_refiner_are_refused_before_the_first_step():
    small = ImageSet(torch.zeros(8, 1, 4, 20, dtype=torch.uint8))
    with pytest.raises(UserError, match="training sees 4 x 20 of an image: expected more than 4 pixels a side"):
        Training(TINY, small, small)


def adversarial(step, loss, real, refined):
    values = {k: torch.tensor(v) for k, v in (("discriminator", loss), ("right_real", real), ("right_refined", refined))}
    return Record(step, 1000, "adversarial", **values)


@pytest.mark.parametrize("loss, real, refined, message", [
    (9e-4, 1.0, 1.0, "has won"), (0.7, 1.0, 0.0, "the same answer"), (0.7, 0.0, 1.0, "the same answer")])
def test_collapsed_discriminator_stops_the_run(loss, real, refined, message):
    monitor = Monitor(every=1, patience=3)
    for step in (1, 2):
        monitor.watch(adversarial(step, loss, real, refined))
    monitor.watch(replace(adversarial(3, loss, real, refined), phase="discriminator warm-up"))      # no round: not looked at
    monitor.watch(adversarial(4, 0.6, 0.7, 0.8))                                 # one good look: it begins anew
    for step in (5, 6):
        monitor.watch(adversarial(step, loss, real, refined))
    with pytest.raises(TrainingFailed, match=f"step 7: .*{message}"):
        monitor.watch(adversarial(7, loss, real, refined))


def test_a_dead_discriminator_stops_a_quick_run_early(data, monkeypatch):
    """With the settings that runs really have."""
    run = Training(replace(TINY, steps=300, width=4), *data)
    with torch.no_grad():
        run.discriminator[-1].weight.zero_()
        run.discriminator[-1].bias.copy_(torch.tensor([-9.0, 9.0]))
    monkeypatch.setattr(run, "_step", lambda optimizer, loss: None)
    with pytest.raises(TrainingFailed, match="the same answer"):
        list(run.run())
    assert run.done < 150


def test_the_last_step_is_looked_at():
    bad = adversarial(1007, float("nan"), 0.5, 0.5)
    Monitor().watch(bad)                                     # one of many: looking at each would wait for the device
    with pytest.raises(TrainingFailed, match="not a number"):
        Monitor().watch(replace(bad, total=1007))


def test_images_that_the_refiner_cannot_take_are_refused(data):
    refiner = Training(TINY, *data).result
    for images in (torch.zeros(2, 3, 35, 55, dtype=torch.uint8), torch.zeros(2, 1, 4, 55, dtype=torch.uint8)):
        with pytest.raises(UserError, match="expected 1 channels and more than 4 pixels"):
            refine(refiner, ImageSet(images))


def test_healthy_discriminator_does_not():
    monitor = Monitor(every=1, patience=3)
    for step in range(1, 50):
        monitor.watch(adversarial(step, 0.6 if step < 25 else 0.0011, 0.7, 0.8))


def test_labels_never_reach_the_run(data):
    without = [ImageSet(images.images) for images in data]
    a, b = Training(TINY, *data), Training(TINY, *without)
    list(a.run()), list(b.run())
    assert torch.equal(weights(a.refiner), weights(b.refiner))


def test_result_is_the_running_mean_of_the_weights(data, monkeypatch):
    """By hand: at step d the mean keeps d/(d + 10) of itself, so that the first weights do not stay in it; 0.5 at most."""
    run, after, means = Training(replace(TINY, ema_decay=0.5, steps=12), *data), [], []
    watch(monkeypatch, run, "_step", lambda _, optimizer, loss: after.append((optimizer, run.done, weights(run.refiner).double())))
    watch(monkeypatch, run, "_average", lambda _: means.append(weights(run.result).double()))
    list(run.run())
    after = [(step, now) for optimizer, step, now in after if optimizer is run.refiner_optimizer]
    mean = torch.zeros_like(after[0][1])
    assert len(after) == len(means) == 3 + 12 * 2
    for (step, now), found in zip(after, means):               # at each update: at the end its beginning is forgotten
        kept = min(0.5, step / (step + 10))
        mean = kept * mean + (1 - kept) * now
        torch.testing.assert_close(found, mean, atol=1e-6, rtol=1e-5)
    assert not torch.equal(weights(run.result), weights(run.refiner))


def test_without_a_running_mean_the_result_is_the_last_weights(data):
    run = Training(replace(TINY, ema_decay=0.0), *data)
    list(run.run())
    assert torch.equal(weights(run.result), weights(run.refiner))


def test_networks_are_the_configured_ones(data):
    run, plain = Training(replace(TINY, width=6, blocks=3, noise=2, residual=True, local=False), *data), Training(TINY, *data)
    refiner = run.refiner
    assert (len(refiner.blocks), refiner.enter.out_channels, refiner.noise, refiner.residual) == (3, 6, 2, True)
    assert isinstance(run.discriminator, GlobalDiscriminator) and isinstance(plain.discriminator, PatchDiscriminator)


def test_the_kind_of_memory_is_the_configured_one(data):
    run, pool = Training(replace(TINY, buffer=10), *data), Training(replace(TINY, image_pool=True), *data)
    assert run.buffer.capacity == 10 and run.remember is history.mixed_batch and pool.remember is history.pooled_batch
    assert run.buffer.generator is run.generator              # whose state is kept with the run's


def test_refining_keeps_labels_and_size_and_tells_where_it_is(data):
    run, told = Training(TINY, *data), []
    refined = refine(run.result, data[0], batch=20, progress=lambda *at: told.append(at))
    assert told == [(20, 32), (32, 32)] and refined.source == f"refined from: {data[0].source}"
    assert refined.images.shape == data[0].images.shape and refined.images.dtype == torch.uint8
    assert torch.equal(refined.labels["gaze"], data[0].labels["gaze"])


def test_noise_varies_what_one_image_becomes_and_nothing_else(data):
    """A refiner with noise: another seed gives another image, the same seed the same; a restored run goes on alike."""
    config = replace(TINY, noise=1)
    run, again = Training(config, *data), Training(config, *data)
    assert run.refiner.enter.weight.shape[1] == 2
    steps = run.run()
    for _ in range(8):
        next(steps)
    again.restore(copy.deepcopy(run.state()))
    list(steps), list(again.run())
    assert torch.equal(weights(run.result), weights(again.result))
    with torch.no_grad():
        run.result.enter.weight[:, 1] += 0.5               # after so few steps the noise hardly shows
    one, same, other = (refine(run.result, data[0], seed=seed).images for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_the_noise_of_a_training_is_drawn_anew_for_each_batch_of_both_networks(data):
    run, seen = Training(replace(TINY, noise=1), *data), []
    run.refiner.register_forward_pre_hook(lambda _, given: seen.append(given[1]))
    run.update_refiner(), run.update_discriminator()
    assert [noise.shape for noise in seen] == [(4, 1, 35, 55)] * 2
    assert all(noise.std(0).mean() > 0.2 for noise in seen) and not torch.equal(*seen)


def test_the_history_is_used_from_the_discriminators_first_update_on(marked):
    """Three updates of the refiner alone refine 1000 to 1011; the discriminator's first sees 1012 to 1015, and keeps half."""
    run, judged = marked
    for _ in itertools.takewhile(lambda record: record.step < 5, run.run()):
        pass
    first, second = judged[0], judged[2]
    assert first == [1012, 1013, 1014, 1015] and len(run.buffer) == 4
    assert set(second) == {1016, 1017, 1012, 1013}


def test_each_batch_that_is_refined_gets_noise_of_its_own(data):
    refiner = Training(replace(TINY, noise=1), *data).refiner
    with torch.no_grad():
        refiner.enter.weight[:, 1] += 0.5
    twice = replace(data[0], images=data[0].images[:1].expand(8, -1, -1, -1), labels={})
    first, second = (part.images for part in refined_parts(refiner, twice, batch=4))
    assert not torch.equal(first, second)


def test_a_set_without_images_is_refused(data):
    for sets in ((data[0][:0], data[1]), (data[0], data[1][:0])):
        with pytest.raises(UserError, match="expected some of each"):
            Training(TINY, *sets)


def test_sizes_must_agree(data):
    with pytest.raises(UserError, match="equal channels and size"):
        Training(TINY, data[0], stand_in(4, seed=1, size=(20, 30)))


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"features": "vgg19"}, {"optimizer": "lion"},
                                   {"refiner_updates": 0}, {"buffer": 1}])
def test_impossible_configurations_are_refused(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        replace(TINY, **wrong)


def test_at_the_papers_rates_the_warm_up_comes_nearer_to_the_identity():
    """SGD at 0.001 on a sum over 1,925 pixels: only weighed by lambda does it converge (and not turn the images black)."""
    synthetic, real = simulate(32, seed=1), simulate(32, seed=2)
    run = Training(replace(PRESETS["paper"], batch=4, refiner_warmup=25, buffer=8), synthetic, real, seed=0)
    prices = [record.numbers()["regularization"] for record in itertools.islice(run.run(), 25)]
    assert sum(prices[-5:]) < 0.8 * sum(prices[:5])
    assert max(prices) < 2 * prices[0]


def test_presets_hold_the_published_constants():
    config = PRESETS["paper"]
    assert (config.batch, config.regularization) == (paper.BATCH.value, paper.LAMBDA.value) == (512, 0.01)
    assert (config.refiner_updates, config.discriminator_updates) == (paper.K_G.value, paper.K_D.value) == (2, 1)
    assert config.refiner_warmup == paper.REFINER_WARMUP.value and config.discriminator_warmup == paper.DISCRIMINATOR_WARMUP.value
    assert config.refiner_lr == config.discriminator_lr == paper.LEARNING_RATE.value == 1e-3
    assert config.optimizer == "sgd" and config.warmup_weight == config.regularization
    assert (config.width, config.blocks, config.ema_decay) == (64, 4, 0.0)


def test_refined_parts_are_what_refine_gives_and_never_more_than_a_batch_in_memory():
    torch.manual_seed(0)
    refiner, few = Refiner(1, 8, 1, noise=1), simulate(20, seed=1)
    parts = list(refined_parts(refiner, few, batch=8, seed=3))
    whole = refine(refiner, few, batch=8, seed=3)
    assert [len(part) for part in parts] == [8, 8, 4]
    assert torch.equal(torch.cat([part.images for part in parts]), whole.images)
    assert torch.equal(torch.cat([part.labels["gaze"] for part in parts]), few.labels["gaze"])
    endless = ImageSet(few.images[:1].expand(10**10, -1, -1, -1))                # 19 TB, if anything were to copy it
    assert len(next(refined_parts(refiner, endless, batch=8))) == 8
