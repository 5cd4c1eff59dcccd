"""Marks the whole bank of answers, or a share of it, and counts: python -m coursework.bank [ASSIGNMENT ...]"""

import sys

from . import answers, parts
from .answers import cheats
from .grading.marking import Session, mark
from .grading.sandbox import Lane

FIRST = "import torch\n"


def cases(name, share=1):
    """(part, kind, source, marks, words) of an assignment, each `share`-th; kind: "right", "wrong" or "cheat"."""
    for part in parts.parts_of(name):
        right, wrong = answers.bank_of(name)[part.name]
        rows = [(part, "right", source, part.points, "") for source in right]
        rows += [(part, "wrong", *row) for row in wrong]
        rows += [(part, "cheat", source, 0, "") for source in cheats.against(part, right[0])]
        yield from rows[hash_place(part.name) % share::share]


def hash_place(text):
    """A number of the text, the same at each run."""
    return sum(map(ord, text))


def marked(lane, part, source, seed=None, cell_seconds=4):
    """(marks, messages) of one part alone."""
    row, = mark(Session(lane, [("answer", FIRST + source)], cell_seconds), [part], seed)
    return row["earned"], " | ".join(each["message"] for each in row["criteria"])


def failures(lane, name, share=1, said=lambda *_: None):
    """(counts {kind: number}, [what was not marked as it should be])."""
    counts, found = {"right": 0, "wrong": 0, "cheat": 0}, []
    for part, kind, source, marks, words in cases(name, share):
        earned, messages = marked(lane, part, source)
        counts[kind] += 1
        said(part.name, kind, earned)
        if abs(earned - marks) > 1e-6 or words not in messages:
            found.append(f"{name}, {part.name}: {kind} answer gets {earned:g} for {marks:g} of {part.points:g}, "
                         f"said: {messages or 'nothing'}; expected words: {words or 'any'}\n{source}")
    return counts, found


def main(names):
    bad = 0
    with Lane(hidden=["coursework"]) as lane:
        print(lane.isolation)
        for name in names or answers.NAMES:
            counts, found = failures(lane, name, said=lambda *words: print(".", end="", flush=True))
            print(f"\n{name}: {counts['right']} right with full marks, {counts['wrong']} wrong with exactly their marks, "
                  f"{counts['cheat']} cheats with none; {len(found)} not as they should be", *found, sep="\n")
            bad += len(found)
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
