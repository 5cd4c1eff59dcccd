"""Where the main job's real images come from: what is learned from and what is measured on have nothing in common."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from test_cli import write_eyes

from simgan_lib.experiments import pipeline
from simgan_lib.experiments.domains import PROFILES, Domain, fingerprint, real_domain, stand_in_domain
from simgan_lib.experiments.pipeline import StudySeed
from simgan_lib.images import ImageSet
from simgan_lib.system.errors import UserError

SMALL = replace(PROFILES["quick"], synthetic=30, real=40, test=50)


def gazes(images):
    """The pitch of each eye, drawn first and from a continuum: two sets that share one were drawn with the same seed."""
    return set(images.labels["gaze"][:, 0].tolist())


def test_no_eye_is_drawn_twice_for_simulation_learning_and_measuring(tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "code_digest", lambda: "this code")
    domain, sets = stand_in_domain(SMALL), {}
    sets["learned from"], sets["measured on"] = domain.labelled, domain.test
    for seed in (0, 1):
        study = StudySeed(SMALL, domain, seed, torch.device("cpu"), tmp_path, bar=False)
        sets[f"seed {seed}"] = study.simulated()
        study.sets = {"synthetic": sets[f"seed {seed}"][:0], "synthetic_matched": sets[f"seed {seed}"][:0]}
        sets[f"more of seed {seed}"] = study._more["synthetic"]
    assert [len(images) for images in sets.values()] == [40, 50, 30, 90, 30, 90]
    assert all(len(gazes(images)) == len(images) for images in sets.values())
    for (one, a), (other, b) in itertools.combinations(sets.items(), 2):
        assert not gazes(a) & gazes(b), f"{one}, {other}"


def test_what_is_learned_from_has_no_labels_but_for_the_oracle():
    domain = stand_in_domain(SMALL)
    assert domain.unlabelled.labels == {} and "gaze" in domain.labelled.labels
    assert torch.equal(domain.unlabelled.images, domain.labelled.images), "the oracle is the same images, with labels"


@pytest.mark.parametrize("asked, tested", [(None, ["day03", "day06"]), (["day01", "day07"], ["day01", "day07"])])
def test_a_release_is_split_by_days_those_asked_for_or_every_third(tmp_path, asked, tested):
    write_eyes(tmp_path, days=7, n=2)
    domain = real_domain(tmp_path, asked)
    rest = [day for day in (f"day{number:02d}" for number in range(1, 8)) if day not in tested]
    days = {name: sorted(set(getattr(domain, name).groups["day"])) for name in ("unlabelled", "labelled", "test")}
    assert days == {"unlabelled": rest, "labelled": rest, "test": tested}
    assert not gazes(domain.labelled) & gazes(domain.test) and len(domain.labelled) + len(domain.test) == 7 * 4
    assert domain.unlabelled.labels == {} and torch.equal(domain.unlabelled.images, domain.labelled.images)


@pytest.mark.parametrize("days", [["day01"], ["day01", "day02"]])
def test_a_release_of_too_few_days_to_measure_on_is_refused(tmp_path, days):
    write_eyes(tmp_path, days=len(days), n=2)
    with pytest.raises(UserError, match=f"{len(days)} days with eyes leave .* both need at least 8"):
        real_domain(tmp_path)


def images(n, seed, days=("a", "b")):
    random = torch.Generator().manual_seed(seed)
    labels = {"gaze": torch.rand(n, 2, generator=random)}
    return ImageSet(torch.randint(0, 256, (n, 1, 4, 5), generator=random).to(torch.uint8), labels, {"day": np.resize(days, n)})


def test_a_fingerprint_knows_every_pixel_label_and_day():
    learned, test = images(6, 0), images(4, 1)

    def of(learned=learned, test=test, name="here"):
        return tuple(fingerprint(Domain(name, replace(learned, labels={}), learned, test)))

    def brighter(some):
        pixels = some.images.clone()
        pixels[-1, 0, -1, -1] ^= 1
        return replace(some, images=pixels)

    def turned(some):
        return replace(some, labels={"gaze": some.labels["gaze"] * torch.tensor([1.0, -1.0])})

    def of_other_days(some):
        return replace(some, groups={"day": np.resize(["b", "a"], len(some))})
    changed = [{side: change(some)} for side, some in (("learned", learned), ("test", test))
               for change in (brighter, turned, of_other_days)]
    assert len({of(), of(learned=test, test=learned), of(name="there"), *(of(**each) for each in changed)}) == 9
    assert of() == of(replace(learned, source="elsewhere"))


def test_the_mean_answer_is_that_of_the_test_images():
    gaze = torch.deg2rad(torch.tensor([[0.0, -6.0], [0.0, -2.0], [0.0, 8.0]]))        # mean 0: wrong by 6, 2 and 8 degrees
    test = ImageSet(torch.zeros(3, 1, 4, 5, dtype=torch.uint8), {"gaze": gaze})
    assert Domain("here", images(6, 0), images(6, 0), test).mean_answer_error() == pytest.approx(16 / 3, abs=1e-4)
