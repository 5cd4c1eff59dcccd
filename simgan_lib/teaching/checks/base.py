"""What checks are made of."""

import numpy as np
import torch

TOLERANCE = 1e-4          # relative; absolute for values below 1


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


def yours_or_ours(mine, check, ours):
    """The learner's answer if it is right, ours if there is none yet.  A wrong one stops: raises `Wrong`.

    So an unsolved notebook runs to its end, and a solved one goes on with what the learner wrote.
    """
    try:
        check(mine)
    except Open as reason:
        print(f"Still open ({reason}): the notebook goes on with the library's {ours.__name__}.")
        return ours
    print(f"Right! The notebook goes on with your {mine.__name__}.")
    return mine


def answer(mine, *arguments):
    """What `mine` returns for copies of the arguments.

    Raises Open if that is nothing, `...` or NotImplemented; Wrong if it fails or changes a tensor that it was given.
    """
    copies = [value.clone() if isinstance(value, torch.Tensor) else value for value in arguments]
    returned = attempt(mine, *copies)
    if returned is None or returned is ... or returned is NotImplemented:
        raise Open(f"{mine.__name__} returns nothing yet")
    for given, copy in zip(arguments, copies):
        if isinstance(given, torch.Tensor) and not (given.shape == copy.shape and given.allclose(copy, 0, 0, equal_nan=True)):
            raise Wrong(f"{mine.__name__} changes the tensor that it is given; return a new one")
    return returned


def attempt(action, *arguments):
    """Call `action`.  Raises Open where a `...` of the stub is in the way, Wrong for any other failure."""
    try:
        return action(*arguments)
    except NotImplementedError as error:
        raise Open("not implemented yet") from error
    except (Open, Wrong):
        raise
    except Exception as error:
        if "ellipsis" in str(error).lower():
            raise Open("a ... is still in it") from error
        raise Wrong(f"it stops with {type(error).__name__}: {error}") from error


def plain(value):
    """Numbers as a float64 tensor on the CPU, of torch's own class.  Wrong for what is no number, tensor or array."""
    if isinstance(value, torch.Tensor):
        with torch._C.DisableTorchFunctionSubclass():  # a subclass may answer as it likes
            value = torch.Tensor.as_subclass(torch.Tensor.detach(value), torch.Tensor)
    elif isinstance(value, (np.ndarray, np.generic)):
        value = torch.from_numpy(np.array(value, dtype=np.float64))
    elif isinstance(value, (bool, int, float)):
        value = torch.tensor(float(value))
    else:
        raise Wrong(f"expected a tensor or a number, found {type(value).__name__}")
    return value.to("cpu", torch.float64)


def same(value, other):
    """Of one shape, and equal but for rounding."""
    return value.shape == other.shape and torch.allclose(value, other, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)


def expect(value, right, mistakes):
    """Compare a returned value with the right one.  mistakes: {sentence: the value that this mistake gives}.

    Raises Wrong with the sentence that fits, else with what can be said in general.
    """
    value, right = plain(value), plain(right)
    if same(value, right):
        return
    for sentence, wrong in mistakes.items():
        wrong_if(same(value, plain(wrong)), sentence)
    wrong_if(value.shape != right.shape, f"expected the shape {tuple(right.shape)}, found {tuple(value.shape)}")
    wrong_if(not value.isfinite().all(), "right shape, but some values are infinite or not a number")
    factor = (value / right)[right.abs() > 1e-6]
    if len(factor) > 1 and factor.std() < 1e-3 * factor.mean().abs():
        raise Wrong(f"right shape, but all values are {factor.mean():.3g} times what they should be")
    raise Wrong("right shape, wrong values")


def drawn(*shape, seed=0):
    """Numbers for trying an answer, in [-1, 1] with a gap around 0, so that no sign is in doubt."""
    values = torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 1.8 - 0.9
    return values + 0.1 * values.sign()
