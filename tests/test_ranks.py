"""Training on several devices: two processes end like one, each with half of the work, and none is left waiting.

Two processes of gloo are started once; what they found, they write into files, and the tests read.
"""

import math
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from test_cli import refused
from test_cli import run as command

from simgan_lib.experiments.runs import train_refiner
from simgan_lib.images import ImageSet
from simgan_lib.neighbours.aided import AidedConfig, AidedTraining
from simgan_lib.parallel import ParallelTraining
from simgan_lib.system import ranks as ranks_module
from simgan_lib.system.checkpoints import load_state, save_state
from simgan_lib.system.device import resolve_device
from simgan_lib.system.digests import kit_digest
from simgan_lib.system.errors import UserError, exit_status
from simgan_lib.system.ranks import ALONE, Ranks, joined
from simgan_lib.training import Training, TrainingConfig

TESTS = Path(__file__).parent
# SGD: its steps are as long as the gradients, so that a sum in place of a mean shows, which Adam would hide.
TINY = TrainingConfig(steps=10, batch=8, refiner_warmup=2, discriminator_warmup=2, buffer=12, width=8, blocks=1, optimizer="sgd",
                      refiner_lr=1e-4, discriminator_lr=2e-3, mixed_precision=False)
CASES = {"plain": TINY, "noise": replace(TINY, noise=2), "window": replace(TINY, window=14),
         "image pool": replace(TINY, image_pool=True), "no history": replace(TINY, buffer=0),
         "one verdict": replace(TINY, local=False), "adam": replace(TINY, optimizer="adam", refiner_lr=3e-4, discriminator_lr=3e-4),
         "aided": AidedConfig(**{**vars(TINY), "rotation": 1.0, "slope": 10.0, "slope_every": 2})}
# Largest difference after the 14 steps above, 2e-7 where this was written: float32 sums are taken in another order.  Adam
# divides gradients by their size, so a weight whose gradient is all but nothing goes its own way, without an effect.
TOLERANCE, ADAM_WEIGHTS = 1e-5, 3e-3


class ParallelAided(ParallelTraining, AidedTraining):
    pass


def data(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [ImageSet(torch.randint(low, 256, (40, 1, 20, 24), generator=generator, dtype=torch.uint8)) for low in (0, 128)]


def trained(config, ranks=None):
    """A run of the configuration that has come to its end, and its records as numbers."""
    aided = isinstance(config, AidedConfig)
    kind = (AidedTraining if aided else Training) if ranks is None else (ParallelAided if aided else ParallelTraining)
    run = kind(config, *data(), seed=3, **({} if ranks is None else {"ranks": ranks}))
    sizes = set()
    for network in (run.refiner, run.discriminator):
        network.register_forward_pre_hook(lambda _, given: sizes.add(len(given[0])))
    return run, [record.numbers() for record in run.run()], sorted(sizes)


def largest_difference(one, other):
    """Of all floats in two nested values; anything else that differs is refused."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        return max([largest_difference(one[key], other[key]) for key in one], default=0)
    if isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        return max(map(largest_difference, one, other), default=0)
    if torch.is_tensor(one) and one.is_floating_point():
        assert one.isfinite().all() and other.isfinite().all()
        return (one - other).abs().max().item() if one.numel() else 0
    if isinstance(one, float):
        assert math.isfinite(one) and math.isfinite(other)
        return abs(one - other)
    assert torch.equal(one, other) if torch.is_tensor(one) else one == other
    return 0


# ---- the two processes ----
def said(error, work):
    """What the error says that `work()` raises."""
    try:
        work()
    except error as raised:
        return str(raised)
    return "nothing was raised"


def child(folder):
    """All that the tests want to know of two ranks, each of which saves it as its own."""
    folder, found = Path(folder), {}
    with joined("cpu") as (ranks, device):
        for name, config in CASES.items():
            run, records, sizes = trained(config, ranks)
            found[name] = {"state": run.state(), "records": records, "sizes": sizes}
        found["told"] = told_each_other(ranks)
        found["refused"] = refusals(folder, ranks)
        found["resumed"] = resumed(folder, ranks)
        found["interrupted"] = interrupted(folder, ranks)
        found["lost"] = lost(folder, ranks, found)
    save_state(folder / f"{ranks.rank}.found", found)


def told_each_other(ranks):
    mine = torch.full((2, 3), float(ranks.rank))
    return {"rank": ranks.rank, "size": ranks.size, "averaged": ranks.averaged([mine, mine[0] + 1]),
            "gathered": ranks.gathered(mine[:, :1]), "any": [ranks.any(False), ranks.any(ranks.rank == 1), ranks.any(True)],
            "bytes": [list(ranks.bytes_from_first(given)) for given in ([b"abc", b""][ranks.rank], [b"", b"abc"][ranks.rank])]}


def refusals(folder, ranks):
    def apart():
        run = ParallelTraining(TINY, *data(), ranks=ranks)
        with torch.no_grad():
            run.refiner.leave.bias += ranks.rank
        run.state()

    def remembered_apart():
        run = ParallelTraining(TINY, *data(), ranks=ranks)
        run.update_discriminator()
        run.buffer.images[0] += ranks.rank
        run.state()
    return {"batch": said(UserError, lambda: ParallelTraining(replace(TINY, batch=7), *data(), ranks=ranks)),
            "images": said(UserError, lambda: ParallelTraining(TINY, *data(ranks.rank), ranks=ranks)),
            "settings": said(UserError, lambda: ParallelTraining(replace(TINY, width=8 + ranks.rank), *data(), ranks=ranks)),
            "weights": said(UserError, apart), "state": said(UserError, lambda: hidden(folder, ranks)),
            "history": said(UserError, remembered_apart)}


def hidden(folder, ranks):
    """Go on from a file that the second rank alone can see, as on another machine."""
    path = folder / f"hidden-{ranks.rank}.state"
    if ranks.rank == 1:
        shutil.copy(folder / "of-one-0.state", path)
    train(path, ranks)


def train(path, ranks, config=TINY, save_every=200):
    return train_refiner(path, config, *data(), seed=3, save_every=save_every, bar=False, ranks=ranks)


def resumed(folder, ranks):
    """Of a file that one process has left, which the first rank alone can see; and the file for one process to go on from."""
    train(folder / f"of-two-{ranks.rank}.state", ranks, replace(TINY, steps=5))
    result = train(folder / f"of-one-{ranks.rank}.state", ranks)
    return {"refiner": result.refiner.state_dict(), "records": result.records}


def interrupted(folder, ranks):
    """The signal comes to the second rank alone, in the middle of a step."""
    original = ParallelTraining.update_discriminator

    def struck(run):
        if ranks.rank == 1 and run.done == 6:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(run)
    ParallelTraining.update_discriminator = struck
    stopped = said(KeyboardInterrupt, lambda: train(folder / "interrupted.state", ranks))
    ParallelTraining.update_discriminator = original
    return stopped


def lost(folder, ranks, found):
    """The second rank saves what it found and is gone, in the middle of a step: what the first one then says, and how soon."""
    run = ParallelTraining(TINY, *data(), ranks=ranks)
    for record in run.run():
        if record.step == 5 and ranks.rank == 1:
            save_state(folder / "1.found", found)
            os._exit(0)
        if record.step == 5:
            begun = time.monotonic()
            return [said(UserError, lambda: list(run.run())), time.monotonic() - begun]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What both ranks found, [of rank 0, of rank 1], and the folder they worked in."""
    folder = tmp_path_factory.mktemp("ranks")
    train(folder / "of-one-0.state", ALONE, replace(TINY, steps=5))
    assert torchrun(__file__, folder)[0] == 0
    return [load_state(folder / f"{rank}.found") for rank in (0, 1)], folder


def torchrun(*words):
    """(status, output) of two processes of a program, each with one thread."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(TESTS.parent)}
    with subprocess.Popen([*launcher, *map(str, words)], env=env, text=True, stdout=subprocess.PIPE) as process:
        try:
            return process.wait(200), process.stdout.read()
        except subprocess.TimeoutExpired:
            process.terminate()                           # it ends both of them, which wait for each other
            raise


# ---- what is expected of them ----
@pytest.mark.parametrize("name", CASES)
def test_two_ranks_end_like_one_process_with_the_same_batch(found, name):
    """Weights, optimizers and history within the tolerance; what is drawn at random and what is counted exactly."""
    run, records, _ = trained(CASES[name])
    state, of_two = run.state(), found[0][0][name]
    begun = Training(CASES[name], *data(), seed=3).refiner.state_dict()
    assert largest_difference(state["refiner"], begun) > 100 * TOLERANCE                          # it has learned something
    assert largest_difference(records, of_two["records"]) < TOLERANCE
    for part, value in state.items():
        learned = CASES[name].optimizer == "adam" and part in Training.LEARNED
        assert largest_difference(value, of_two["state"][part]) < (ADAM_WEIGHTS if learned else TOLERANCE), part


@pytest.mark.parametrize("name", CASES)
def test_both_ranks_hold_the_same_and_each_does_half(found, name):
    one, other = (of_rank[name] for of_rank in found[0])
    assert largest_difference(one["state"], other["state"]) == 0 and largest_difference(one["records"], other["records"]) == 0
    whole = trained(CASES[name])[2]
    assert one["sizes"] == other["sizes"] == [size // 2 for size in whole] and 8 in whole


def test_what_ranks_tell_each_other(found):
    for rank, told in enumerate(of_rank["told"] for of_rank in found[0]):
        assert (told["rank"], told["size"]) == (rank, 2)
        assert [mean.tolist() for mean in told["averaged"]] == [[[0.5] * 3] * 2, [1.5] * 3]
        assert told["gathered"].tolist() == [[0.0], [0.0], [1.0], [1.0]]
        assert told["any"] == [False, True, True] and told["bytes"] == [list(b"abc"), []]


def test_alone_each_gets_back_what_it_gave():
    given = torch.arange(3.0)
    assert ALONE.averaged([given])[0] is given and ALONE.gathered(given) is given and ALONE.from_first(given) is given
    assert ALONE.any(True) and not ALONE.any(False) and ALONE.bytes_from_first(b"abc") == b"abc" and ALONE.first
    ALONE.agree("anything", "alone")
    run, records, _ = trained(TINY, ALONE)
    plain, plain_records, _ = trained(TINY)
    assert largest_difference([run.state(), records], [plain.state(), plain_records]) == 0


@pytest.mark.parametrize("of, expected", [
    ("batch", "batch: expected a multiple of 2, the number of ranks, found 7"),
    ("images", "images to refine: of rank 0 and of rank 1"), ("settings", "width: of rank 0 and of rank 1"),
    ("weights", "step 0: weights or history: of rank 0 and of rank 1 they differ"),
    ("state", ".state: the state of a run is seen by another rank, expected where rank 0 sees it"),
    ("history", "step 0: weights or history: of rank 0 and of rank 1 they differ")])
def test_what_ranks_cannot_share_all_of_them_refuse(found, of, expected):
    assert all(expected in of_rank["refused"][of] for of_rank in found[0])


def test_two_ranks_take_up_what_one_process_left(found, tmp_path):
    ranks = found[0]
    whole = train(tmp_path / "whole.state", ALONE)
    for of_rank in ranks:
        assert largest_difference(whole.refiner.state_dict(), of_rank["resumed"]["refiner"]) < TOLERANCE
        assert largest_difference(whole.records[9:], of_rank["resumed"]["records"][9:]) < TOLERANCE


def test_one_process_takes_up_what_two_ranks_left(found, tmp_path):
    folder = found[1]
    assert load_state(folder / "of-two-0.state")["run"]["done"] == 9
    whole, goes_on = train(tmp_path / "whole.state", ALONE), train(folder / "of-two-0.state", ALONE)
    assert largest_difference(whole.refiner.state_dict(), goes_on.refiner.state_dict()) < TOLERANCE


def test_the_first_rank_alone_writes(found):
    assert sorted({path.name.removesuffix(".previous") for path in found[1].iterdir()}) == [
        "0.found", "1.found", "hidden-1.state", "interrupted.state", "of-one-0.state", "of-two-0.state"]


def test_a_signal_to_one_rank_stops_both_after_the_same_step_and_its_state_is_kept(found):
    ranks, folder = found
    assert [of_rank["interrupted"] for of_rank in ranks] == ["", ""]                    # KeyboardInterrupt says nothing
    state = load_state(folder / "interrupted.state")["run"]
    assert state["done"] == 7
    run = Training(TINY, *data(), seed=3)
    for record in run.run():
        if record.step == 7:
            break
    assert largest_difference(run.state(), state) < TOLERANCE


def test_a_rank_that_is_left_alone_says_so_soon(found):
    said, seconds = found[0][0]["lost"]
    assert said.startswith("another rank is gone, whose own line says why (") and seconds < 20


def test_memory_is_asked_for_a_ranks_part_of_the_maps(monkeypatch):
    asked = []
    monkeypatch.setattr(Ranks, "agree", lambda *_: None)
    for size in (1, 4):
        monkeypatch.setattr("simgan_lib.training.check_memory", lambda needed, *_: asked.append(needed))
        ParallelTraining(TINY, *data(), ranks=Ranks(0, size))
    assert asked[0] - asked[1] == 2 * (8 - 2) * 8 * 3 * 20 * 24                         # bytes: bfloat16 maps of 6 images fewer


# ---- the command ----
def test_torchrun_trains_one_refiner(tmp_path, capsys):
    for name, images in zip(("synthetic", "real"), data()):
        images.save(tmp_path / name)
    sizes = "steps=3 batch=4 refiner_warmup=1 discriminator_warmup=1 buffer=4 width=4 blocks=1 optimizer=sgd mixed_precision=false"
    words = [*(word for size in sizes.split() for word in ("--set", size)), "--device", "cpu"]
    given = ("train", tmp_path / "synthetic", tmp_path / "real")
    status, printed = torchrun("-m", "simgan_lib", *given, tmp_path / "two.safetensors", *words)
    assert status == 0 and printed.count("the refiner: ") == 1
    assert command(capsys, *given, tmp_path / "one.safetensors", *words)[0] == 0
    one, two = (load_state(tmp_path / f"{name}.safetensors.run.state") for name in ("one", "two"))
    one["log"]["seconds"] = two["log"]["seconds"]
    assert largest_difference(one, two) < TOLERANCE
    assert {path.name for path in tmp_path.iterdir()} == {
        "synthetic", "real", *(f"{name}.safetensors{more}" for name in ("one", "two") for more in ("", ".run.state"))}


def test_other_commands_are_refused_in_ranks(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "only `train` works in ranks" in refused(capsys, "simulate", tmp_path / "out", "--number", 4)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["cuda:1", "mps"])
def test_a_device_that_ranks_cannot_share_is_refused(name, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(ranks_module, "resolve_device", torch.device)
    with pytest.raises(UserError, match="several ranks cannot share it"), joined(name):
        pass


def test_ranks_that_name_no_device_take_the_cpu_where_there_is_only_apples_gpu(monkeypatch):
    monkeypatch.setattr(ranks_module, "resolve_device", lambda name: torch.device("mps" if name == "auto" else name))
    assert ranks_module._own_device("auto") == torch.device("cpu")


def test_ranks_of_other_code_are_refused(monkeypatch):
    """What the ranks compare before the first step."""
    agreed = []
    ranks = SimpleNamespace(size=2, rank=0, agree=lambda value, what: agreed.append((what, value)))
    ParallelTraining(TINY, *data(), seed=3, ranks=ranks)
    assert agreed[0] == ("the kit's code", kit_digest()) and {"batch", "seed", "real images"} <= dict(agreed).keys()


def test_each_rank_has_the_gpu_of_its_number_on_its_machine(monkeypatch):
    began, chosen = [], []
    monkeypatch.setenv("WORLD_SIZE", "4"), monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(ranks_module, "resolve_device", lambda name: torch.device("cuda" if name == "auto" else name))
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(ranks_module.dist, "init_process_group", began.append)
    monkeypatch.setattr(ranks_module.dist, "destroy_process_group", lambda: began.append("ended"))
    monkeypatch.setattr(ranks_module.dist, "get_rank", lambda: 3)
    monkeypatch.setattr(ranks_module.dist, "get_world_size", lambda: 4)
    with joined("auto") as (ranks, device):
        assert (ranks, device, chosen) == (Ranks(3, 4), torch.device("cuda:1"), [torch.device("cuda:1")])
    assert began == ["cpu:gloo,cuda:nccl", "ended"]


def test_a_launcher_that_says_half_of_it_gets_one_line(monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2"), monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(UserError, match="the other ranks cannot be reached .*RANK expected"), joined("cpu"):
        pass


def test_a_plain_run_is_alone(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined("cpu") as got:
        assert got == (ALONE, resolve_device("cpu"))


if __name__ == "__main__":
    sys.exit(exit_status(lambda: child(sys.argv[1])))
