"""The study of several people: nobody is judged by what has seen that person, and bad files are named."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from study_scripts import study_script

from simgan_lib.experiments.people_page import MEASURE, OTHERS, people_parts
from simgan_lib.experiments.records import Records, read, row, run_line
from simgan_lib.images import ImageSet
from simgan_lib.simulators.parameters import PRIORS
from simgan_lib.system.errors import UserError

PEOPLE = ["p00", "p01", "p02"]


@pytest.fixture(scope="module")
def study():
    return study_script("people")


def arrays(n=6):
    """What a file of windows holds: n of them, two a person, each of which shows its number."""
    images = np.arange(1, n + 1, dtype=np.uint8)[:, None, None] * np.ones((1, 9, 15), np.uint8)
    return {"images": images, "gaze": np.full((n, 2), 0.1, np.float32), "subject": np.arange(n) // 2, "day": np.arange(n) % 2 + 3}


def written(path, **changes):
    np.savez(path, **{name: values for name, values in (arrays() | changes).items() if values is not None})
    return path


def test_a_window_is_the_middle_of_a_crop(study):
    """Rows 13 to 21 and columns 22 to 36, counted from 0."""
    crop = torch.zeros(1, 1, 36, 60, dtype=torch.uint8)
    crop[0, 0, 13, 22], crop[0, 0, 21, 36], crop[0, 0, 12, 22], crop[0, 0, 21, 37] = 1, 2, 9, 9
    window = study.windows(ImageSet(crop, {"gaze": torch.zeros(1, 2), "pupil": torch.zeros(1, 2)})).images[0, 0]
    assert tuple(window.shape) == study.SIZE == (9, 15) and window.sum() == 3 and window[0, 0] == 1 and window[-1, -1] == 2


def test_a_file_is_read_and_empty_windows_are_left_out(study, tmp_path):
    given = arrays()
    given["images"][1] = 0
    found = study.read_windows(written(tmp_path / "w.npz", images=given["images"]))
    assert found.images[:, 0, 0, 0].tolist() == [1, 3, 4, 5, 6]
    assert list(found.groups["subject"]) == ["p00", "p01", "p01", "p02", "p02"]
    assert list(found.groups["day"]) == ["day03", "day03", "day04", "day03", "day04"]


@pytest.mark.parametrize("changes, said", [
    ({"gaze": None}, "gaze"), ({"images": np.zeros((6, 9, 14), np.uint8)}, r"\(6, 9, 14\)"),
    ({"images": np.zeros((6, 9, 15))}, "float64"), ({"subject": np.zeros(5)}, "6, 5, 6"),
    ({"gaze": np.full((6, 2), np.nan, np.float32)}, "gaze of image 0"),
    ({"images": np.array([{}] * 6, dtype=object)}, "pickle"), ({"subject": np.array(["p00"] * 6)}, "whole numbers"),
    ({"day": np.zeros((6, 1), int)}, r"whole numbers .*\(6, 1\)")])
def test_another_file_is_refused_by_name(study, tmp_path, changes, said):
    with pytest.raises(UserError, match=said) as error:
        study.read_windows(written(tmp_path / "w.npz", **changes))
    assert "w.npz" in str(error.value)


@pytest.mark.parametrize("name, content", [("w.npz", b"PK\x03\x04 and no more"), ("w.npy", None)])
def test_a_file_that_is_none_is_refused_by_name(study, tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content) if content else np.save(path, np.zeros(3))
    with pytest.raises(UserError, match=name):
        study.read_windows(path)


@pytest.mark.parametrize("changes", [{"subject": np.arange(6) % 3}, {"gaze": np.full((6, 2), 0.2, np.float32)}])
def test_what_is_kept_is_of_these_people_and_labels_alone(small, study, tmp_path, changes):
    """Kept networks of other folds may have seen who is tested."""
    made, given = small
    list(made.errors())
    given.clear()
    other = study.Study(study.read_windows(written(tmp_path / "o.npz", **changes)), 0, tmp_path / "results", quick=True)
    other.eyes = 3
    list(other.errors())
    assert given and other.job["data"] != made.job["data"]


def test_folds_test_each_person_once_and_never_learn_from_the_tested(study):
    for people in (PEOPLE[:2], PEOPLE, [f"p{i:02d}" for i in range(10)], [f"p{i:02d}" for i in range(13)]):
        found = study.folds(people)
        assert len(found) == min(5, len(people)) and sorted(name for tested, _ in found for name in tested) == people
        assert all(not set(tested) & set(known) and sorted(tested + known) == people for tested, known in found)
    with pytest.raises(UserError, match="found 1"):
        study.folds(["p00"])


@pytest.fixture
def small(study, tmp_path, monkeypatch):
    """A study of three people, and what its estimators and refiners were given: [(kind, images)]."""
    real, given = study.read_windows(written(tmp_path / "w.npz")), []

    def estimator(training, config, seed):
        given.append(("gaze", training, seed))
        return training

    def refiner(path, config, eyes, unlabelled, seed, bar):
        given.append(("refiner", unlabelled, seed))
        return type("Done", (), {"refiner": unlabelled})

    def answers(training, images):
        """The first number that the training set shows, as a pitch of so many degrees."""
        pitch = torch.deg2rad(training.images[:, 0, 0, 0].min().float())
        return torch.stack([torch.zeros(()), -pitch.sin(), -pitch.cos()]).expand(len(images), 3)
    monkeypatch.setattr(study, "train_gaze_estimator", estimator)
    monkeypatch.setattr(study, "train_refiner", refiner)
    monkeypatch.setattr(study, "answers_of", answers)
    monkeypatch.setattr(study, "refine", lambda refiner, eyes, seed: replace(refiner, images=refiner.images + 50))
    made = study.Study(real, 0, tmp_path / "results", quick=True)
    made.eyes = 3
    return made, given


def test_nobody_is_judged_by_what_has_seen_that_person(small, study):
    made, given = small
    found = dict(made.errors())
    seen = [set(np.asarray(images.groups["subject"]).tolist()) for kind, images, _ in given if kind == "refiner"]
    assert len(seen) == 3 * (len(PRIORS) + 1) and all(len(each) == 2 for each in seen)
    assert all(not images.labels for kind, images, _ in given if kind == "refiner"), "without labels"
    # Of people 0, 1, 2, who show 1 and 2, 3 and 4, 5 and 6, an estimator learns from those not tested: 3, 1 and 1 come first.
    expected = {study.OTHERS: [3, 3, 1, 1, 1, 1], "refined, one": [53, 53, 51, 51, 51, 51]}
    for name, pitch in expected.items():
        answer = torch.deg2rad(torch.tensor([[degrees, 0.0] for degrees in pitch]))
        right = study.angular_error_deg(answer, made.real.labels["gaze"])
        torch.testing.assert_close(found[name], right, msg=name, atol=1e-3, rtol=0)


def test_an_ensemble_has_seeds_of_its_own_and_what_is_finished_is_kept(small):
    made, given = small
    list(made.errors())
    sets = [seed for kind, _, seed in given if kind == "gaze"]
    assert set(sets) == {0, 1} and len(sets) == 2 * (2 * len(PRIORS) + 1 + 3 * (len(PRIORS) + 2))
    given.clear()
    list(made.errors())
    assert not given


def test_means_are_of_the_right_people(small):
    made, _ = small
    made.real.labels["gaze"][:] = torch.tensor([[0.0, 0.0], [0.2, 0.0], [0.4, 0.0], [0.4, 0.0], [0.0, 0.6], [0.0, 0.0]])
    means = made.means()
    torch.testing.assert_close(means["always the person's own mean"][:, 0], torch.tensor([0.1, 0.1, 0.4, 0.4, 0.0, 0.0]))
    torch.testing.assert_close(means["always other people's mean"][:, 0], torch.tensor([0.2, 0.2, 0.05, 0.05, 0.25, 0.25]))


def test_the_table_says_how_much_of_the_way_is_gone(study):
    """Raw 10, other people's 8, refined 9: half of the way; differences are the people's own."""
    sets = {f"{kind}, one": {"p00": mean - 1, "p01": mean + 1, "p02": mean} for kind, mean in
            (("raw", 10.0), ("matched", 10.5), ("refined", 9.0))}
    rows = {row[0]: row[1:] for row in study.people_rows(sets | {study.OTHERS: {"p00": 7.0, "p01": 9.0, "p02": 8.0}})}
    assert rows["refined, one"][0].startswith("9.00 [") and rows["refined, one"][1:] == ["-1.00 [-1.00, -1.00]", "50"]
    assert rows["matched, one"][2] == "-25" and rows["raw, one"][1:] == ["—", "—"] == rows[study.OTHERS][1:]


def test_what_is_recorded_is_what_the_page_shows(study, tmp_path, monkeypatch, capsys):
    """The command's own table and the one made of its records are the same."""
    found = [("raw, one", torch.tensor([10.0, 12, 10, 10, 11, 11])), (study.OTHERS, torch.tensor([7.0, 9, 7, 7, 8, 8])),
             ("refined, one", torch.tensor([9.0, 9.0, 8.0, 8.0, 8.0, 8.0]))]
    monkeypatch.setattr(study.Study, "errors", lambda self: iter(found))
    file = tmp_path / "r.jsonl"
    monkeypatch.setattr("sys.argv", ["people.py", "--real", str(written(tmp_path / "w.npz")), "--record", str(file)])
    study.main()
    said, (part, table, *_) = capsys.readouterr().out.strip(), people_parts(read(file))
    assert said == table and "MPIIGaze windows, p00 to p02" in part
    # Raw 11, 10, 11; other people's 8, 7, 8; refined 9, 8, 8: 7/3 of the 3 degrees between.
    assert [cell.strip() for cell in table.splitlines()[-1].split("|")[1:3]] == ["refined, one", "8.33 [6.90, 9.77]"]
    assert table.splitlines()[-1].split("|")[4].strip() == "78"
    assert str(tmp_path) not in file.read_text()


def test_a_set_that_lacks_a_seed_is_compared_over_the_seeds_that_it_has():
    """Raw 10 and 14 in seeds 0 and 1, refined 12 in seed 1 alone: two degrees better there, not level with the mean."""
    run = run_line("people", "full", "d", {}, hardware="h")
    rows = [row(seed, name, MEASURE + person, value + ahead) for name, values in
            {"raw, one": {0: 10.0, 1: 14.0}, OTHERS: {0: 8.0, 1: 8.0}, "refined, one": {1: 12.0}}.items()
            for seed, value in values.items() for person, ahead in {"p00": 0.0, "p01": 1.0, "p02": 2.0}.items()]
    _, table, *_ = people_parts(Records.of_run(run, rows))
    cells = [cell.strip() for cell in table.splitlines()[-1].split("|")]
    assert cells[1] == "refined, one (seed 1)" and cells[3] == "-2.00 [-2.00, -2.00]" and cells[4] == "33"
