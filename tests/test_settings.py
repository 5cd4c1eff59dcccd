"""Every setting has a range, every number of a command line, too: what does not fit is one line, before any work."""

import argparse
import ast
import dataclasses
import importlib
import math
import pkgutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import simgan_lib
from simgan_lib.__main__ import main
from simgan_lib.experiments.domains import PROFILES
from simgan_lib.system.errors import UserError
from simgan_lib.system.settings import Flag, Number, Odd, OneOf, Parser, Rule, Settings, Whole
from simgan_lib.training import PRESETS, TrainingConfig

ROOT = Path(__file__).parents[1]
PROGRAMS = [path for folder in ("data_scripts", "studies", "benchmarks", "examples") for path in (ROOT / folder).glob("*.py")]


@given(st.integers() | st.floats() | st.booleans() | st.text(max_size=5) | st.none())
def test_a_rule_holds_for_just_what_it_says(value):
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    assert Whole(-2, 5).holds(value) == (number and isinstance(value, int) and -2 <= value <= 5)
    assert Number(0, 1, above=True).holds(value) == (number and 0 < value <= 1)
    assert Number(0, 1, below=True).holds(value) == (number and 0 <= value < 1)
    assert OneOf(("a", "b")).holds(value) == (value in ("a", "b"))
    assert Flag().holds(value) == isinstance(value, bool)


@pytest.mark.parametrize("rule, text, value", [
    (Whole(1, 9), "3", 3), (Number(0, 9), "1e-3", 0.001), (Number(0, 9), "2", 2.0), (OneOf(("x",)), "x", "x"),
    (Flag(), "True", True)])
def test_a_text_is_read_as_the_value_it_stands_for(rule, text, value):
    assert rule(text) == value and type(rule(text)) is type(value)


@pytest.mark.parametrize("rule", [Whole(1, 9), Number(0.5, 9), OneOf(("x", "y")), Flag()], ids=str)
@pytest.mark.parametrize("text", ["", "0", "nan", "inf", "-inf", "1e400", "9" * 5000, "10", "-1", "1,5", "0x2", "yes", "\x1b[2J"])
def test_a_text_that_stands_for_nothing_allowed_is_said_in_one_short_line(rule, text):
    with pytest.raises(argparse.ArgumentTypeError) as error:
        rule(text)
    said = str(error.value)
    assert said.startswith(f"expected {rule}, found ") and said.isprintable() and len(said) < 150


def configurations(base=Settings):
    """All that are based on Settings, wherever in the library."""
    for module in pkgutil.walk_packages(simgan_lib.__path__, "simgan_lib."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found, waiting = [], [base]
    while waiting:
        waiting += (below := waiting.pop().__subclasses__())
        found += below
    return found


def test_every_configuration_has_ranges_for_all_of_its_numbers():
    """A dataclass called a Config or a Profile is one; each of its fields is a rule, or another configuration."""
    found = configurations()
    for module in pkgutil.walk_packages(simgan_lib.__path__, "simgan_lib."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if dataclasses.is_dataclass(value) and isinstance(value, type) and name.endswith(("Config", "Profile")):
                assert value in found, name
    for each in found:
        for field in dataclasses.fields(each):
            assert isinstance(field.type, Rule) or field.type not in (int, float, bool), (each, field.name)


WHOLE = (math.nan, math.inf, 10**18, -(10**18), True, "3", None, 2.0, [1])
BAD = {Whole: WHOLE, Odd: (*WHOLE, 4),
       Number: (math.nan, math.inf, -math.inf, 1e300, -1e300, True, "1", None),
       OneOf: ("no such word", "", None, 3, ["a"]), Flag: (0, 1, "true", None)}


@pytest.mark.parametrize("config", [PRESETS["quick"], PROFILES["quick"].gaze, PROFILES["quick"]], ids=lambda c: type(c).__name__)
def test_no_field_takes_what_it_cannot_use(config):
    for field in dataclasses.fields(config):
        for value in BAD.get(type(field.type), (None, 3, "x")):
            with pytest.raises(UserError, match=f"^{field.name}: expected "):
                dataclasses.replace(config, **{field.name: value})


@pytest.mark.parametrize("changes, said", [({"batch": 1}, "at least 2, half of which"), ({"buffer": 15}, r"half a batch \(16\)"),
                                           ({"buffer": 31, "image_pool": True}, r"a batch \(32\)"),
                                           ({"refiner_updates_most": 1}, r"at least refiner_updates \(2\), found 1$")])
def test_settings_that_do_not_go_together_are_refused(changes, said):
    with pytest.raises(UserError, match=said):
        TrainingConfig(steps=1, **changes)
    assert TrainingConfig(steps=1, batch=1, buffer=0).batch == 1


def test_every_number_of_every_program_has_a_range_and_every_complaint_one_line():
    for path in [*PROGRAMS, ROOT / "simgan_lib" / "__main__.py"]:
        text = path.read_text(encoding="utf-8")
        assert "ArgumentParser(" not in text, f"{path}: expected settings.Parser"
        for call in ast.walk(ast.parse(text)):
            kinds = [word.value for word in getattr(call, "keywords", ()) if word.arg == "type"]
            kinds += [value for key, value in zip(call.keys, call.values) if getattr(key, "value", "") == "type"] if isinstance(
                call, ast.Dict) else []
            assert not any(isinstance(kind, ast.Name) and kind.id in ("int", "float") for kind in kinds), f"{path}:{call.lineno}"


@pytest.mark.parametrize("words", [
    ["simulate", "out", "--number", "0"], ["simulate", "out", "--number", "1e3"], ["simulate", "out", "--seed", "-1"],
    ["reproduce", "--seeds", "10000000000"], ["reproduce", "--first-seed", "nan"], ["ablate", "--jobs", "0"],
    ["ablate", "--jobs", "100000"], ["train", "a", "b", "c", "--seed", "\x1b[2J"], ["no-such"], []])
def test_a_number_out_of_its_range_is_one_line_and_status_2(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    error = capsys.readouterr().err
    assert end.value.code == 2 and error.startswith("error: ") and error.count("\n") == 1 and error[:-1].isprintable()


@pytest.mark.parametrize("words, option", [
    (["simulate", "out", "--seed", "1", "--seed", "2"], "--seed"), (["simulate", "out", "--number=9", "--num", "9"], "--number"),
    (["simulate", "--stand-in", "out", "--stand-in"], "--stand-in"),
    (["ablate", "--only", "base", "--jobs", "2", "--only", "no-history"], "--only")])
def test_an_option_given_twice_is_refused_and_not_the_last_taken(words, option, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2 and capsys.readouterr().err.startswith(f"error: argument {option}: given twice, expected once;")


def test_options_may_be_given_again_to_the_next_command_and_those_that_collect_many_times():
    parser = Parser()
    parser.add_argument("--steps", type=Whole(1, 9), default=3)
    parser.add_argument("--set", action="append")
    for _ in range(2):
        found = parser.parse_args(["--steps", "2", "--set", "a", "--set", "b"])
        assert (found.steps, found.set) == (2, ["a", "b"])


def test_a_setting_of_a_training_given_twice_is_refused(capsys, tmp_path):
    words = ["train", *[str(tmp_path / name) for name in "abc"], "--set", "width=8", "--set", "steps=3", "--set", "width=4"]
    assert main(words) == 2 and capsys.readouterr().err == "error: --set width: given twice, expected once\n"


def test_more_images_than_fit_are_refused_before_the_first(capsys, monkeypatch, tmp_path):
    from simgan_lib.system import device
    monkeypatch.setattr(device, "memory_limit", lambda: 1_000_000)
    assert main(["simulate", str(tmp_path / "out"), "--number", "1000"]) == 2
    assert "simulating 1,000 eyes takes at least 8 MB of memory, and there are 1 MB" in capsys.readouterr().err
