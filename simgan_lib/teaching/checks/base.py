"""What checks are made of: a `Check` tries an `Answer` on inputs that a `Draw` makes anew at each run."""

import ast
import dis
import functools
import inspect
import secrets
import textwrap
import traceback
from fractions import Fraction

import numpy as np
import torch

from .draw import ROUNDS, Draw

TOLERANCE = 1e-4          # relative to the largest value, or to 1 if that is larger
NO_GRADIENT = ("no gradient passes: stay with torch's functions from the arguments to the result, without detach, no_grad, numpy, "
               "or a tensor that is built anew from numbers")


class Open(Exception):
    """The exercise has not been answered yet."""


class Wrong(AssertionError):
    """The answer is wrong; the text names the likely mistake.  Notebooks show the text alone, without a traceback."""

    def _render_traceback_(self):
        return [f"Not yet right: {self}"]


def wrong_if(mistaken, sentence):
    """Raise `Wrong` with the sentence if the mistake that it names was made."""
    if mistaken:
        raise Wrong(sentence)


class Check:
    """The check of one exercise, for notebooks, tests and graders.

    `check(answer)` returns None if the answer is right.  It raises `Wrong` if it is not, and `Open` if there is none.
    So an empty answer never counts as right.  One that is half written is wrong: first the values that it gives are
    tried, and if all of them are right, the message names a case that it leaves open.  `check.ours` is the library's answer.
    The inputs are random ones, other ones at each call.  A message ends with their seed: `check(answer, seed=7)` is
    the same trial again.
    """

    def __init__(self, trial, ours, rounds):
        functools.update_wrapper(self, trial)
        self.trial, self.ours, self.rounds = trial, ours, rounds

    def __call__(self, mine, seed=None):
        self.tried(mine, seed)

    def tried(self, mine, seed=None):
        """As a call, and returns the `Answer` that was tried."""
        seed = secrets.randbelow(1_000_000) if seed is None else seed
        answer = Answer(mine, self.ours)
        try:
            with torch.random.fork_rng(devices=[]):           # what an answer draws changes no figure below
                for place in range(self.rounds):
                    self._round(answer, Draw(seed, place))
            answer.complete()
        except Wrong as reason:
            raise Wrong(f"{reason} [random inputs; the same again: seed={seed}]") from reason.__cause__
        return answer

    def _round(self, answer, draw):
        try:
            self.trial(answer, draw)
        except Open as reason:                                # perhaps it answers in another round
            answer.missing.append((str(reason), ""))


def check(ours, rounds=ROUNDS):
    """Decorator: make a `Check` of a function trial(answer, draw), which is called for each set of inputs."""
    return lambda trial: Check(trial, ours, rounds)


def yours_or_ours(mine, check):
    """The learner's answer if it is right, the library's if there is none yet.  A wrong one stops: raises `Wrong`.

    So an unsolved notebook runs to its end, and a solved one goes on with what the learner wrote.
    """
    try:
        answer = check.tried(mine)
    except Open as reason:
        print(f"Still open ({reason}): the notebook goes on with the library's own.")
        return check.ours
    if answer.in_numpy:
        print(f"Right! But {answer.name} gives numpy arrays, where the cells below need tensors, some with gradients. "
              "So the notebook goes on with the library's own.")
        return check.ours
    print(f"Right! The notebook goes on with your {answer.name}.")
    return mine


class Answer:
    """A learner's function or class.  Called, it gives what that returns for copies of the arguments.

    Raises Wrong if it fails, or changes a tensor or an array that it was given.
    ours: the library's.  It stands in where nothing is given, so that other arguments are tried, too; without it: Open.
    Nothing is None, `...` or NotImplemented, and what `attempt` calls open.
    blank: whether the last call gave nothing.  in_numpy: whether it gave a numpy array: right, and of no use to cells that
    need tensors.
    """

    def __init__(self, mine, ours=None):
        self.mine, self.ours, self.answered, self.in_numpy, self.blank, self.missing = mine, ours, False, False, False, []
        plain = mine.func if isinstance(mine, functools.partial) else mine
        self.name = getattr(plain, "__name__", type(plain).__name__)

    def __call__(self, *arguments):
        copies = [_copy(value) for value in arguments]
        case = f"for {_shown(arguments)}; what it gives for others is right"
        returned = self.ask(case, f"{self.name} returns nothing yet", self.mine, *copies)
        if self.blank:
            if self.ours is None:
                raise Open(self.missing[0][0])
            return self.ours(*map(_copy, arguments))
        self.in_numpy = self.in_numpy or isinstance(returned, np.ndarray)
        for given, copy in zip(arguments, copies):
            wrong_if(isinstance(given, (torch.Tensor, np.ndarray)) and not _untouched(given, copy),
                     f"{self.name} changes the tensor that it is given; return a new one")
        return returned

    def ask(self, case, nothing, action, *arguments):
        """As `attempt`, and notes whether something was returned; the sentence `nothing` and the case, if it was not."""
        try:
            returned, reason = self.attempt(action, *arguments), nothing
        except Open as open_:
            returned, reason = None, str(open_)
        self.blank = _is_nothing(returned)
        if self.blank:
            self.missing.append((reason, case))
        else:
            self.answered = True
        return returned

    def complete(self):
        """Raise Open if nothing was ever returned, and Wrong, with the first case in which nothing was, if it was at times."""
        for reason, case in self.missing[:1]:
            wrong_if(self.answered, f"half written: {reason} {case}")
            raise Open(reason)

    def attempt(self, action, *arguments):
        """Call `action`.  Raises Open where a `...` or a `raise` of the stub is in the way, Wrong for any other failure."""
        try:
            return action(*arguments)
        except (Open, Wrong):
            raise
        except Exception as error:
            if isinstance(error, NotImplementedError) and _raised_by(error, self.mine):
                raise Open("not implemented yet") from error
            speaks = "ellipsis" in str(error).lower()
            if speaks and _has_blank(self.mine) is not False or _met_blank(error):
                raise Open("a ... is still in it") from error
            raise Wrong(f"it stops with {type(error).__name__}: {error}") from error

    def unwritten(self):
        """Whether a `...` of the stub is left in the source; None if there is no source to look at."""
        return _has_blank(self.mine)


def _is_nothing(returned):
    if isinstance(returned, (tuple, list)) and len(returned):
        return any(value is ... for value in returned)
    return returned is None or returned is ... or returned is NotImplemented


def _copy(value):
    if isinstance(value, torch.Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if isinstance(value, (list, tuple)):
        return type(value)(_copy(item) for item in value)
    return value.copy() if isinstance(value, np.ndarray) else value


def _untouched(given, copy):
    given, copy = torch.as_tensor(given), torch.as_tensor(copy)
    return given.shape == copy.shape and given.dtype == copy.dtype and given.allclose(copy, 0, 0, equal_nan=True)


def _raised_by(error, mine):
    """Whether a `raise` in the module of a function or a class raised the error: not one in a library, nor its C code."""
    last = error.__traceback__
    while last.tb_next:
        last = last.tb_next
    mine = mine.func if isinstance(mine, functools.partial) else mine
    return (last.tb_frame.f_globals.get("__name__") == getattr(mine, "__module__", None)
            and dis.opname[last.tb_frame.f_code.co_code[last.tb_lasti]] == "RAISE_VARARGS")


def _met_blank(error):
    """Whether a variable was `...` where the error arose, or on the way there."""
    return any(value is ... for frame, _ in traceback.walk_tb(error.__traceback__) for value in frame.f_locals.values())


def _has_blank(mine):
    """Whether a `...` stands in the source of a function or a class where a value should be; as an index it is none.

    None if there is no source to look at.
    """
    mine = mine.func if isinstance(mine, functools.partial) else mine
    seen = None
    parts = [part for part in vars(mine).values() if inspect.isfunction(part)] if inspect.isclass(mine) else [mine]
    for part in parts:
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(part)))
        except (OSError, TypeError, SyntaxError):
            continue
        seen = False
        indices = {id(node) for index in ast.walk(tree) if isinstance(index, ast.Subscript) for node in ast.walk(index.slice)}
        if any(isinstance(node, ast.Constant) and node.value is ... and id(node) not in indices for node in ast.walk(tree)):
            return True
    return seen


def plain(value):
    """Numbers as a float64 tensor on the CPU, of torch's own class.  Wrong for what is no number, tensor or array."""
    if isinstance(value, torch.Tensor):
        with torch._C.DisableTorchFunctionSubclass():  # a subclass may answer as it likes
            value = torch.Tensor.as_subclass(torch.Tensor.detach(value), torch.Tensor)
    elif isinstance(value, (np.ndarray, np.generic)) and np.asarray(value).dtype.kind in "fiub":
        value = torch.from_numpy(np.array(value, dtype=np.float64))
    elif type(value) in (bool, int, float, Fraction):
        value = torch.tensor(float(value), dtype=torch.float64)
    else:
        raise Wrong(f"expected a tensor or a number, found {type(value).__name__}")
    wrong_if(value.is_complex(), "expected real numbers, found complex ones")
    return value.to("cpu", torch.float64)


def same(value, other, tolerance=TOLERANCE):
    """Of one shape, and equal but for rounding."""
    return value.shape == other.shape and torch.allclose(value, other, tolerance, tolerance * _size(other), equal_nan=True)


def which(images, known):
    """Which of the known images these are: their places, from 0.  Raises Wrong if one is none of them."""
    images, known = plain(images), plain(known)
    wrong_if(images.shape[1:] != known.shape[1:],
             f"expected images of the shape {tuple(known.shape[1:])}, found a batch {tuple(images.shape)}")
    apart = (images.flatten(1)[:, None] - known.flatten(1)).abs().amax(2)                      # (n, known)
    wrong_if(not (apart.amin(1) <= 1e-6).all(),                                                # nor is it where a pixel is nan
             "an image comes back that is none of those there were: pixels of different images are mixed, or the pixels have "
             "changed.  Whole images are asked for, as they are")
    return apart.argmin(1).tolist()


def _size(values):
    """How large the values are: the largest of them, at most 1; no less than 0.01, for zeros are never met exactly."""
    finite = values[values.isfinite()]
    return finite.abs().max().clamp(0.01, 1).item() if len(finite) else 1.0


def expect(value, right, mistakes=None, tolerance=TOLERANCE):
    """Compare a returned value with the right one.  mistakes: {sentence: the value that this mistake gives}.

    Raises Wrong with the sentence that fits, if any, and with the first place where the two differ.
    """
    value, right = plain(value), plain(right)
    if same(value, right, tolerance):
        return
    place = _first_difference(value, right, tolerance) if value.shape == right.shape else \
        f"expected the shape {tuple(right.shape)}, found {tuple(value.shape)}"
    for sentence, wrong in (mistakes or {}).items():
        wrong_if(same(value, plain(wrong), tolerance), f"{sentence} ({place})")
    wrong_if(value.shape != right.shape, place)
    raise Wrong(f"right shape, {_in_general(value, right)} ({place})")


def expect_rule(rule, value, other, tolerance=TOLERANCE):
    """Raise Wrong with the sentence of the rule, by which what an answer gives equals `other`, unless the two are equal."""
    value, other = plain(value), plain(other)
    if not same(value, other, tolerance):
        found = _first_difference(value, other, tolerance) if value.shape == other.shape else "not even of one shape"
        raise Wrong(f"{rule} ({found})")


def _first_difference(value, right, tolerance):
    apart = ~torch.isclose(value, right, rtol=tolerance, atol=tolerance * _size(right), equal_nan=True)
    index = tuple(apart.nonzero()[0].tolist())
    first = f"{'first differs at ' + str(list(index)) + ': ' if index else ''}found {value[index]:.6g}, expected {right[index]:.6g}"
    return first + (f"; {int(apart.sum())} of {apart.numel()} differ, by up to {(value - right).abs()[apart].max():.3g}"
                    if apart.numel() > 1 else "")


def _in_general(value, right):
    """What can be said of wrong values without knowing the exercise."""
    if (value.isfinite() != right.isfinite()).any():
        return "but some values are infinite or not a number, or should be"
    shift, known = value - right, right.abs() > 1e-6
    if len(right[known]) > 1:
        factor = value[known] / right[known]
        if factor.std() < 1e-3 * factor.mean().abs() and (factor.mean() - 1).abs() > 1e-3:
            return f"but all values are {factor.mean():.3g} times what they should be"
        if shift.std() < 1e-3 * shift.mean().abs():
            return f"but all values are {shift.mean().abs():.3g} too {'high' if shift.mean() > 0 else 'low'}"
    return "wrong values" if value.ndim else "wrong value"


def expect_gradients(answer, ours, arguments, names, numpy=False):
    """Ask that gradients pass through the answer as through `ours`, the library's, and that no others do.

    names: {place of an argument: its name} of the float tensors from which gradients are asked.
    numpy: an answer that gives an array is let through; `yours_or_ours` then goes on with the library's.
    """
    if numpy and isinstance(answer(*arguments), np.ndarray) or answer.blank:
        return
    found, right = _gradients(answer.mine, arguments, names), _gradients(ours, arguments, names)
    for name, value, wanted in zip(names.values(), found, right):
        wrong_if(wanted.any() and not value.any(), f"the values are right, but no gradient reaches {name}: is it detached?")
        wrong_if(value.any() and not wanted.any(), f"the values are right, but a gradient reaches {name}, which should get none")
        if not same(value, wanted, 1e-3):
            raise Wrong(f"the values are right, but not the gradient with respect to {name}: is a part of the formula detached? "
                        f"({_first_difference(value, wanted, 1e-3)})")


def _gradients(function, arguments, names):
    """Gradients of a weighted sum of what the function returns, for the named arguments; zeros where there is none."""
    given = [value.requires_grad_(place in names) if isinstance(value, torch.Tensor) and value.is_floating_point() else value
             for place, value in enumerate(map(_copy, arguments))]
    leaves = [given[place] for place in names]
    try:
        returned = function(*given)
    except RuntimeError as error:
        wrong_if("requires grad" in str(error), f"the values are right, but {NO_GRADIENT}")
        raise Wrong(f"it stops with {type(error).__name__} when a gradient is asked for: {error}") from error
    wrong_if(not (isinstance(returned, torch.Tensor) and returned.requires_grad), f"the values are right, but {NO_GRADIENT}")
    weights = torch.linspace(0.5, 1.5, returned.numel(), dtype=torch.float64).reshape(returned.shape)
    found = torch.autograd.grad((returned * weights).sum(), leaves, allow_unused=True)
    return [torch.zeros_like(leaf) if gradient is None else gradient for leaf, gradient in zip(leaves, found)]


def _shown(arguments):
    return ", ".join(f"a tensor {tuple(value.shape)}" if isinstance(value, torch.Tensor)
                     else getattr(value, "__name__", None) or repr(value) for value in arguments)
