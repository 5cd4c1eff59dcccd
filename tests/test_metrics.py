"""Losses that are written while a training runs: each logged step once, whatever happened to the run."""

import builtins
import importlib.util
import itertools
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from test_cli import refused, run

from simgan_lib.experiments import metrics
from simgan_lib.experiments.metrics import watching
from simgan_lib.experiments.runs import Log, train_refiner
from simgan_lib.images import ImageSet
from simgan_lib.system.errors import UserError
from simgan_lib.training import Training, TrainingConfig

TINY = TrainingConfig(steps=12, batch=4, refiner_warmup=2, discriminator_warmup=1, buffer=8, width=2, blocks=0, features="identity")
STEPS = list(range(1, TINY.total + 1))
there = pytest.mark.skipif(importlib.util.find_spec("tensorboard") is None, reason="the package tensorboard is not installed")


@pytest.fixture
def data():
    images = torch.randint(256, (2, 30, 1, 14, 14), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return [ImageSet(each) for each in images]


def trained(folder, data, config=TINY, **places):
    """Train in the folder, with the losses written to the places."""
    with watching(**places) as watch:
        return train_refiner(folder / "run.state", config, *data, save_every=4, bar=False, watch=watch)


def stopped_at(monkeypatch, step, sent=None):
    """The training of this context dies in that step: without another word, or by a signal that waits for the step's end."""
    original = Training._round

    def dying(self):
        if self.done + 1 == step:
            if sent is None:
                raise MemoryError("the test's")
            signal.raise_signal(sent)
        return original(self)
    monkeypatch.setattr(Training, "_round", dying)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_logged_step_is_a_line_with_the_numbers_of_its_record(data, tmp_path):
    done = trained(tmp_path, data, lines=tmp_path / "m.jsonl")
    assert lines(tmp_path / "m.jsonl") == done.records and [each["step"] for each in done.records] == STEPS
    assert set(done.records[-1]) == {"step", "total", "phase", "discriminator", "adversarial", "regularization", "right_real",
                                     "right_refined"}


def test_a_line_is_on_the_disk_when_its_step_is_done(data, tmp_path):
    """Another program follows it: nothing waits for the next save, or for the end."""
    def followed(records):
        assert lines(tmp_path / "m.jsonl") == records
        seen.append(len(records))
    seen = []
    with watching(tmp_path / "m.jsonl") as watch:
        train_refiner(tmp_path / "run.state", TINY, *data, save_every=100, bar=False, watch=[*watch, followed])
    assert seen == [0, *STEPS]


@pytest.mark.parametrize("step, sent, error", [(11, None, MemoryError), (6, signal.SIGTERM, KeyboardInterrupt)])
def test_a_run_that_went_on_has_no_step_twice_and_misses_none(data, tmp_path, monkeypatch, step, sent, error):
    """Killed in step 11, it goes on from the state of step 8: the lines beyond that are written anew."""
    with monkeypatch.context() as patch:
        stopped_at(patch, step, sent)
        with pytest.raises(error):
            trained(tmp_path, data, lines=tmp_path / "m.jsonl")
    assert [each["step"] for each in lines(tmp_path / "m.jsonl")] == list(range(1, step if sent is None else step + 1))
    done = trained(tmp_path, data, lines=tmp_path / "m.jsonl")
    assert lines(tmp_path / "m.jsonl") == done.records and [each["step"] for each in done.records] == STEPS


def test_a_half_written_line_a_lost_file_and_one_asked_for_late_are_made_good(data, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stopped_at(patch, 11)
        with pytest.raises(MemoryError):
            trained(tmp_path, data, lines=tmp_path / "m.jsonl")
    with open(tmp_path / "m.jsonl", "ab") as file:
        file.write(b'{"step": 11, "to')
    whole = trained(tmp_path, data, lines=tmp_path / "m.jsonl").records
    (tmp_path / "m.jsonl").unlink()
    for name in ("m.jsonl", "later.jsonl"):
        trained(tmp_path, data, lines=tmp_path / name)            # all steps are done
        assert lines(tmp_path / name) == whole


def test_a_finished_run_that_is_asked_for_more_adds_the_new_steps(data, tmp_path):
    trained(tmp_path, data, lines=tmp_path / "m.jsonl")
    trained(tmp_path, data, replace(TINY, steps=TINY.steps + 5), lines=tmp_path / "m.jsonl")
    assert [each["step"] for each in lines(tmp_path / "m.jsonl")] == list(range(1, TINY.total + 6))


def test_a_run_that_begins_anew_leaves_no_line_of_the_one_before(data, tmp_path):
    trained(tmp_path, data, lines=tmp_path / "m.jsonl")
    (tmp_path / "run.state").unlink()
    trained(tmp_path, data, replace(TINY, steps=2), lines=tmp_path / "m.jsonl")
    assert [each["total"] for each in lines(tmp_path / "m.jsonl")] == [5] * 5


def test_long_runs_are_logged_at_the_spacing_of_the_log():
    """Looking waits for the device."""
    told = []
    log, run_ = Log(4000, [lambda records: told.append(records[-1]["step"])]), SimpleNamespace(result=None)
    log.moments = set()
    for step in range(1, 41):
        log.note(SimpleNamespace(step=step, numbers=lambda step=step: {"step": step}), run_, None)
    assert told == [10, 20, 30, 40]


def test_a_number_that_is_none_is_null_as_json_has_it(tmp_path):
    with watching(tmp_path / "m.jsonl") as (watch,):
        watch([{"step": 1, "phase": "adversarial", "discriminator": float("nan")}])
    assert '"discriminator": null' in (tmp_path / "m.jsonl").read_text()


@pytest.mark.parametrize("content", [b"my notes\n", b"[1, 2]\n", b'{"run": "abc", "measure": "sd"}\n', b"\xff\x00\n", b"7\n"])
def test_a_file_of_something_else_is_refused_and_stays(data, tmp_path, content):
    (tmp_path / "m.jsonl").write_bytes(content)
    with pytest.raises(UserError, match="m.jsonl: expected the losses of a training, or nothing there, found another file"):
        trained(tmp_path, data, lines=tmp_path / "m.jsonl")
    assert (tmp_path / "m.jsonl").read_bytes() == content and not (tmp_path / "run.state").exists()


def test_two_runs_do_not_write_to_one_file(tmp_path):
    with watching(tmp_path / "m.jsonl"), pytest.raises(UserError, match="another process is at work there"):
        with watching(tmp_path / "m.jsonl"):
            pass


def test_a_disk_that_is_full_is_one_line_that_names_the_file(tmp_path):
    program = ("import resource, signal, sys\nfrom simgan_lib.experiments.metrics import watching\n"
               "from simgan_lib.system.errors import UserError\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
               "record = {'step': 1, 'phase': 'adversarial'}\nwith watching(sys.argv[1]) as (watch,):\n    watch([record])\n"
               "    resource.setrlimit(resource.RLIMIT_FSIZE, (60, 60))\n"
               "    try:\n        watch([record] * 9)\n    except UserError as error:\n        print(error)")
    said = subprocess.run([sys.executable, "-c", program, tmp_path / "m.jsonl"], capture_output=True, text=True, check=True).stdout
    assert said == f"{tmp_path / 'm.jsonl'}: could not be written (File too large); the run is kept as it was last saved\n"


# ---- TensorBoard ----
class Writer:
    """In place of SummaryWriter: what a reader would see of the folder, as TensorBoard purges it."""

    folders = {}

    def __init__(self, folder, purge_step):
        self.seen = self.folders.setdefault(folder, [])
        self.seen[:] = [each for each in self.seen if each[1] < purge_step]

    def add_scalar(self, name, value, step):
        self.seen.append((name, step, value))

    def flush(self):
        pass

    close = flush


def of_records(records):
    return sorted((name, each["step"], value) for each in records for name, value in each.items() if name not in metrics.NOT_CURVES)


def test_curves_have_each_logged_step_once_after_a_kill_too(data, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=Writer))
    with monkeypatch.context() as patch:
        stopped_at(patch, 11)
        with pytest.raises(MemoryError):
            trained(tmp_path, data, tensorboard=tmp_path / "board")
    done = trained(tmp_path, data, tensorboard=tmp_path / "board")
    assert sorted(Writer.folders[str(tmp_path / "board")]) == of_records(done.records)


@there
def test_tensorboard_itself_shows_each_logged_step_once_after_a_kill(data, tmp_path, monkeypatch):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    with monkeypatch.context() as patch:
        stopped_at(patch, 11)
        with pytest.raises(MemoryError):
            trained(tmp_path, data, tensorboard=tmp_path / "board")
    done = trained(tmp_path, data, tensorboard=tmp_path / "board")
    assert len(os.listdir(tmp_path / "board")) == 2
    found = EventAccumulator(str(tmp_path / "board"), size_guidance={"scalars": 0})
    found.Reload()
    shown = sorted((name, each.step, each.value) for name in found.Tags()["scalars"] for each in found.Scalars(name))
    assert [each[:2] for each in shown] == [each[:2] for each in of_records(done.records)]
    assert [each[2] for each in shown] == pytest.approx([each[2] for each in of_records(done.records)])


def test_without_tensorboard_one_line_says_what_to_install(tmp_path, monkeypatch, capsys):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("torch.utils.tensorboard"):
            raise ModuleNotFoundError("No module named 'tensorboard'")
        return real(name, *rest)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    line = refused(capsys, "train", tmp_path / "a", tmp_path / "b", tmp_path / "r.safetensors", "--tensorboard", tmp_path / "board")
    assert line.endswith("pip install tensorboard") and not (tmp_path / "board").exists()


# ---- the command line ----
def test_train_writes_what_is_asked_for(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=Writer))
    for name, images in zip(("synthetic", "real"), data):
        images.save(tmp_path / name)
    words = ("train", tmp_path / "synthetic", tmp_path / "real", tmp_path / "r.safetensors", "--device", "cpu",
             *itertools.chain(*(("--set", f"{name}={getattr(TINY, name)}") for name in
                                ("steps", "batch", "refiner_warmup", "discriminator_warmup", "buffer", "width", "blocks"))))
    status, _, error = run(capsys, *words, "--metrics", tmp_path / "m.jsonl", "--tensorboard", tmp_path / "board")
    assert status == 0, error
    assert [each["step"] for each in lines(tmp_path / "m.jsonl")] == STEPS
    assert sorted(Writer.folders[str(tmp_path / "board")]) == of_records(lines(tmp_path / "m.jsonl"))
    assert "could not be written" in refused(capsys, *words, "--metrics", tmp_path / "synthetic")
    for own in ("r.safetensors", "r.safetensors.run.state"):
        assert str(tmp_path / own) in refused(capsys, *words, "--metrics", tmp_path / own)
