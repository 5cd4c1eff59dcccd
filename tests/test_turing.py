"""The visual Turing test: published counts give the published p-values; answers survive interruptions; nothing leaks."""

import json
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from simgan_lib import paper
from simgan_lib.evaluation import turing
from simgan_lib.evaluation.turing import (
    Session,
    binomial,
    binomial_p,
    draw_trials,
    least_significant,
    pooled,
    power,
    simulated_subject,
    trials_needed,
)
from simgan_lib.images import ImageSet
from simgan_lib.system.errors import UserError


def marked(numbers, size=(4, 5)):
    """uint8 images whose every pixel is their number."""
    return torch.tensor(list(numbers), dtype=torch.uint8)[:, None, None, None].expand(-1, 1, *size).clone()


@pytest.fixture
def trials():
    return draw_trials(marked(range(20)), marked(range(100, 120)), 12, seed=0)


# ---- trials ----
def test_half_of_the_trials_are_real_and_none_comes_twice(trials):
    shown = trials.images[:, 0, 0, 0]
    assert trials.real.sum() == 6 and len(set(shown.tolist())) == 12
    assert torch.equal(shown < 50, trials.real)


def test_the_order_tells_nothing_and_depends_on_the_seed_alone():
    orders = [draw_trials(marked(range(20)), marked(range(100, 120)), 20, seed).real for seed in range(200)]
    by_place = torch.stack(orders).float().mean(0)
    assert (by_place - 0.5).abs().max() < 4 * 0.5 / 200 ** 0.5                # at each place, real as often as not
    assert torch.equal(orders[3], draw_trials(marked(range(20)), marked(range(100, 120)), 20, 3).real)


def test_neighbouring_frames_are_avoided():
    days = np.repeat(["day01", "day02", "day03"], [80, 10, 10])
    crops = ImageSet(marked(range(100)), groups={"day": days})
    shown = draw_trials(crops, marked(range(100, 200)), 30, seed=1)
    numbers = shown.images[shown.real][:, 0, 0, 0].long().numpy()
    assert sorted(np.unique(days[numbers], return_counts=True)[1].tolist()) == [5, 5, 5]


def test_a_day_of_two_people_is_two_days():
    """As many of p01's day as of each of p00's, though it has the name of one of them."""
    people, days = np.repeat(["p00", "p00", "p01"], [60, 20, 20]), np.repeat(["day01", "day02", "day01"], [60, 20, 20])
    crops = ImageSet(marked(range(100)), groups={"subject": people, "day": days})
    shown = draw_trials(crops, marked(range(100, 200)), 30, seed=1)
    numbers = shown.images[shown.real][:, 0, 0, 0].long().numpy()
    assert Counter(zip(people[numbers], days[numbers])) == {("p00", "day01"): 5, ("p00", "day02"): 5, ("p01", "day01"): 5}


@pytest.mark.parametrize("n, size, said", [(7, (4, 5), "even number"), (0, (4, 5), "even number"), (44, (4, 5), "found 20"),
                                           (4, (5, 4), "by their size")])
def test_impossible_trials_are_refused(n, size, said):
    with pytest.raises(UserError, match=said):
        draw_trials(marked(range(20)), marked(range(30), size), n, seed=0)


# ---- sessions ----
def test_an_interrupted_session_goes_on_where_it_was(trials, tmp_path):
    first = Session(trials, tmp_path / "a.json", "me")
    for letter in "rssr":
        first.answer(letter)
    again = Session(trials, tmp_path / "a.json", "me")
    assert again.answers == "rssr" and again.place == 4 and not again.done
    again.undo()
    assert Session(trials, tmp_path / "a.json", "me").answers == "rss"


def test_nothing_is_written_before_the_first_answer_and_nothing_without_a_path(trials, tmp_path):
    session = Session(trials, tmp_path / "new" / "a.json")
    session.undo()
    assert not (tmp_path / "new").exists()
    session.answer("r")
    assert (tmp_path / "new" / "a.json").exists()
    Session(trials).answer("s")


def test_answers_are_compared_with_the_truth(trials):
    session = Session(trials)
    for place, real in enumerate(trials.real.tolist()):
        session.answer("r" if real == (place < 9) else "s")
    assert session.done and session.right().tolist() == [True] * 9 + [False] * 3
    assert session.result() == binomial(9, 12)
    with pytest.raises(ValueError, match="number 13"):
        session.answer("r")


def test_only_two_words_are_answers(trials):
    with pytest.raises(ValueError, match="found 'x'"):
        Session(trials).answer("x")


def test_what_is_no_answer_is_left_out(trials):
    session = Session(trials)
    session.enter("R s?x r" + "s" * 50)
    assert session.answers == "rsr" + "s" * 9


@pytest.mark.parametrize("letters", ["rssrs", "srsrs", "rsrrs", "ssrs", "rsrr", "rs", "r", "", "srsr"],
                         ids=["inserted", "before the first", "before the last", "first replaced", "last replaced", "two gone",
                              "all replaced by one", "emptied", "others"])
def test_answers_change_at_their_end_alone(letters, trials, tmp_path):
    session = Session(trials, tmp_path / "a.json")
    session.enter("rsrs")
    before = session.path.read_bytes()
    with pytest.raises(UserError, match="4 answers are kept, and only their end can change"):
        session.enter(letters)
    assert session.answers == "rsrs" and session.path.read_bytes() == before


@given(st.lists(st.text("rsx", max_size=6), max_size=8))
def test_no_typing_moves_an_answer_to_another_image(typed):
    session = Session(turing.Trials(marked(range(4)), torch.tensor([True, False] * 2)))
    for letters in typed:
        before, wanted = session.answers, letters.replace("x", "")[:4]
        try:
            session.enter(letters)
        except UserError:
            assert session.answers == before and not wanted.startswith(before)
        else:
            assert session.answers == wanted and wanted.startswith(before[:-1])
            assert len(wanted) != len(before) or wanted == before


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '"rs"', "{}", '{"format": "simgan-turing-1", "answers": 3}',
                                     '{"format": "simgan-turing-1", "answers": "rxs"}', '{"format": "other", "answers": "r"}',
                                     "\xff\xfe"])
def test_a_damaged_file_is_refused_by_name_and_left_alone(content, trials, tmp_path):
    path = tmp_path / "session.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(UserError, match="session.json: not a session"):
        Session(trials, path)
    assert path.read_text(encoding="latin-1") == content


def test_a_file_cut_anywhere_is_refused(trials, tmp_path):
    path = tmp_path / "session.json"
    Session(trials, path).answer("r")
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        with pytest.raises(UserError, match="session.json"):
            Session(trials, path)


def test_a_session_of_other_trials_or_subjects_is_refused(trials, tmp_path):
    path = tmp_path / "session.json"
    Session(trials, path, "me").answer("r")
    with pytest.raises(UserError, match="subject 'me' there, 'you' here"):
        Session(trials, path, "you")
    others = draw_trials(marked(range(20)), marked(range(100, 120)), 12, seed=1)
    with pytest.raises(UserError, match="another session: trials"):
        Session(others, path, "me")
    about = json.loads(path.read_text()) | {"answers": "r" * 13}
    path.write_text(json.dumps(about))
    with pytest.raises(UserError, match="13 answers to 12 trials"):
        Session(trials, path, "me")


def test_an_answer_that_could_not_be_written_does_not_count(trials, tmp_path):
    (tmp_path / "file").write_text("")
    session = Session(trials, tmp_path / "file" / "a.json")
    with pytest.raises(UserError, match="could not be written"):
        session.answer("r")
    assert session.answers == ""


# ---- statistics ----
def test_published_counts_give_the_published_p_values():
    refined = binomial(int(paper.TURING_REFINED_RIGHT.value), 1000)
    synthetic = binomial(int(paper.TURING_SYNTHETIC_RIGHT.value), 200)
    assert round(refined["p"], 3) == 0.148 and synthetic["p"] < 1e-18 <= 1e-8
    assert refined["low"] < 0.5 < refined["high"] < 0.55 and synthetic["low"] > 0.74


def test_p_by_hand():
    assert binomial_p(3, 3) == 1 / 8 and binomial_p(2, 3) == 4 / 8 and binomial_p(0, 5) == 1


@pytest.mark.parametrize("n", [1, 7, 20, 60, 200])
def test_bounds_agree_with_p(n):
    """The lower bound is above guessing just where p is below 5 %, and each bound fails in 5 % at most."""
    for right in range(n + 1):
        found = binomial(right, n)
        assert (found["low"] > 0.5) == (found["p"] < 0.05) and (found["high"] < 0.5) == (binomial_p(n - right, n) < 0.05)
        assert right == 0 or binom.sf(right - 1, n, found["low"]) == pytest.approx(0.05)


@pytest.mark.parametrize("right, n", [(0, 0), (3, 2), (-1, 4)])
def test_no_result_without_answers(right, n):
    with pytest.raises(ValueError, match="right ones"):
        binomial(right, n)


def test_pooling_adds_and_sees_subjects_that_differ():
    alike, apart = pooled([binomial(52, 100)] * 10), pooled([binomial(95, 100), binomial(5, 100)])
    assert (alike["right"], alike["n"], alike["subjects"]) == (520, 1000, 10) and alike["differ_p"] == pytest.approx(1)
    assert apart["share"] == 0.5 and apart["differ_p"] < 1e-20
    assert pooled([binomial(5, 5), binomial(7, 7)])["differ_p"] == 1 == pooled([binomial(3, 5)])["differ_p"]


def test_the_least_significant_count_is_the_least():
    for n in range(1, 120):
        least = int(least_significant(n))
        assert least > n or binomial_p(least, n) <= 0.05
        assert binomial_p(least - 1, n) > 0.05


def test_power_is_the_share_of_significant_experiments():
    counts = np.arange(51)
    significant = np.array([binomial_p(int(right), 50) <= 0.05 for right in counts])
    assert float(power(50, 0.6)) == pytest.approx(binom.pmf(counts, 50, 0.6)[significant].sum())
    assert power(50, 0.5) <= 0.05


@pytest.mark.parametrize("share", [0.55, 0.6, 0.75, 0.97])
def test_the_number_of_trials_is_enough_from_there_on_and_not_before(share):
    n = trials_needed(share)
    assert power(n - 1, share) < 0.8 <= power(np.arange(n, 10 * n), share).min()


def test_a_guesser_needs_no_number_of_trials():
    with pytest.raises(ValueError, match="guessing"):
        trials_needed(0.5)
    assert trials_needed(1.0) == 5                       # 5 of 5: p = 1/32; 4 of 4: 1/16


# ---- the automatic twin ----
def test_the_twin_sees_a_difference_and_none_where_there_is_none():
    generator = torch.Generator().manual_seed(0)

    def noise(n, most):
        return torch.randint(most, (n, 1, 35, 55), generator=generator, dtype=torch.uint8)
    for most, fair in ((128, False), (256, True)):
        answers = simulated_subject(noise(100, 256), noise(100, most), seed=0, steps=30)
        trials = draw_trials(noise(100, 256), noise(100, most), 200, seed=0)
        session = Session(trials)
        session.enter(answers(trials.images))
        assert session.done and (session.result()["p"] > 1e-3 if fair else session.result()["share"] > 0.95)


def test_the_twin_depends_on_its_seed_alone():
    images = torch.randint(256, (80, 1, 35, 55), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    torch.rand(1)                                        # whatever was drawn before

    def answers(seed):
        return simulated_subject(images[:30], images[30:60], seed, steps=8)(images)
    state = torch.get_rng_state()
    first = answers(0)
    assert torch.equal(torch.get_rng_state(), state)     # and nothing is drawn from what others use
    torch.rand(1)
    assert answers(0) == first != answers(1)


def test_answers_are_the_two_letters():
    assert {turing.REAL, turing.SYNTHETIC} == {"r", "s"}
