"""Each check passes right answers, calls the stub open, and names each of a bank of plausible mistakes.

The bank is in `answers_00_05.py`, `answers_06_11.py`, `answers_12_13.py` and `answers_14.py`.
`python tests/test_checks.py` counts it.
"""

import itertools
import re
from fractions import Fraction

import answers_00_05
import answers_06_11
import answers_12_13
import answers_14
import pytest
import torch

from simgan_lib import losses
from simgan_lib.teaching import checks
from simgan_lib.teaching.checks import Check, Draw, Open, Wrong, expect, expect_gradients, yours_or_ours

BANK = answers_00_05.BANK | answers_06_11.BANK | answers_12_13.BANK | answers_14.BANK
CHECKS = {name: check for name, check in vars(checks).items() if isinstance(check, Check)}
RIGHT = [pytest.param(name, answer, id=f"{name}-{i}") for name, (rights, _) in BANK.items() for i, answer in enumerate(rights)]
WRONG = [pytest.param(name, *pair, id=f"{name}-{i}") for name, (_, wrongs) in BANK.items() for i, pair in enumerate(wrongs)]
FUNCTIONS = sorted(set(BANK) - {"history_buffer"})
LEAST = {"right": 5, "wrong": 12}         # for each check


def outcome(name, answer, seed=None):
    """"right", "open", or the sentence that a wrong answer gets."""
    try:
        CHECKS[name](answer, seed)
    except Open:
        return "open"
    except Wrong as wrong:
        return str(wrong)
    return "right"


# ---- the bank ----
def test_every_check_has_its_bank():
    assert set(BANK) == set(CHECKS)
    for name, (right, wrong) in BANK.items():
        assert len(right) >= LEAST["right"] and len(wrong) >= LEAST["wrong"], f"{name}: {len(right)} right, {len(wrong)} wrong"


@pytest.mark.parametrize("name, answer", RIGHT)
def test_a_right_answer_passes_whatever_the_seed(name, answer):
    for seed in (None, 0, 1):
        assert outcome(name, answer, seed) == "right"


@pytest.mark.parametrize("name, answer, words", WRONG)
def test_a_wrong_answer_fails_whatever_the_seed_and_gets_the_name_of_its_mistake(name, answer, words):
    assert outcome(name, answer, None) not in ("right", "open")
    said = [outcome(name, answer, seed) for seed in (0, 1, 2)]
    assert not {"right", "open"} & set(said)
    assert any(words in sentence for sentence in said), said


# ---- what no check accepts ----
def recorded(name):
    """An answer that never looks at its input: it returns, in order, what the library's answer returned before."""
    if name == "history_buffer":
        return ReplayedBuffer
    ours, seen = CHECKS[name].ours, []

    def spy(*given):
        seen.append(ours(*given))
        return seen[-1]

    CHECKS[name](spy)
    kept = iter([value.detach().clone() if isinstance(value, torch.Tensor) else value for value in seen])
    return lambda *given: next(kept)


class ReplayedBuffer:
    """The same for a class: lengths and images of another run."""

    def __init__(self, capacity, generator):
        self.ours = checks.history_buffer.ours(capacity, torch.Generator().manual_seed(0))

    def __len__(self):
        return len(self.ours)

    def sample(self, n):
        return self.ours.sample(n)

    def replace(self, images):
        self.ours.replace(torch.rand(images.shape, generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_recorded_constants_are_refused(name):
    assert outcome(name, recorded(name)) not in ("right", "open")


def late(name, then):
    """The library's answer twice; after that `then(value)` in place of its value."""
    calls = itertools.count()

    def answer(*given):
        value = CHECKS[name].ours(*given)
        return value if next(calls) < 2 else then(value)
    return answer


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("then", [lambda value: None, lambda value: ..., lambda value: torch.as_tensor(value)[None], str,
                                  lambda value: value + 1, lambda value: value * float("nan"), lambda value: [value]],
                         ids=["nothing", "dots", "an axis more", "a text", "one more", "nan", "a list"])
def test_what_is_right_for_some_inputs_alone_is_wrong(name, then):
    assert outcome(name, late(name, then)) not in ("right", "open")


class Agreeable:
    """Equal to everything, close to everything."""

    shape = torch.Size([4])

    def __eq__(self, other):
        return True

    def __sub__(self, other):
        return 0


class AgreeableTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True if function is torch.allclose else super().__torch_function__(function, types, args, kwargs or {})

    def detach(self):
        return self

    def __eq__(self, other):
        return True


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("trick", [Agreeable(), torch.zeros(4).as_subclass(AgreeableTensor), "", [], float("nan"), 0, True])
def test_an_object_that_equals_everything_proves_nothing(name, trick):
    assert outcome(name, lambda *given: trick) not in ("right", "open")


# ---- open ----
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("nothing", [None, ..., NotImplemented])
def test_a_stub_that_returns_nothing_is_open(name, nothing):
    assert outcome(name, lambda *given: nothing) == "open"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_stub_that_raises_or_goes_on_with_its_dots_is_open(name):
    def raises(*given):
        raise NotImplementedError

    def goes_on(*given):
        return 1 + ...

    assert outcome(name, raises) == outcome(name, goes_on) == "open"


def test_an_error_that_speaks_of_an_ellipsis_is_an_error():
    def drawn(*given):
        raise ValueError("the ellipsis does not fit the iris")

    assert "stops with ValueError: the ellipsis" in outcome("gaze_vector", drawn)
    assert "stops with" in outcome("gaze_vector", lambda angles: angles[..., 0] @ "ellipsis")   # dots as an index: no blank


def test_an_index_that_has_a_name_is_no_blank():
    def named(angles):
        place = (..., slice(1, None))
        return angles[place] @ torch.ones(7)

    def begun(angles):
        cosine, sine = ..., angles.sin()
        return cosine * sine

    assert "stops with RuntimeError" in outcome("gaze_vector", named)
    assert outcome("gaze_vector", begun) == "open"


class NoForward(torch.nn.Module):
    """A module whose call is not written."""


def test_what_torch_has_not_implemented_is_an_error():
    def to_do(angles):
        raise NotImplementedError("to do")

    assert outcome("gaze_vector", to_do) == "open"
    assert "NotImplementedError" in outcome("gaze_vector", NoForward())
    assert "not implemented for 'Byte'" in outcome("gaze_vector", lambda angles: torch.nn.functional.mse_loss(
        angles.byte(), angles.byte()))
    assert "not implemented for 'Byte'" in outcome("gaze_vector", lambda angles: torch.ops.aten.mse_loss(
        angles.byte(), angles.byte()))


def test_a_return_forgotten_in_one_branch_is_wrong_wherever_the_branch_comes():
    def partly(name, kept):
        return lambda *given: CHECKS[name].ours(*given) if kept(*given) else None

    for name, kept in (("local_adversarial_loss", lambda logits, label: label == losses.REFINED),
                       ("local_adversarial_loss", lambda logits, label: label == losses.REAL),
                       ("gaze_vector", lambda angles: len(angles) < 3), ("diversity", lambda images: len(images) == 9)):
        assert "returns nothing yet for a tensor" in outcome(name, partly(name, kept))


def one_label(other, label):
    """The library's local loss for one label, and something else for the other one."""
    return lambda logits, given: CHECKS["local_adversarial_loss"].ours(logits, given) if given == label else other(logits)


def unwritten(*given):
    raise NotImplementedError


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("half", [lambda logits: ..., lambda logits: None, unwritten], ids=["dots", "nothing", "raises"])
def test_a_half_written_answer_is_wrong_and_hears_which_case_is_open(half, label):
    said = outcome("local_adversarial_loss", one_label(half, label))
    assert said.startswith("half written") and f", {1 - label}; what it gives for others is right" in said


def test_an_answer_that_goes_on_with_its_dots_for_some_inputs_is_half_written():
    def answer(logits, label):
        fool = CHECKS["local_adversarial_loss"].ours(logits, 0)
        caught = ...
        return (fool + 0, caught + 0)[label] if label else fool

    assert "a ... is still in it for a tensor" in outcome("local_adversarial_loss", answer)


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("half, words", [(lambda logits: logits.sum(), "expected the shape"),
                                         (lambda logits: logits.nosuch(), "stops with AttributeError")], ids=["wrong", "fails"])
def test_an_open_case_does_not_hide_what_is_wrong_in_the_other(half, words, label):
    def answer(logits, given):
        return half(logits) if given == label else ...

    assert words in outcome("local_adversarial_loss", answer)
    assert words in outcome("local_adversarial_loss", lambda logits, given: half(logits) if given == label else unwritten())


def test_a_half_written_class_is_wrong_and_hears_which_case_is_open():
    class Part(answers_00_05.Buffer):
        def sample(self, n):
            return super().sample(n) if n == self.filled else unwritten()

    class Roomy(answers_00_05.Buffer):
        def replace(self, images):
            return super().replace(images) if self.filled + len(images) <= self.capacity else unwritten()

    class Dots(answers_00_05.Buffer):
        def replace(self, images):
            return super().replace(images) if self.filled + len(images) <= self.capacity else ...

    for half, case in ((Part, "sample(3) while 8 of 8"), (Roomy, "replace of 4 images while 6 of 8"), (Dots, "while 6 of 8")):
        said = outcome("history_buffer", half)
        assert "half written" in said and case in said


def test_a_class_with_an_unwritten_method_is_open():
    class Drawn(answers_00_05.Buffer):
        def sample(self, n):
            return ...

    class Stored(answers_00_05.Buffer):
        def replace(self, images):
            ...  # your code

    for unsolved in (Drawn, Stored, answers_00_05.UnsolvedBuffer):
        assert outcome("history_buffer", unsolved) == "open"


# ---- how a check tries and what it says ----
def test_inputs_are_new_at_each_run_and_the_same_with_a_seed():
    def given_to(check, seed=None):
        seen = []
        check(lambda angles: seen.append(angles.clone()) or check.ours(angles), seed)
        return seen

    once, again, seeded, repeated = (given_to(checks.gaze_vector, seed) for seed in (None, None, 7, 7))
    assert not torch.equal(once[0], again[0])
    assert all(torch.equal(a, b) for a, b in zip(seeded, repeated, strict=True))
    assert len({tuple(given.shape) for given in seeded}) > 3


def test_a_message_ends_with_the_seed_that_gives_it_again():
    for name, (_, wrong) in BANK.items():
        said = outcome(name, wrong[0][0])
        seed = re.search(r"seed=(\d+)\]$", said)
        assert seed, said
        assert outcome(name, wrong[0][0], int(seed.group(1))) == said


def test_a_message_says_where_the_values_differ_and_by_how_much():
    right = torch.arange(6.0).reshape(2, 3)
    wrong = right.clone()
    wrong[1, 1] = 4.5
    with pytest.raises(Wrong, match=r"first differs at \[1, 1\]: found 4.5, expected 4; 1 of 6 differ, by up to 0.5"):
        expect(wrong, right)


def test_numbers_tensors_arrays_and_fractions_are_compared_by_value():
    for half in (0.5, Fraction(1, 2), torch.tensor(0.5), torch.tensor(0.5).numpy(), torch.tensor(0.5).double()):
        expect(half, 0.5)
    for other in ("0.5", 0.5 + 0j, [0.5], torch.tensor(0.5 + 0j)):
        with pytest.raises(Wrong):
            expect(other, 0.5)


def test_gradients_reach_what_they_should_and_only_that():
    def ours(a, b):
        return a * b.detach()

    given = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
    for answer, words in ((lambda a, b: a * b, "a gradient reaches b"), (lambda a, b: a.detach() * b, "no gradient reaches a"),
                          (lambda a, b: (a * b).detach(), "no gradient passes"),
                          (lambda a, b: a.detach() * b.detach() / 2 + a * b.detach() / 2, "with respect to a")):
        with pytest.raises(Wrong, match=words):
            expect_gradients(checks.base.Answer(answer), ours, given, {0: "a", 1: "b"})
    expect_gradients(checks.base.Answer(ours), ours, given, {0: "a", 1: "b"})


def test_every_choice_of_a_draw_comes_within_the_rounds():
    for seed in range(20):
        drawn = [Draw(seed, place).one_of(*"abcdef") for place in range(checks.base.ROUNDS)]
        assert drawn[0] == "a" and set(drawn[1:]) == set("abcdef")


def test_choices_of_a_draw_do_not_hang_together():
    met = [{tuple(draw.one_of(0, 1) for _ in range(2)) for draw in (Draw(seed, place) for place in range(1, checks.base.ROUNDS))}
           for seed in range(200)]
    for pair in itertools.product((0, 1), repeat=2):
        assert sum(pair in pairs for pairs in met) > 180


def test_arguments_are_copied_even_lists():
    given = [(3, 1), (3, 2)]
    answer = checks.base.Answer(lambda layers: layers.clear() or 1)
    assert answer(given) == 1 and given == [(3, 1), (3, 2)]


def test_yours_if_right_ours_if_open_and_a_stop_if_wrong(capsys):
    def mine(refined, synthetic, features=losses.identity):
        return (features(refined) - features(synthetic)).abs().flatten(1).sum(1)

    def wrong(refined, synthetic, features=losses.identity):
        return (features(refined) - features(synthetic)).abs().flatten(1).mean(1)

    check = checks.self_regularization
    assert yours_or_ours(mine, check) is mine
    assert "Right" in capsys.readouterr().out
    assert yours_or_ours(lambda *given: ..., check) is check.ours is losses.self_regularization
    assert "open" in capsys.readouterr().out
    with pytest.raises(Wrong, match="mean or sum"):
        yours_or_ours(wrong, check)


def test_an_answer_in_numpy_is_right_and_does_not_go_on_where_tensors_are_needed(capsys):
    check = checks.gaze_vector
    assert yours_or_ours(lambda angles: check.ours(angles).numpy(), check) is check.ours
    assert "Right" in capsys.readouterr().out


def test_notebooks_show_a_mistake_as_one_line():
    assert Wrong("mean or sum?")._render_traceback_() == ["Not yet right: mean or sum?"]


def test_checks_leave_the_global_random_state_alone():
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    for name, (right, _) in BANK.items():
        CHECKS[name](right[0])

    assert torch.equal(before, torch.random.get_rng_state())


def count(seeds=3):
    """Print how many answers of the bank each check judges rightly.  Returns whether it is all of them."""
    def refused(name, answer):
        return all(outcome(name, answer, seed) not in ("right", "open") for seed in range(seeds))

    right = [all(outcome(name, answer, seed) == "right" for seed in range(seeds))
             for name, (rights, _) in BANK.items() for answer in rights]
    wrong = [refused(name, answer) for name, (_, wrongs) in BANK.items() for answer, _ in wrongs]
    constants = [outcome(name, recorded(name)) not in ("right", "open") for name in BANK]
    fewest = [min(len(bank[place]) for bank in BANK.values()) for place in (0, 1)]
    print(f"{len(BANK)} checks; wrong answers refused: {sum(wrong)} of {len(wrong)} (at least {fewest[1]} a check); "
          f"right ones passed: {sum(right)} of {len(right)} (at least {fewest[0]}); "
          f"recorded constants refused: {sum(constants)} of {len(constants)}")
    return all(right + wrong + constants)


if __name__ == "__main__":
    raise SystemExit(not count())
