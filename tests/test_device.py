"""Which device and which number format."""

from contextlib import nullcontext

import pytest
import torch

from simgan_lib.system import device as precision
from simgan_lib.system.device import autocast_for, resolve_device
from simgan_lib.system.errors import UserError


def test_auto_takes_the_gpu_if_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto") == torch.device("cuda")


@pytest.fixture
def apple(monkeypatch):
    """Gives a function: this machine has Apple's GPU, whose first step gives what the function is told."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    on_cpu, first_step = precision._first_step("cpu"), precision._first_step

    def gives(what):
        def step(device):
            return first_step(device) if device == "cpu" else what(on_cpu)
        monkeypatch.setattr(precision, "_first_step", step)
        precision.agrees.cache_clear()
    yield gives
    precision.agrees.cache_clear()


def test_auto_takes_apples_gpu_if_it_agrees(apple, capsys):
    apple(lambda found: [each * (1 + 1e-5) for each in found])
    assert resolve_device("auto") == torch.device("mps") and capsys.readouterr().err == ""


def lacks(found):
    raise NotImplementedError("The operator 'aten::upsample_bicubic2d' is not implemented")


@pytest.mark.parametrize("what, said", [
    (lambda found: [found[0] * 1.02, *found[1:]], "differs from the CPU's by 2 %"),               # the loss alone
    (lambda found: [*found[:-1], found[-1] * float("nan")], "differs from the CPU's by nan %"),
    (lacks, "failed (The operator 'aten::upsample_bicubic2d' is not implemented)")])
def test_auto_says_why_it_does_not_take_apples_gpu(what, said, apple, capsys):
    apple(what)
    assert resolve_device("auto") == torch.device("cpu")
    assert said in (note := capsys.readouterr().err) and "--device mps" in note and note.count("\n") == 1
    assert resolve_device("auto") == torch.device("cpu") and capsys.readouterr().err == ""           # asked once
    assert resolve_device("mps") == torch.device("mps")                                              # who asks for it, gets it


def test_a_first_step_is_the_same_again_and_leaves_the_global_generator():
    before = torch.random.get_rng_state()
    first, again = precision._first_step("cpu"), precision._first_step("cpu")
    assert all(torch.equal(a, b) and a.abs().max() > 0 for a, b in zip(first, again))
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("part, wrong", [
    ("interpolate", lambda right: lambda *given, **how: 7 * right(*given, **how)),
    ("log_softmax", lambda right: lambda *given, **how: right(*given, **how) * 1.05),
    ("linear", lambda right: lambda *given, **how: right(*given, **how).flip(-1)),
    ("max_pool2d", lambda right: lambda *given, **how: right(*given, **how) + 0.05)])
def test_a_device_whose_operation_is_wrong_does_not_agree(part, wrong, monkeypatch, capsys):
    first_step, right = precision._first_step, getattr(precision.F, part)

    def step(device):
        with monkeypatch.context() as there:
            if device == "wrong":
                there.setattr(precision.F, part, wrong(right))
            return first_step("cpu")
    monkeypatch.setattr(precision, "_first_step", step)
    assert precision.agrees.__wrapped__("right") and not precision.agrees.__wrapped__("wrong")
    assert "differs from the CPU's by" in capsys.readouterr().err


def test_a_gpu_that_is_not_there_is_refused_with_a_way_on(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(UserError, match=r"a GPU was asked for \(cuda\) but torch sees none; use --device cpu"):
        resolve_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert resolve_device("cuda:0") == torch.device("cuda:0")
    with pytest.raises(UserError, match="sees only 1"):
        resolve_device("cuda:1")


@pytest.mark.parametrize("name", ["gpu", "", "cuda:x", "meta"])
def test_unknown_devices_are_refused(name):
    with pytest.raises(UserError, match="unknown device"):
        resolve_device(name)


def test_bfloat16_only_where_the_hardware_multiplies_it(monkeypatch):
    layer, x = torch.nn.Linear(4, 4), torch.ones(2, 4)
    monkeypatch.setattr(precision, "cpu_has_bf16", lambda: True)
    with autocast_for("cpu"):
        assert layer(x).dtype == torch.bfloat16
    monkeypatch.setattr(precision, "cpu_has_bf16", lambda: False)
    assert isinstance(autocast_for(torch.device("cpu")), nullcontext)
    with autocast_for("cpu"):
        assert layer(x).dtype == torch.float32


def test_the_cpu_is_asked_another_way_if_torch_no_longer_tells(monkeypatch):
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    for flags, able in (({"fpu", "amx_bf16"}, True), ({"fpu", "avx2"}, False), (set(), False)):
        monkeypatch.setattr(precision, "_cpu_flags", lambda flags=flags: flags)
        assert precision.cpu_has_bf16.__wrapped__() is able


def test_flags_are_read_as_linux_lists_them(tmp_path):
    listing = tmp_path / "cpuinfo"
    listing.write_text("processor : 0\nmodel name : any\nflags\t\t: fpu avx512_bf16\n\nprocessor : 1\n")
    assert precision._cpu_flags(listing) == {"fpu", "avx512_bf16"}
    assert precision._cpu_flags(tmp_path / "nothing") == set()
