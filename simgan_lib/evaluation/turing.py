"""The visual Turing test: a subject says of single images whether they are real, and an exact test says what that proves.

Subjects are people, who label with `widgets.Labeller`, or the automatic twin, a small network that saw other images of
both kinds.  Both answer the same trials through the same `Session`, and enter the same table.
Paper: Table 1, section 3.1.  Taught in: notebook 10.
"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.stats import binom, binomtest, chi2_contingency

from ..images import group_names, pixels
from ..system.errors import UserError
from ..system.files import plain_file, write_whole
from .gaze import answers_of
from .judges import two_sample_classifier

FORMAT = "simgan-turing-1"
REAL, SYNTHETIC = "r", "s"          # the two answers; synthetic is all that is not real, refined images too


# ---- what is shown ----
@dataclass(frozen=True)
class Trials:
    """Images to be judged, in the order in which they are shown: uint8 (N, C, H, W), and the truth, bool (N,): real?"""

    images: torch.Tensor
    real: torch.Tensor

    def __len__(self):
        return len(self.images)

    def digest(self):
        """Twelve hexadecimal digits that tell these trials from any others."""
        return hashlib.sha256(self.images.numpy().tobytes() + self.real.numpy().tobytes()).hexdigest()[:12]


def draw_trials(real, synthetic, n, seed, by="day"):
    """n trials, half of them real, in random order  ->  Trials.

    real, synthetic: ImageSets or uint8 (N, C, H, W).  No image comes twice; from a set with the group `by` images are
    taken from as many groups as there are, for images of one group resemble each other.
    Raises UserError if n is odd or below 2, there are too few images, or their shapes differ.
    """
    if n < 2 or n % 2:
        raise UserError(f"trials: expected an even number of at least 2, half of each kind, found {n}")
    generator, chosen = torch.Generator().manual_seed(seed), []
    for name, images in (("real", real), ("synthetic", synthetic)):
        every = pixels(images).cpu()
        if len(every) < n // 2:
            raise UserError(f"{n} trials need {n // 2} {name} images: found {len(every)}")
        chosen.append(every[_spread(group_names(getattr(images, "groups", {}), by), len(every), generator)[:n // 2]])
    if chosen[0].shape != chosen[1].shape:
        raise UserError(f"real images are {tuple(chosen[0].shape[1:])}, synthetic ones {tuple(chosen[1].shape[1:])}: a "
                        "subject would know them by their size")
    order = torch.randperm(n, generator=generator)
    return Trials(torch.cat(chosen)[order], (torch.arange(n) < n // 2)[order])


def _spread(groups, n, generator):
    """All indices in random order, the first of each group first, then the second of each, and so on."""
    order = torch.randperm(n, generator=generator)
    if groups is None:
        return order
    turn, seen = [], Counter()
    for group in np.asarray(groups)[order]:
        turn.append(seen[group])
        seen[group] += 1
    return order[np.argsort(turn, kind="stable")]


# ---- one subject's answers ----
class Session:
    """One subject's answers to trials, in a file that is rewritten whole after each: an interrupted session goes on.

    trials: Trials.  path: the JSON file; it is read if it exists.  None: nothing is kept.  subject: a name.
    Raises UserError if the file is damaged, or of other trials or another subject; what it holds is left alone.
    """

    def __init__(self, trials, path=None, subject=""):
        self.trials, self.path, self.subject = trials, Path(path) if path is not None else None, subject
        self.answers = self._read() if self.path is not None and self.path.exists() else ""

    @property
    def place(self):
        """Index of the image that waits for an answer; the number of trials when all are done."""
        return len(self.answers)

    @property
    def done(self):
        return self.place == len(self.trials)

    def answer(self, answer):
        """Record "r" (real) or "s" (synthetic) for the present image.  ValueError for another word, or after the last."""
        if answer not in (REAL, SYNTHETIC) or self.done:
            raise ValueError(f"expected {REAL!r} or {SYNTHETIC!r} for one of {len(self.trials)} images, found {answer!r} "
                             f"for number {self.place + 1}")
        self._become(self.answers + answer)

    def undo(self):
        """Take the last answer back, if there is one."""
        self._become(self.answers[:-1])

    def enter(self, letters):
        """All answers as one word: those so far and any number more, or those so far without the last.

        Other letters than the two, and those after the last image, are left out.  Raises UserError for any other change:
        it would move answers to images that they were not given for.
        """
        answers = "".join(letter for letter in letters.lower() if letter in (REAL, SYNTHETIC))[:len(self.trials)]
        if not answers.startswith(self.answers) and answers != self.answers[:-1]:
            raise UserError(f"not counted: {self.place} answers are kept, and only their end can change; type on behind "
                            "the last, or take back one at a time")
        self._become(answers)

    def result(self):
        """`binomial` of the answers given so far.  Raises ValueError before the first."""
        return binomial(int(self.right().sum()), self.place)

    def right(self):
        """Which answers were right, bool (answers given,)."""
        said_real = torch.tensor([letter == REAL for letter in self.answers], dtype=torch.bool)
        return said_real == self.trials.real[:self.place]

    def _become(self, answers):
        if answers == self.answers:
            return
        if self.path is not None:                       # first the file: what is shown as kept has been kept
            about = {"format": FORMAT, "subject": self.subject, "trials": self.trials.digest(), "answers": answers}
            write_whole(self.path, [json.dumps(about).encode()])
        self.answers = answers

    def _read(self):
        try:
            about = json.loads(plain_file(self.path).read_bytes())
            kept, written = about["answers"], about["format"]
            if written != FORMAT or not isinstance(kept, str) or set(kept) - {REAL, SYNTHETIC}:
                raise ValueError(f"format {written!r}, answers {str(kept)[:20]!r}")
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(f"{self.path}: not a session of the visual Turing test ({error}); move it away to begin anew") \
                from error
        for name, ours in (("subject", self.subject), ("trials", self.trials.digest())):
            if about.get(name) != ours:
                raise UserError(f"{self.path}: belongs to another session: {name} {about.get(name)!r} there, {ours!r} here; "
                                "choose another file")
        if len(kept) > len(self.trials):
            raise UserError(f"{self.path}: has {len(kept)} answers to {len(self.trials)} trials; move it away to begin anew")
        return kept


# ---- the automatic twin ----
def simulated_subject(real, synthetic, seed, steps=300, device="cpu"):
    """A network instead of a person: learns from images of both kinds  ->  function from images to answers "rsr...".

    real, synthetic: uint8 (N, C, H, W) or ImageSets to learn from; trials must be drawn from others.  So it has seen
    labelled examples of just the two kinds in question, and of nothing else: it is no model of a person.
    Lopez-Paz and Oquab 2017 (classifier two-sample test).
    """
    network = two_sample_classifier(pixels(real), pixels(synthetic), seed, steps, device=device)
    return lambda images: "".join((REAL, SYNTHETIC)[kind] for kind in answers_of(network, images).argmax(1))


# ---- what the answers prove ----
def binomial_p(right, n):
    """Chance of being right at least `right` times of n by guessing: exact, one-sided.

    >>> binomial_p(3, 3)
    0.125
    """
    return float(binomtest(right, n, 0.5, alternative="greater").pvalue)


def binomial(right, n):
    """{"right", "n", "share", "low", "high", "p"}: exact bounds of the share, `binomial_p`.

    Each bound, "at least low" and "at most high", holds with 95 % (both with 90 %), so that low > 0.5 where p < 0.05: a
    two-sided 95 % interval beside a one-sided p would contradict it.  All take the answers for independent.  Raises
    ValueError unless 0 <= right <= n and n > 0.  Clopper and Pearson 1934.  Paper: Table 1.
    """
    if not 0 <= right <= n or n == 0:
        raise ValueError(f"expected some answers, and no more right ones than answers, found {right} of {n}")
    low, high = binomtest(right, n).proportion_ci(0.90, "exact")
    return {"right": right, "n": n, "share": right / n, "low": float(low), "high": float(high), "p": binomial_p(right, n)}


def pooled(results):
    """Several subjects' `binomial` results as one, and whether they may be: + {"subjects", "differ_p"}.

    differ_p: chance that subjects of one ability differ as much as these (chi-squared); where it is small, the pooled
    bounds are too narrow, for answers of one subject then resemble each other.
    """
    right, n = (np.array([result[key] for result in results]) for key in ("right", "n"))
    counts = np.stack([right, n - right])
    alike = len(results) < 2 or not counts.sum(1).all()
    differ = 1.0 if alike else float(chi2_contingency(counts, correction=False).pvalue)
    return binomial(int(right.sum()), int(n.sum())) | {"subjects": len(results), "differ_p": differ}


def least_significant(n, level=0.05):
    """The fewest right answers of n for which `binomial_p` is at most `level`; more than n where none are enough."""
    return binom.isf(level, n, 0.5).astype(int) + 1


def power(n, share, level=0.05):
    """Chance that n trials give p <= level if the subject is right with chance `share`.  n: a number or an array."""
    return binom.sf(least_significant(np.asarray(n), level) - 1, n, share)


def trials_needed(share, wanted=0.8, level=0.05):
    """The number of trials from which on the `power` is at least `wanted`.  ValueError unless 0.5 < share <= 1.

    The power of an exact test goes up in saw teeth: a few more trials can be worse.
    """
    if not 0.5 < share <= 1:
        raise ValueError(f"share: expected more than 0.5, which is guessing, and at most 1, found {share}")
    most = 64
    while True:
        enough = power(np.arange(1, 2 * most + 1), share, level) >= wanted
        if enough[most:].all():
            return int(np.flatnonzero(~enough).max(initial=-1)) + 2
        most *= 2
