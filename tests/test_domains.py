"""Where the main job's real images come from: what is learned from and what is measured on have nothing in common."""

import itertools
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from test_cli import write_eyes

from simgan_lib.experiments import pipeline
from simgan_lib.experiments.domains import PROFILES, Domain, fingerprint, real_domain, stand_in_domain
from simgan_lib.experiments.pipeline import StudySeed
from simgan_lib.images import ImageSet
from simgan_lib.simulators import camera
from simgan_lib.simulators.parameters import EYE
from simgan_lib.simulators.release import write_day
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


def test_the_harder_domain_has_other_people_to_learn_from_and_to_test_on(monkeypatch):
    """40 people each, whose eyeballs all differ; a day is a person's."""
    drawn, really = [], camera.render
    monkeypatch.setattr(camera, "render", lambda eyes, *given, **named: (drawn.append(eyes), really(eyes, *given, **named))[1])
    domain = stand_in_domain(replace(PROFILES["quick-hard"], real=80, test=120))
    learned, tested = (set(eyes["eye_x"].tolist()) for eyes in drawn)
    assert len(learned) == len(tested) == 40 and not learned & tested and domain.apart == "people"
    assert set(domain.test.groups["day"]) == {f"s{i:02d}/day{i + 1:02d}" for i in range(40)}
    assert max(eyes["kappa"].max() for eyes in drawn) > EYE["kappa"].high
    assert "subject" not in stand_in_domain(SMALL).test.groups


def test_profiles_change_the_one_thing_that_they_name():
    quick = PROFILES["quick"].described()
    changed = {name: {key for key, value in PROFILES[name].described().items() if quick.get(key) != value}
               for name in PROFILES if name.startswith("quick-")}
    assert changed == {"quick-published": {"refine_from", "training"}, "quick-hard": {"people"},
                       "quick-people": {"people", "simulator"}, "quick-wide": {"simulator"},
                       "quick-fresh": {"estimators", "fresh"}}
    assert not set(PROFILES["quick"].LATER) & set(quick), "the recorded runs are described as they were"
    training = PROFILES["quick-published"].training
    assert (training.features, training.regularization, training.ema_decay, training.noise) == ("identity", 0.01, 0.0, 0)
    assert (training.refiner_updates, training.discriminator_updates, training.width) == (2, 1, 64)


def test_a_fresh_profile_learns_from_the_same_images_and_is_tested_on_others():
    known, fresh = (stand_in_domain(replace(SMALL, fresh=fresh)) for fresh in (False, True))
    assert torch.equal(known.unlabelled.images, fresh.unlabelled.images)
    assert not gazes(known.test) & gazes(fresh.test) and not gazes(fresh.labelled) & gazes(fresh.test)


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


@pytest.fixture
def three(tmp_path):
    """A release of p00, p01 and p02, two days each.  The pixel at the top left says whose, and of which day: 10 * person + day."""
    for person in range(3):
        for day in (1, 2):
            image = np.random.default_rng(10 * person + day).integers(20, 250, (4, 36, 60), dtype=np.uint8)
            image[:, :12, :12] = 100 + 10 * person + day
            side = {"image": image, "gaze": np.tile([0.0, 0.0, -1.0], (4, 1)), "pose": np.zeros((4, 3))}
            right = side | {"image": np.roll(image, 20, 2)[:, :, ::-1]}           # another image, marked alike once it is mirrored
            right["image"][:, :12, -12:] = 100 + 10 * person + day
            write_day(tmp_path / f"p0{person}" / f"day0{day}.mat", side, right)
    return tmp_path


def marks(images):
    return set(images.images[:, 0, 0, 0].tolist())


@pytest.mark.parametrize("asked, tested", [
    ({}, {121, 122}), ({"test_people": ["p00", "p01"]}, {101, 102, 111, 112}), ({"test_people": ["p01"]}, {111, 112}),
    ({"test_days": ["p00/day01", "p02/day02"]}, {101, 122})])
def test_several_people_are_split_by_person_or_by_a_persons_days(three, asked, tested):
    domain = real_domain(three, **asked)
    every = {101, 102, 111, 112, 121, 122}
    assert marks(domain.test) == tested and marks(domain.unlabelled) == marks(domain.labelled) == every - tested
    assert set(domain.test.groups["day"]) == {f"p0{mark // 10 - 10}/day0{mark % 10}" for mark in tested}
    assert domain.apart == ("days" if "test_days" in asked else "people") and domain.unlabelled.labels == {}


def test_of_two_people_the_second_is_kept_apart(three):
    shutil.rmtree(three / "p02")
    assert marks(real_domain(three).test) == {111, 112}


def test_a_day_that_one_person_alone_has_needs_no_person(three):
    (three / "p01" / "day02.mat").rename(three / "p01" / "day07.mat")
    assert marks(real_domain(three, ["day07"]).test) == {112}


def test_days_of_one_person_keep_their_names(three):
    domain = real_domain(three / "p00", ["day02"])
    assert set(domain.test.groups["day"]) == {"day02"} and domain.apart == "days"


@pytest.mark.parametrize("asked, said", [
    ({"test_people": ["p00", "p09"]}, "no images of subject p09; there are p00, p01, p02"),
    ({"test_people": ["p00", "p01", "p02"]}, "3 people with eyes leave 0 images to learn from and 48"),
    ({"test_days": ["day01"]}, "3 people have a day01; expected person and day, such as p00/day01"),
    ({"test_days": ["p00/day05"]}, "no images of day p00/day05; there are p00/day01"),
    ({"test_days": ["p00/day01"], "test_people": ["p00"]}, "--test-days and --test-people: expected one of them, found both")])
def test_people_and_days_that_cannot_be_kept_apart_are_named(three, asked, said):
    with pytest.raises(UserError, match=re.escape(said)):
        real_domain(three, **asked)


def test_a_copied_file_may_not_stand_on_both_sides(three, capsys):
    shutil.copy(three / "p00" / "day02.mat", three / "p02" / "day09.mat")
    with pytest.raises(UserError, match="p00/day02.mat and p02/day09.mat share 8 images, and one of them is kept apart"):
        real_domain(three)
    assert len(real_domain(three, test_people=["p00", "p02"]).test) == 40
    assert "note: " in (said := capsys.readouterr().err) and "p00/day02.mat and p02/day09.mat share 8 images" in said
    real_domain(three / "p01", ["day02"])
    assert capsys.readouterr().err == ""


def test_days_of_one_person_that_are_copies_may_not_stand_on_both_sides(three):
    shutil.copy(three / "p00" / "day02.mat", three / "p00" / "day03.mat")
    with pytest.raises(UserError, match="p00/day02.mat and p00/day03.mat share 8 images"):
        real_domain(three / "p00")


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
