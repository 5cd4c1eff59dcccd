"""A checkpoint comes back bit for bit or not at all, whatever happens to the file, the disk or the process."""

import hashlib
import io
import json
import math
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections import OrderedDict
from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save as tensors_to_bytes

from simgan_lib.system import checkpoints, device
from simgan_lib.system.checkpoints import STATE, load_checkpoint, load_module, load_state, save_checkpoint, save_module, save_state
from simgan_lib.system.errors import UserError
from simgan_lib.system.places import locked

TENSORS = {"weight": torch.arange(6.0).reshape(2, 3), "images": torch.arange(40, dtype=torch.uint8),
           "step": torch.tensor(7)}


def same(a, b):
    """Equal in type, structure and every bit, memory layout included."""
    if torch.is_tensor(a):
        bits = [x.contiguous().reshape(-1).view(torch.uint8) if x.numel() else x for x in (a, b)]
        return a.dtype == b.dtype and a.shape == b.shape and a.stride() == b.stride() and torch.equal(*bits)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and repr(a) == repr(b)  # repr tells -0.0 from 0.0, and nan is nan


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The bytes of a good checkpoint."""
    path = tmp_path_factory.mktemp("good") / "net.safetensors"
    save_checkpoint(path, TENSORS, {"step": 7, "note": 'quotes " and \\"sha256\\": \\"' + "0" * 64})
    return path.read_bytes()


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The bytes of a good state."""
    path = tmp_path_factory.mktemp("good") / "run.state"
    save_state(path, {"net": TENSORS, "step": 7})
    return path.read_bytes()


def unreadable(path, content, load=load_checkpoint):
    """The message for a checkpoint whose file has this content."""
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


# What is read is what was written


@pytest.mark.parametrize("value", [
    torch.tensor([0.1, -0.0, math.nan, math.inf, 1e-45]), torch.tensor(3.5, dtype=torch.float64), torch.tensor(True),
    torch.empty(0, 3), torch.tensor([1.5], dtype=torch.bfloat16), torch.tensor([2**62]),
    torch.arange(12).reshape(3, 4)[1:, 1], torch.randn(8)[2:5], torch.ones(1).expand(3), torch.nn.Parameter(torch.ones(2)),
    torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last), torch.ones(2, 1, 4, 5).to(memory_format=torch.channels_last),
], ids=lambda v: f"{str(v.dtype).removeprefix('torch.')}-{tuple(v.shape)}")
def test_a_tensor_comes_back_bit_for_bit(tmp_path, value):
    save_state(tmp_path / "state", {"value": value})
    dense = value.detach() if value.is_contiguous() or value.ndim == 4 else value.contiguous()
    assert same(load_state(tmp_path / "state")["value"], dense)
    save_checkpoint(tmp_path / "net", {"value": value}, {})
    plain = dense.clone(memory_format=torch.contiguous_format)
    assert same(load_checkpoint(tmp_path / "net")[0]["value"], plain)


def test_a_view_is_kept_without_what_it_is_cut_from(tmp_path):
    save_state(tmp_path / "state", {"shown": torch.zeros(1_000_000)[:12]})
    assert (tmp_path / "state").stat().st_size < 10_000


def test_two_names_for_one_tensor_come_back_as_two(tmp_path):
    shared = torch.arange(4.0)
    save_checkpoint(tmp_path / "c", {"a": shared, "b": shared, "part": shared[1:]}, {})
    tensors, _ = load_checkpoint(tmp_path / "c")
    assert torch.equal(tensors["a"], tensors["b"]) and torch.equal(tensors["part"], shared[1:])


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
arrays = st.lists(st.floats(width=32), max_size=3).map(torch.tensor) | st.integers(0, 9).map(torch.tensor)
keys = st.text(max_size=3) | st.sampled_from(["$tensor", "$tuple", "$dict", "a/b", "a"]) | st.integers(0, 3) | st.none()
nested_states = st.recursive(scalars | arrays, lambda inside: st.lists(inside, max_size=3) | st.lists(inside).map(tuple)
                             | st.dictionaries(keys, inside, max_size=3), max_leaves=8)


@settings(deadline=None, max_examples=100)
@given(state=nested_states)
def test_any_nested_state_survives_the_file(tmp_path_factory, state):
    path = tmp_path_factory.getbasetemp() / "nested.state"
    save_state(path, state)
    assert same(load_state(path), state)


def test_numbers_of_numpy_and_ordered_dictionaries_come_back_as_plain_ones(tmp_path):
    save_state(tmp_path / "state", OrderedDict(loss=np.float64(0.1)))
    state = load_state(tmp_path / "state")
    assert type(state) is dict and same(state, {"loss": 0.1})


@pytest.mark.parametrize("state, said", [({"optimizer": {"hooks": [1, object()]}}, "the state/optimizer/hooks/1.*object"),
                                         ({(1, 2): 3}, "keys"), ({"days": {"a", "b"}}, "set"), ({"n": np.int64(3)}, "int64")])
def test_what_cannot_be_read_back_is_named_when_it_is_saved(tmp_path, state, said):
    with pytest.raises(TypeError, match=said):
        save_state(tmp_path / "state", state)
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("optimizer_of", [
    lambda p: torch.optim.AdamW(p, lr=1e-3, betas=(0.5, 0.9), amsgrad=True),
    lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
    lambda p: torch.optim.SGD([{"params": list(p), "lr": 0.1, "nesterov": False}]),
], ids=["AdamW", "momentum", "SGD"])
def test_training_goes_on_from_a_checkpoint_as_if_it_had_not_stopped(tmp_path, optimizer_of):
    """Weights, optimizer and generator: the resumed steps give the very bits of the uninterrupted ones."""

    def fresh():
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Conv2d(4, 2, 3))
        net = net.to(memory_format=torch.channels_last)
        return net, optimizer_of(net.parameters()), torch.Generator().manual_seed(5)

    def steps(net, optimizer, generator, n):
        for _ in range(n):
            optimizer.zero_grad()
            net(torch.randn(3, 1, 9, 9, generator=generator)).square().sum().backward()
            optimizer.step()

    net, optimizer, generator = fresh()
    steps(net, optimizer, generator, 3)
    save_state(tmp_path / "run", {"net": net.state_dict(), "optimizer": optimizer.state_dict(),
                                  "generator": generator.get_state()})
    steps(net, optimizer, generator, 3)

    again, its_optimizer, its_generator = fresh()
    read = load_state(tmp_path / "run")
    again.load_state_dict(read["net"])
    its_optimizer.load_state_dict(read["optimizer"])
    its_generator.set_state(read["generator"])
    steps(again, its_optimizer, its_generator, 3)
    assert same(dict(again.state_dict()), dict(net.state_dict()))
    assert same(its_optimizer.state_dict(), optimizer.state_dict())
    assert same(its_generator.get_state(), generator.get_state())


def test_the_same_content_is_the_same_bytes(tmp_path, written):
    """So that a shipped network changes in git only when it changes."""
    again = dict(reversed(TENSORS.items()))
    save_checkpoint(tmp_path / "c", again, load_about(tmp_path, written))
    assert (tmp_path / "c").read_bytes() == written


def load_about(tmp_path, content):
    (tmp_path / "good").write_bytes(content)
    return load_checkpoint(tmp_path / "good")[1]


def test_saving_leaves_the_tensors_of_a_running_training_alone(tmp_path):
    parameter = torch.nn.Parameter(torch.ones(3))
    save_checkpoint(tmp_path / "c", {"p": parameter}, {})
    assert parameter.requires_grad and not load_checkpoint(tmp_path / "c")[0]["p"].requires_grad


# What was damaged is refused by name


def test_a_file_cut_short_anywhere_is_refused(tmp_path, written, kept):
    for length in range(len(written)):
        unreadable(tmp_path / "cut", written[:length])
    for length in range(len(kept)):
        unreadable(tmp_path / "cut", kept[:length], load_state)


def test_a_cut_in_the_tensors_says_how_many_bytes_there_are_and_should_be(tmp_path, written):
    message = unreadable(tmp_path / "cut", written[:-5])
    assert f"found {len(written) - 5} bytes, expected {len(written)}" in message


def test_bytes_too_many_are_refused(tmp_path, written, kept):
    assert f"expected {len(written)}" in unreadable(tmp_path / "long", written + b"\0")
    assert "damaged" in unreadable(tmp_path / "long", kept + b"\0", load_state)


@settings(deadline=None, max_examples=400)
@given(data=st.data())
def test_a_changed_byte_anywhere_is_refused(tmp_path_factory, written, kept, data):
    for content, load in ((written, load_checkpoint), (kept, load_state)):
        changed = bytearray(content)
        changed[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        unreadable(tmp_path_factory.getbasetemp() / "changed", bytes(changed), load)


def test_a_flipped_bit_in_a_tensor_shows_both_digests(tmp_path, written):
    assert "found SHA-256" in unreadable(tmp_path / "c", written[:-1] + bytes([written[-1] ^ 1]))


@settings(deadline=None, max_examples=100)
@given(content=st.binary(max_size=60))
def test_a_file_of_anything_else_is_refused(tmp_path_factory, content):
    for load in (load_checkpoint, load_state):
        unreadable(tmp_path_factory.getbasetemp() / "junk", content, load)


def test_foreign_and_later_files_are_refused(tmp_path, written, monkeypatch):
    assert "no checkpoint of this kit" in unreadable(tmp_path / "foreign", tensors_to_bytes(TENSORS))
    monkeypatch.setattr(checkpoints, "FORMAT", "simgan-checkpoint-9")
    assert "expected 'simgan-checkpoint-9'" in unreadable(tmp_path / "other", written)


def test_a_network_and_a_state_of_an_earlier_version_are_no_state(tmp_path, written):
    assert "no state of a run, or one of an earlier version" in unreadable(tmp_path / "net", written, load_state)


def test_the_code_in_a_pickle_does_not_run_even_if_the_digest_fits(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "trap"),)

    torch.save({"weights": Trap()}, tmp_path / "pickle.pt")
    content = (tmp_path / "pickle.pt").read_bytes()
    for load in (load_checkpoint, load_state):
        unreadable(tmp_path / "pickle.pt", content, load)
    behind = STATE + hashlib.sha256(content).hexdigest().encode() + b"\n" + content
    assert "UnpicklingError" in unreadable(tmp_path / "crafted.state", behind, load_state)
    assert not (tmp_path / "trap").exists()


def test_a_missing_file_or_a_folder_is_named(tmp_path):
    for path in (tmp_path / "nothing", tmp_path):
        for load in (load_checkpoint, load_state):
            with pytest.raises(UserError, match=f"{path}: could not be read"):
                load(path)


# Networks with their card


def test_a_network_comes_back_with_its_card(tmp_path):
    made, other = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    save_module(tmp_path / "net", made, {"seed": 3, "gaze_error_deg": 5.5})
    assert load_module(tmp_path / "net", other) == {"seed": 3, "gaze_error_deg": 5.5}
    assert same(dict(other.state_dict()), dict(made.state_dict()))


def test_networks_of_earlier_versions_are_still_read(tmp_path):
    """Their header has one entry more, the names of the weights that were channels_last."""
    made, other = torch.nn.Conv2d(2, 3, 3), torch.nn.Conv2d(2, 3, 3).to(memory_format=torch.channels_last)
    header = {"format": checkpoints.FORMAT, "sha256": checkpoints.NO_DIGEST, "channels_last": ["weight"],
              "about": {"card": {"seed": 3}}}
    content = tensors_to_bytes(made.state_dict(), {"simgan": json.dumps(header)})
    digest = hashlib.sha256(content).hexdigest().encode()
    (tmp_path / "old").write_bytes(content.replace(checkpoints.NO_DIGEST.encode(), digest))
    assert load_module(tmp_path / "old", other) == {"seed": 3}
    assert torch.equal(other.weight, made.weight) and torch.equal(other.bias, made.bias)
    assert other.weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("other, found", [(torch.nn.Linear(4, 2), r"weight is \(2, 3\) .* in the file, expected \(2, 4\)"),
                                          (torch.nn.Linear(3, 2, bias=False), "bias is .* expected no such tensor"),
                                          (torch.nn.Sequential(torch.nn.Linear(3, 2)), r"0.bias is absent"),
                                          (torch.nn.Linear(3, 2).half(), "float32 in the file, expected .*float16")])
def test_weights_of_another_network_are_refused_and_nothing_is_changed(tmp_path, other, found):
    save_module(tmp_path / "net", torch.nn.Linear(3, 2), {})
    before = {name: value.clone() for name, value in other.state_dict().items()}
    with pytest.raises(UserError, match=found):
        load_module(tmp_path / "net", other)
    assert same(before, dict(other.state_dict()))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_network_with_a_weight_that_is_not_finite_is_neither_saved_nor_read(tmp_path, value):
    broken, path = torch.nn.Linear(3, 2), tmp_path / "net"
    save_module(path, torch.nn.Linear(3, 2), {})
    before = path.read_bytes()
    with torch.no_grad():
        broken.bias[1] = value
    with pytest.raises(UserError, match=r"net: the network has weights that are not finite numbers \(bias\)"):
        save_module(path, broken, {})
    assert path.read_bytes() == before
    save_checkpoint(path, broken.state_dict(), {"card": {}})
    with pytest.raises(UserError, match="not finite"):
        load_module(path, torch.nn.Linear(3, 2))


def test_a_file_that_is_larger_than_the_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    save_module(tmp_path / "net", torch.nn.Linear(30, 20), {})
    save_state(tmp_path / "state", {"x": torch.zeros(600)})
    monkeypatch.setattr(device, "memory_limit", lambda: 1000)
    for path, load in ((tmp_path / "net", load_checkpoint), (tmp_path / "state", load_state)):
        with pytest.raises(UserError, match=f"{path}: the file takes at least .* of memory, and there are 1 kB"):
            load(path)


def test_a_state_whose_bytes_would_become_many_is_refused(tmp_path):
    """What `torch.save` writes is not packed; what is packed may be a gigabyte of zeros."""
    save_state(tmp_path / "state", {"x": torch.zeros(100_000)})
    content = (tmp_path / "state").read_bytes().split(b"\n", 2)[2]
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as plain, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as small:
        for entry in plain.infolist():
            small.writestr(entry.filename, plain.read(entry))
    content = packed.getvalue()
    (tmp_path / "packed").write_bytes(STATE + hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
    assert len(content) < 10_000
    with pytest.raises(UserError, match="packed, as no state is"):
        load_state(tmp_path / "packed")


# What fails while writing leaves the previous checkpoint


def program(body, path, **kwargs):
    """A Python process that runs `body`, with `path` and what it needs at hand."""
    start = ("import sys, resource, torch\nfrom simgan_lib.system.checkpoints import load_state, save_state\n"
             "from simgan_lib.system.errors import UserError\npath = sys.argv[1]\n")
    command = [sys.executable, "-c", start + body, str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **kwargs)


def wait_for_a_write(folder, process):
    """Return as soon as the process has begun to write its temporary file."""
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        for unfinished in folder.glob(".*.unfinished"):
            with suppress(FileNotFoundError):
                if unfinished.stat().st_size:
                    return
    pytest.fail("the process never wrote")


def test_kill_9_while_writing_leaves_a_whole_checkpoint(tmp_path):
    """Real kills in the middle of a write and just after: what stands there always loads, whole."""
    path, left = tmp_path / "run.state", 0
    save_state(path, {"step": 0, "big": torch.zeros(4_000_000)})
    body = ("torch.set_num_threads(1)\nstep = int(load_state(path)['step'])\nwhile True:\n"
            "    step += 1\n    save_state(path, {'step': step, 'big': torch.full((4_000_000,), float(step))})")
    for delay in (0, 0, 0.005, 0.02):
        with program(body, path) as process:
            wait_for_a_write(tmp_path, process)
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
        state = load_state(path)
        assert torch.equal(state["big"], torch.full((4_000_000,), float(state["step"])))
        left += len(list(tmp_path.glob(".*.unfinished")))
    assert left, "no kill fell into a write: this test would not see a half written file"
    save_state(path, {"step": 0})
    assert os.listdir(tmp_path) == ["run.state"], "the next save clears away what the kills left"


def test_a_disk_without_space_leaves_the_previous_checkpoint(tmp_path):
    """The limit on file size makes write() fail for real, half way through the file."""
    path = tmp_path / "run.state"
    save_state(path, {"step": 1})
    before = path.read_bytes()
    body = ("resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
            "try:\n    save_state(path, {'step': 2, 'big': torch.ones(1_000_000)})\n"
            "except UserError as error:\n    print(error)")
    with program(body, path) as process:
        message = process.stdout.read()
    assert message.startswith(f"{path}: could not be written") and message.count("\n") == 1
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["run.state"]


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_an_error_at_the_last_moment_leaves_the_previous_checkpoint(tmp_path, monkeypatch, moment):
    save_state(tmp_path / "run", {"step": 1})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, moment, full)
    with pytest.raises(UserError, match="run: could not be written .No space left on device"):
        save_state(tmp_path / "run", {"step": 2})
    assert load_state(tmp_path / "run") == {"step": 1} and os.listdir(tmp_path) == ["run"]


def test_ctrl_c_while_writing_leaves_the_previous_checkpoint(tmp_path, monkeypatch):
    save_state(tmp_path / "run", {"step": 1})

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_state(tmp_path / "run", {"step": 2})
    assert load_state(tmp_path / "run") == {"step": 1} and os.listdir(tmp_path) == ["run"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("here is no folder")
    with pytest.raises(UserError, match="file/run: could not be written"):
        save_state(tmp_path / "file" / "run", {})
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="folder: could not be written"):
        save_state(tmp_path / "folder", {})
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_readonly_folder_is_named(tmp_path):
    save_state(tmp_path / "run", {"step": 1})
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UserError, match="run: could not be written .Permission denied"):
            save_state(tmp_path / "run", {"step": 2})
        assert load_state(tmp_path / "run") == {"step": 1}
    finally:
        tmp_path.chmod(0o700)


def test_the_leftover_of_a_living_process_is_left_alone(tmp_path):
    (tmp_path / ".run.1.unfinished").touch()
    with locked(tmp_path / ".run.2.unfinished"):
        save_state(tmp_path / "run", {})
    assert sorted(os.listdir(tmp_path)) == [".run.2.unfinished", "run"]
