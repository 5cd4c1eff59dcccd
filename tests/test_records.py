"""Records: lines in a file, and the page of results that is made of them alone."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from simgan_lib.__main__ import _parser, main
from simgan_lib.experiments import reproduce, results_page
from simgan_lib.experiments.cards import cards_page
from simgan_lib.experiments.records import RECORDED, check_replaceable, markdown_table, read_records, save_records
from simgan_lib.experiments.summary import pupil_scatter
from simgan_lib.pretrained import shipped_names
from simgan_lib.system.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
RUN = ("profile", "domain")


def run(profile="quick", domain="stand-in", **more):
    return {"profile": profile, "domain": domain, **more}


def test_a_newer_record_of_the_same_run_takes_the_older_ones_place(tmp_path):
    path = tmp_path / "new" / "r.jsonl"
    assert read_records(path, RUN) == []
    save_records(path, [run(error=5), run("full", error=4)], RUN)
    save_records(path, [run(error=6)], RUN)
    assert read_records(path, RUN) == [run("full", error=4), run(error=6)]


@pytest.mark.parametrize("line, words", [("{", "line 2: not a record"), ("7", "line 2: not a record"),
                                         ('{"profile": "quick"}', "line 2: not such a record: .* found no domain"),
                                         ("<html>", "line 2: not a record")])
def test_a_line_that_is_no_record_is_named_and_nothing_is_written(tmp_path, line, words):
    path = tmp_path / "r.jsonl"
    path.write_text('{"profile": "quick", "domain": "stand-in"}\n' + line + "\n")
    before = path.read_bytes()
    with pytest.raises(UserError, match=words):
        save_records(path, [run("full")], RUN)
    assert path.read_bytes() == before


def test_a_markdown_table_has_columns_of_one_width():
    assert len({len(line) for line in markdown_table(["a", "bb"], [["ccc", "d"], ["e", "ffff"]]).splitlines()}) == 1


# ---- what may take a record's place ----------------------------------------------------------------------------------

STAND_IN = {"profile": "quick", "domain": "stand-in"}


@pytest.mark.parametrize("held", [[run(seeds=[0, 1, 2])], [run(seed=0), run(seed=1), run(seed=2), run(seed=0, method="knn")]])
def test_more_seeds_do_not_give_way_to_fewer(tmp_path, held):
    save_records(tmp_path / "r.jsonl", held, RUN)
    check_replaceable(tmp_path / "r.jsonl", STAND_IN, 3)
    check_replaceable(tmp_path / "r.jsonl", run("full"), 1)
    with pytest.raises(UserError, match="r.jsonl: holds quick, stand-in over 3 seeds, which 2 would replace; ask for --seeds 3"):
        check_replaceable(tmp_path / "r.jsonl", STAND_IN, 2)


@pytest.mark.parametrize("held, new, words", [(None, ["day03"], "every third day for the test, which the test days day03 would"),
                                              (["day03", "day06"], None, "the test days day03, day06, which every third day"),
                                              (["day03"], ["day06"], "the test days day03, which the test days day06 would")])
def test_a_run_does_not_give_way_to_one_with_other_test_days(tmp_path, held, new, words):
    save_records(tmp_path / "r.jsonl", [run(seeds=[0]) | ({"days_apart": held} if held else {})], RUN)
    check_replaceable(tmp_path / "r.jsonl", STAND_IN, 1, held)
    with pytest.raises(UserError, match=words):
        check_replaceable(tmp_path / "r.jsonl", STAND_IN, 1, new)


@pytest.fixture
def metrics():
    """Those of three `quick` seeds on real images, as `reproduce` gives them."""
    records = read_records(RECORDED / "reproduce.jsonl", results_page.KEPT)
    record = next(r for r in records if (r["domain"], r["profile"]) == ("MPIIGaze", "quick"))
    return record | {"stage_seconds": []}


@pytest.mark.parametrize("folder", ["/data/mine", "real", "quick", "my eyes/p00"])
def test_the_folder_of_real_images_is_not_recorded(metrics, folder):
    kept = results_page.record_of(metrics | {"command": reproduce.command_line("quick", 3, folder, None)}, folder)
    assert kept["command"] == "python -m simgan_lib reproduce --profile quick --seeds 3 --real DIR"
    assert "stage_seconds" not in kept and "days_apart" not in kept


def test_the_test_days_that_were_asked_for_are_recorded(metrics):
    kept = results_page.record_of(metrics, "real", ["day03", "day06"])
    assert kept["days_apart"] == ["day03", "day06"] and kept["command"].endswith("--real DIR --test-days day03,day06")


def test_a_weaker_run_is_refused_and_nothing_is_written(metrics, tmp_path):
    path = tmp_path / "r.jsonl"
    results_page.save_run(path, metrics, "real")
    before = path.read_bytes()
    for weaker, days, words in ((metrics | {"seeds": [0]}, None, "over 3 seeds"), (metrics, ["day03"], "every third day")):
        with pytest.raises(UserError, match=words):
            results_page.save_run(path, weaker, "real", days)
    assert path.read_bytes() == before
    results_page.save_run(path, metrics | {"seeds": [0, 1, 2, 3]}, "real")
    assert len(read_records(path, RUN)[0]["seeds"]) == 4


@pytest.mark.parametrize("name, words", [("reproduce.jsonl", ["reproduce", "--record"]),
                                         ("gaze.jsonl", ["gaze-table", "--records"]),
                                         ("ablations.jsonl", ["ablate", "--only", "base", "--records"])])
def test_the_commands_refuse_before_hours_of_work(tmp_path, capsys, name, words):
    """The kit's files hold three seeds of the quick runs; the folder where the work would leave its traces is not made."""
    path = shutil.copy(RECORDED / name, tmp_path)
    assert main([*words, str(path), "--profile", "quick", "--seeds", "2", "--results", str(tmp_path / "results")]) == 2
    assert "over 3 seeds, which 2 would replace" in capsys.readouterr().err and not (tmp_path / "results").exists()


# ---- the page --------------------------------------------------------------------------------------------------------

def test_the_pages_are_in_step_with_the_records_and_the_cards():
    for name, text in (("results.md", results_page.page()), ("refiners.md", cards_page())):
        assert (ROOT / "docs" / name).read_text() == text, "python -m simgan_lib results"


@pytest.fixture
def folder(tmp_path):
    """A copy of the kit's records."""
    return Path(shutil.copytree(RECORDED, tmp_path / "records"))


def test_a_changed_record_changes_the_page(folder):
    """The test above can fail."""
    before = results_page.page(folder)
    first = read_records(folder / "reproduce.jsonl", results_page.KEPT)[0]
    first["gaze_error_deg"]["refined"]["mean"] = 99.25
    save_records(folder / "reproduce.jsonl", [first], RUN)
    assert "99.25" in results_page.page(folder) and "99.25" not in before


def test_rows_that_no_run_measured_are_left_out(folder):
    main_job, gaze = (results_page.page(folder).split("\n## ")[part] for part in (1, 2))
    assert "4 x as many" not in main_job and "within 7 degrees, %, after training on: refined" in main_job
    assert "refined, 4 x as many" in gaze and "87.2 (Table 2)" in gaze


def test_a_deviation_is_shown_where_it_was_recorded(folder):
    quick = next(r for r in read_records(folder / "reproduce.jsonl", RUN) if r["seeds"] == [0, 1, 2])
    quick["two_sample_accuracy"]["refined"] = 0.815
    quick.pop("deviations", None)
    assert "81.5 ± " not in results_page.main_table([quick])
    quick["deviations"] = {"two_sample_accuracy": dict.fromkeys(quick["two_sample_accuracy"], 0.018)}
    assert "81.5 ± 1.8" in results_page.main_table([quick])


def test_the_sweep_of_choices_has_a_table_of_its_own(folder):
    """Its records are here those of other ablations under a choice's name."""
    records = read_records(folder / "ablations.jsonl", ["name"])
    chosen = [r for r in records if r["name"] == "base"] + [r | {"name": "sgd", "title": "SGD at 0.001, as the paper"}
                                                            for r in records if r["name"] == "no-history"]
    (folder / "choices.jsonl").unlink(missing_ok=True)
    save_records(folder / "choices.jsonl", chosen, ("name", "seed"))
    table = results_page.page(folder).split("## What the paper leaves open")[1].split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    assert len(rows) == 4 and "minutes" in rows[0] and "SGD at 0.001, as the paper" in rows[3] and "5.81 ± 0.09" in rows[3]
    assert "150 rounds of batches of 16, 16 feature maps" in table and "lambda 0.02" in table and "2,000 synthetic" in table
    assert "compare within this table alone" in table
    assert f"ablate --profile quick --seeds 3 --only choices --records {folder}/choices.jsonl" in results_page.page(folder)


def test_the_page_says_how_each_of_its_records_is_made_again(folder):
    recipe = results_page.page().split("## Made again by")[1]
    for name in ("reproduce.jsonl", "gaze.jsonl", "ablations.jsonl"):
        for record in read_records(folder / name, ["command"]):
            assert any(line.startswith(record["command"]) and line.endswith(f"simgan_lib/experiments/recorded/{name}")
                       for line in recipe.splitlines()), record["command"]


def test_every_command_of_the_recipe_is_one_that_the_kit_understands():
    """Each line is parsed by the parser of the command that it names; none is run."""
    for line in results_page.page().split("```")[1].strip().splitlines():
        words = line.split()
        if words[1:3] == ["-m", "simgan_lib"]:
            assert _parser().parse_args(words[3:]).run
        else:
            assert (ROOT / words[1]).is_file() and words[2] in (ROOT / words[1]).read_text()


def benchmark(name):
    """The module of a script that is in no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "studies" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_benchmark_of_the_twins_adds_records_that_the_page_shows(folder, monkeypatch, capsys):
    twins = benchmark("twins")
    monkeypatch.setattr(twins, "stand_in_domain", lambda profile: None)
    monkeypatch.setattr(twins, "simulate", lambda n, seed: None)
    monkeypatch.setattr(twins, "measured", lambda name, *given: {
        key: {"mean": len(name) + 0.125, "low": 1.0, "high": 99.0, "n": 4} for key in ("gaze_error_deg", "within_7_deg")})
    monkeypatch.setattr(sys, "argv", ["twins.py", "gray", "gray-global", "--record", str(folder / "twins.jsonl")])
    twins.main()
    assert "gray-global      11.12 [1.00, 99.00] degrees" in capsys.readouterr().out
    table = results_page.page(folder).split("### Gaze, after training on what they make")[1]
    assert "| gray-global     | `full`  | 11.12 [1.00, 99.00] " in table
    assert "`python studies/twins.py gray gray-global --profile full`" in table


def test_the_benchmark_of_who_is_told_apart_adds_a_record_that_the_page_shows(folder, monkeypatch):
    told = benchmark("told_apart")
    rates, path = iter([0.7, 0.5, 0.8, 0.5]), folder / "told_apart.jsonl"
    path.unlink(missing_ok=True)                                       # ours is of more seeds
    monkeypatch.setattr(told, "camera", SimpleNamespace(stand_in=lambda n, seed: SimpleNamespace(images=None)))
    monkeypatch.setattr(told, "kinds", lambda n, seed, unlabelled: {"refined": None, "more of the domain": None})
    monkeypatch.setattr(told, "two_sample_accuracy", lambda images, test, seed, steps: {"accuracy": next(rates)})
    monkeypatch.setattr(told, "told_by_number", lambda number, images, test, seed: 0.875)
    monkeypatch.setattr(sys, "argv", ["told_apart.py", "--seeds", "2", "--record", str(path)])
    told.main()
    table = results_page.page(folder).split("### Told from the stand-in domain, 4,000 images a side")[1]
    assert "| refined            | 75.0 ± 7.1 " in table and "| 87.5 ± 0.0 " in table
    assert "| more of the domain | 50.0 ± 0.0 " in table
    monkeypatch.setattr(sys, "argv", ["told_apart.py", "--seeds", "1", "--record", str(path)])
    with pytest.raises(UserError, match="over 2 seeds, which 1 would replace"):
        told.main()


def test_the_cards_of_all_shipped_refiners_are_shown():
    text = cards_page()
    assert shipped_names() and all(f"## {name}\n" in text and f"ship {name} --profile full" in text for name in shipped_names())
    assert all(f"| {name} " in results_page.page() for name in shipped_names())


def test_the_command_writes_the_pages_of_any_folder_of_records(folder, tmp_path, capsys):
    docs = tmp_path / "docs"
    words = ["results", str(docs), "--records", str(folder)]
    assert main(words) == 0 and capsys.readouterr().out.count("made anew") == 2
    assert main(words) == 0 and capsys.readouterr().out.count("as it was") == 2
    assert (docs / "results.md").read_text() == results_page.page(folder) and (docs / "refiners.md").read_text() == cards_page()
    (folder / "gaze.jsonl").unlink()
    assert main(words) == 0 and "results.md: made anew" in capsys.readouterr().out
    assert "4 x as many" not in (docs / "results.md").read_text()


def test_a_folder_without_records_is_refused(tmp_path, capsys):
    assert main(["results", str(tmp_path / "docs"), "--records", str(tmp_path)]) == 2
    assert "no records there; expected some of reproduce.jsonl" in capsys.readouterr().err and not (tmp_path / "docs").exists()


def test_no_record_names_a_folder_of_somebodys_machine():
    for path in RECORDED.glob("*.jsonl"):
        assert "/home/" not in path.read_text() and "../" not in path.read_text(), path.name


def test_records_are_json_that_every_reader_takes():
    """Python alone would read NaN."""
    for path in RECORDED.glob("*.jsonl"):
        for line in path.read_text().splitlines():
            json.loads(line, parse_constant=pytest.fail)


def test_the_scatter_is_the_first_seeds_first_images_and_valid_json():
    nan = float("nan")
    pupil = {"shifts": torch.tensor([[0.123, -1.0], [nan, nan], [2.0, 2.0]]), "own": torch.tensor([[0.5, 0.0]] * 3)}
    kept = pupil_scatter([{"pupil": pupil}, {"pupil": {}}], most=2)
    assert kept == {"shifts": [[0.12, -1.0], None], "own": [[0.5, 0.0]] * 2}
    assert json.loads(json.dumps(kept, allow_nan=False)) == kept


def test_a_run_recorded_before_there_was_a_scatter_is_still_a_record():
    record = read_records(RECORDED / "reproduce.jsonl", results_page.KEPT)[0] | {"pupil_scatter": {"shifts": [], "own": []}}
    older = {key: value for key, value in record.items() if key != "pupil_scatter"}
    assert "pupil_scatter" in results_page.record_of(record) and "pupil_scatter" not in results_page.record_of(older)


def test_each_psi_has_one_row_over_its_seeds_behind_what_was_not_refined():
    made = {"seconds": 60.0, "commit": "abc", "command": "python studies/features.py", "hardware": "CPU"}
    runs = [made | {"psi": "identity", "regularization": 0.1, "seed": seed, "distance": 10.0 + seed, "found": 80.0, "iris": 50.0}
            for seed in range(2)]
    ideal = made | {"psi": "ideal", "regularization": 0.0, "seed": -1, "distance": 0.0, "found": 90.0, "iris": 100.0}
    _, table, said = results_page.psi_part([*runs, ideal])
    first, second = table.splitlines()[2:]
    assert "ideal" in first and "identity" in second and "| 10.5 ± 0.7 " in second and "3 minutes" in said
    assert results_page.psi_part([]) == []
