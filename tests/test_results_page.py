"""The pages that are made of records alone: current, complete, and made again by commands that exist."""

import json
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from study_scripts import study_script

from simgan_lib.__main__ import _parser, main
from simgan_lib.experiments import results_page
from simgan_lib.experiments.cards import cards_page
from simgan_lib.experiments.records import RECORDED, Records, add, read, row, run_line
from simgan_lib.experiments.results_page import jobs_of, read_all
from simgan_lib.pretrained import shipped_names
from simgan_lib.system.errors import UserError

ROOT = Path(__file__).resolve().parents[1]


def test_the_pages_are_in_step_with_the_records_and_the_cards():
    table = results_page.small_table(jobs_of(read_all(), "reproduce"))
    for path, text in ((ROOT / "docs" / "results.md", results_page.page()), (ROOT / "docs" / "refiners.md", cards_page()),
                       (ROOT / "README.md", results_page.with_table(ROOT / "README.md", table))):
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is stale: python -m simgan_lib results"


@pytest.fixture
def folder(tmp_path):
    """A copy of the kit's records."""
    return Path(shutil.copytree(RECORDED, tmp_path / "records"))


def changed(path, value, **which):
    """Give the rows that are meant another value."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        line |= {"value": value} if all(line.get(name) == wanted for name, wanted in which.items()) else {}
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_changed_record_changes_the_pages(folder, tmp_path):
    """The test above can fail."""
    before = results_page.page(folder)
    changed(folder / "reproduce.jsonl", 99.25, subject="refined", measure="gaze_error_deg")
    assert "99.25" in results_page.page(folder) and "99.25" not in before
    shutil.copy(ROOT / "README.md", tmp_path)
    (tmp_path / "docs").mkdir()
    results_page.write_pages(tmp_path, folder)
    assert (tmp_path / "README.md").read_text().count("99.25") == 6             # in each column of ours; one has two seeds


def test_rows_as_published_have_a_table_with_the_base_and_what_was_stopped_is_told(folder):
    """Of a sweep that was recorded: its base, and such a row beside it, one seed of which the monitor stopped."""
    assert set(results_page.PUBLISHED) >= {"published", "article"}
    base = next(run for run in read_all(folder).runs.values() if run.get("subject") == "base")
    run = run_line(*(base[key] for key in ("experiment", "profile", "domain", "job")), subject="article", seed=0,
                   failed="step 7: lost")
    add(folder / "ablations.jsonl", run, [row(0, "article", "seconds", 60.0)], range(1))
    part = results_page.page(folder).split("## The method as published")[1].split("\n## ")[0]
    assert [line.split("|")[1].strip()[:12] for line in part.splitlines() if line.startswith("| ")][2] == "base: histor"
    assert "as published, 0.0001, rounds x 10, seed 0: step 7: lost." in part and "not measured" in part


def test_records_that_no_page_can_be_made_of_are_told_in_one_line(folder, tmp_path, capsys):
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("<!-- results: x -->\n<!-- /results -->\n")
    lines = [json.loads(line) for line in (folder / "reproduce.jsonl").read_text().splitlines()]
    (folder / "before.jsonl").unlink()
    odd = [line | ({"images": 5} if "job" in line else {}) for line in lines]
    (folder / "reproduce.jsonl").write_text("".join(json.dumps(line) + "\n" for line in odd))
    assert main(["results", str(tmp_path), "--records", str(folder)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "not a readable folder of records" in error and not list((tmp_path / "docs").iterdir())


def test_a_readme_without_a_place_for_the_table_is_refused_and_nothing_is_written(folder, tmp_path, capsys):
    (tmp_path / "README.md").write_text("# Mine\n")
    (tmp_path / "docs").mkdir()
    assert main(["results", str(tmp_path), "--records", str(folder)]) == 2
    assert "README.md: expected the lines <!-- results" in capsys.readouterr().err and not list((tmp_path / "docs").iterdir())


def test_a_folder_that_is_no_checkout_is_refused(folder, tmp_path, capsys):
    assert main(["results", str(tmp_path / "records"), "--records", str(folder)]) == 2
    assert "expected a checkout of the kit, found no README.md and docs there" in capsys.readouterr().err


def test_rows_that_no_run_measured_are_left_out(folder):
    main_job, gaze = (results_page.page(folder).split("\n## ")[part] for part in (1, 3))
    assert "4 x as many" not in main_job and "within 7 degrees, %, after training on: refined" in main_job
    assert "refined, 4 x as many" in gaze and "87.2 (Table 2)" in gaze


def test_one_seed_has_no_empty_deviation(folder):
    assert "± —" not in results_page.page(folder) and "± nan" not in results_page.page(folder)


def test_words_for_the_domain_come_from_where_they_are_made(folder):
    """A domain's name is no word that is replaced in a finished text."""
    lines = (folder / "reproduce.jsonl").read_text().replace('"domain": "MPIIGaze"', '"domain": "stand-in with labels"')
    (folder / "reproduce.jsonl").write_text(lines)
    (folder / "before.jsonl").unlink()
    assert "| stand-in with labels, `quick` |" in results_page.page(folder)


def test_the_sweep_of_choices_has_a_table_of_its_own(folder):
    page = results_page.page(folder)
    ideas, choices = (page.split(f"## {title}\n")[1].split("\n## ")[0] for title in ("Ablations", "What the paper leaves open"))
    assert "SGD at 0.001, averaged" in choices and "SGD" not in ideas and "no history" in ideas and "no history" not in choices
    for table in (ideas, choices):
        assert "150 rounds of batches of 16, 16 feature maps" in table and "lambda 0.02" in table and "2,000 synthetic" in table
        assert "base: history, local, averaged" in table and "compare within this table alone" in table


def test_the_page_says_how_each_of_its_records_is_made_again():
    recipe = results_page.page().split("## Made again by")[1].splitlines()
    for name in results_page.FILES:
        for run in read(RECORDED / name).runs.values():
            assert any(line.startswith(run["command"]) and line.endswith(f"simgan_lib/experiments/recorded/{name}")
                       for line in recipe), run["command"]


def test_every_command_of_the_recipe_is_one_that_the_kit_understands():
    """Each line is parsed by the parser of the command that it names; none is run."""
    for line in results_page.page().split("```")[1].strip().splitlines():
        words = line.split()
        if words[1:3] == ["-m", "simgan_lib"]:
            assert _parser().parse_args(words[3:]).run
        else:
            assert (ROOT / words[1]).is_file() and words[2] in (ROOT / words[1]).read_text()


def test_the_study_of_the_twins_adds_records_that_the_page_shows(folder, monkeypatch, capsys):
    twins, path = study_script("twins"), folder / "twins.jsonl"
    path.unlink()
    days = np.repeat(["a", "b"], 2)
    domain = SimpleNamespace(name="stand-in", unlabelled=[0], test=SimpleNamespace(groups={"day": days}, __len__=lambda: 4))
    monkeypatch.setattr(twins, "stand_in_domain", lambda profile: domain)
    monkeypatch.setattr(twins, "simulate", lambda n, seed: None)
    monkeypatch.setattr(twins, "described", lambda experiment, name, profile, domain, device, command: run_line(
        experiment, name, "stand-in", {}, days={"a": 2, "b": 2}, command=command, commit="abc", hardware="a CPU"))
    monkeypatch.setattr(twins, "measured", lambda name, *given: torch.tensor([1.0, 1.0, 99.0, 99.0]) + len(name))
    monkeypatch.setattr(sys, "argv", ["twins.py", "gray", "gray-global", "--record", str(path)])
    twins.main()
    assert "gray-global      61.00 [12.00, 110.00] degrees" in capsys.readouterr().out
    table = results_page.page(folder).split("### Gaze, after training on what they make")[1]
    assert "| gray-global | `full`  | 61.00 [12.00, 110.00] " in table
    assert "`python studies/twins.py gray gray-global --profile full`" in table


def test_the_study_of_who_is_told_apart_adds_records_that_the_page_shows(folder, monkeypatch):
    told, path = study_script("told_apart"), folder / "told_apart.jsonl"
    rates = iter([0.7, 0.5, 0.8, 0.5])
    path.unlink()
    monkeypatch.setattr(told, "camera", SimpleNamespace(stand_in=lambda n, seed: SimpleNamespace(images=None)))
    monkeypatch.setattr(told, "kinds", lambda n, seed, unlabelled: {"refined": None, "more of the domain": None})
    monkeypatch.setattr(told, "two_sample_accuracy", lambda images, test, seed, steps: {"accuracy": next(rates)})
    monkeypatch.setattr(told, "told_by_number", lambda number, images, test, seed: 0.875)
    monkeypatch.setattr(sys, "argv", ["told_apart.py", "--seeds", "2", "--record", str(path)])
    told.main()
    (folder / "before.jsonl").unlink()
    table = results_page.page(folder).split("### Told from the stand-in domain, 4,000 images a side")[1]
    assert "| refined            | 70.0, 80.0 " in table and "| 87.5, 87.5 " in table
    assert "| more of the domain | 50.0, 50.0 " in table


@pytest.mark.filterwarnings("ignore:Precision loss")           # differences that are all the same
def test_the_study_of_memory_adds_records_that_the_page_shows(folder, tmp_path, monkeypatch, capsys):
    """Each arm is better than the one before by 0.125 in AUC, and so seed by seed; seeds differ by 0.25."""
    memory, path = study_script("memory"), folder / "memory.jsonl"
    path.unlink()                                              # what was measured

    def measured(arm, seed, profile, ages, last, domain):
        assert domain == "a domain" and profile.training.steps == 600 and (ages[-1], last) == (500, 100)
        better = 0.25 * seed + 0.125 * list(memory.ARMS).index(arm)
        return {"gaze_error": 5.0 - better, "seconds": 60.0} | {f"auc_{age}": better for age in ages}
    monkeypatch.setattr(memory, "stand_in_domain", lambda profile: "a domain")
    monkeypatch.setattr(memory, "measured", measured)
    for first in ("0", "1"):
        monkeypatch.setattr(sys, "argv", ["memory.py", "--seeds", "1", "--first", first, "--results", str(tmp_path / "kept"),
                                          "--record", str(path)])
        memory.main()
    assert "gaze error" in capsys.readouterr().out
    page = results_page.page(folder).split("### SimGAN's discriminator and refined eyes of k rounds ago")[1]
    lines = [[cell.strip() for cell in line.split("|")] for line in page.splitlines() if "|" in line]
    cells = {first: rest for _, first, *rest in lines}
    assert cells["rotation"][0] == "0.25, 0.50" and cells["R1"][-2] == "4.50, 4.25"
    assert "| rotation - none | AUC, k = 500        | +0.25, +0.25 " in page
    claim, = [line for line in results_page.page(folder).splitlines() if "AUC on eyes of 500 rounds ago: both - history" in line]
    assert [cell.strip() for cell in claim.split("|")][3:6] == ["+0.25, +0.25", "our question", "2, stand-in"]
    assert (tmp_path / "kept" / "R1-1.state").is_file()


def test_each_psi_has_one_row_over_its_seeds_behind_what_was_not_refined():
    run = run_line("features", "quick", "evening", {}, commit="abc", command="python studies/features.py", hardware="CPU")
    rows = [row(0, "ideal", "distance", 0.0)]
    rows += [line for seed in range(2) for line in (row(seed, "identity:0.1", "distance", 10.0 + seed),
                                                     row(seed, "identity:0.1", "seconds", 90.0))]
    _, table, said = results_page.psi_part(Records.of([run], [{"run": run["run"], **line} for line in rows]).jobs())
    first, second = table.splitlines()[2:]
    assert "ideal" in first and "identity" in second and "| 0.1 " in second and "| 10.0, 11.0 " in second and "3 minutes" in said
    assert results_page.psi_part([]) == []


def test_the_cards_of_all_shipped_refiners_are_shown():
    text = cards_page()
    assert shipped_names() and all(f"## {name}\n" in text and f"ship {name} --profile full" in text for name in shipped_names())
    assert all(f"| {name} " in results_page.page() for name in shipped_names())


def test_the_command_writes_the_pages_of_any_folder_of_records(folder, tmp_path, capsys):
    shutil.copy(ROOT / "README.md", tmp_path)
    (tmp_path / "docs").mkdir()
    words = ["results", str(tmp_path), "--records", str(folder)]
    assert main(words) == 0 and capsys.readouterr().out.count("made anew") == 2
    assert main(words) == 0 and capsys.readouterr().out.count("as it was") == 3
    docs = tmp_path / "docs"
    assert (docs / "results.md").read_text() == results_page.page(folder) and (docs / "refiners.md").read_text() == cards_page()
    changed(folder / "gaze.jsonl", 50.0, subject="refined_4x", measure="within_7_deg")
    assert main(words) == 0 and "results.md: made anew" in capsys.readouterr().out


def test_records_of_ones_own_make_a_page_too(tmp_path):
    add(tmp_path / "gaze.jsonl", run_line("gaze", "quick", "stand-in", {}, command="python -m simgan_lib gaze-table", commit="abc"),
        [row(0, kind, measure, 5.0, 3, sums=[7.0, 3.0, 5.0]) for kind in ("synthetic", "synthetic_4x", "refined", "refined_4x")
         for measure in ("gaze_error_deg", "within_7_deg")])
    assert "## More images, other methods: stand-in, `quick`" in results_page.page(tmp_path)


def test_a_folder_without_records_is_refused(tmp_path, capsys):
    shutil.copy(ROOT / "README.md", tmp_path)
    (tmp_path / "docs").mkdir()
    assert main(["results", str(tmp_path), "--records", str(tmp_path)]) == 2
    assert "no records there; expected some of reproduce.jsonl" in capsys.readouterr().err
    assert not list((tmp_path / "docs").iterdir())
    with pytest.raises(UserError, match="no records there"):
        read_all(tmp_path)


UNRECORDED = {"4.58 ± 0.16"}              # a mean over the seeds that studies/what_is_left.py prints one by one


@pytest.mark.parametrize("name", ["README.md", "docs/findings.md", "docs/deviations.md"])
def test_what_the_texts_say_over_seeds_stands_in_the_table(name):
    said, page = set(re.findall(r"\d+\.\d+ ± \d+\.\d+", (ROOT / name).read_text(encoding="utf-8"))), results_page.page()
    assert len(said) > 10 and {number for number in said if number not in page} <= UNRECORDED


@pytest.mark.parametrize("name", ["README.md", "docs/findings.md"])
def test_the_intervals_of_differences_in_the_texts_stand_in_the_table(name):
    said, page = re.findall(r"\[[−+]\d+\.\d+, [−+]\d+\.\d+\]", (ROOT / name).read_text(encoding="utf-8")), results_page.page()
    assert len(said) >= 3 and all(interval.replace("−", "-") in page for interval in said)
