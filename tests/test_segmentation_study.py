"""The study of one-shot segmentation compares what it says it compares."""

from dataclasses import replace

import pytest
import torch
from study_scripts import study_script
from torch import nn

from simgan_lib.evaluation.masks import labelled_eyes
from simgan_lib.images import to_float
from simgan_lib.neighbours.segmenters import load_shipped_segmenter
from simgan_lib.simulators.eyes import simulate


@pytest.fixture(scope="module")
def study():
    return study_script("segmentation")


EYES = labelled_eyes(60, seed=3)


class Album(nn.Module):
    """A generator whose latents are page numbers of EYES, and whose two blocks are the image and half of it."""

    def __init__(self):
        super().__init__()
        self.blocks, self.seen, self.noises = nn.ModuleList([nn.Identity(), nn.AvgPool2d(2)]), [], []

    def latents(self, n, generator):
        return torch.randint(len(EYES), (n, 1), generator=generator)

    def noise(self, n, generator):
        return [torch.randn(n, 1, 1, 1, generator=generator)]

    def forward(self, z, noise, psi):
        self.seen.append(psi)
        self.noises.append(noise[0].flatten())
        image = to_float(EYES.images[z[:, 0]])
        for block in self.blocks:
            block(image)
        return image


def exact(images):
    pages = (images[:, None] == EYES.images[None]).flatten(2).all(2).float().argmax(1)
    return EYES.labels["parts"][pages]


@pytest.fixture
def bench(study, monkeypatch):
    monkeypatch.setattr(study, "segmented", lambda network, images: (exact(images), None))
    made = study.Bench(Album(), study.SCALES["quick"])
    monkeypatch.setitem(made.__dict__, "expert", None)
    return made


def test_label_images_show_every_part_and_are_the_draw_s(study, bench):
    z, images, masks = bench.labelled(bench.drawn(), 5, draw=0)
    assert all((masks == part).sum((1, 2)).min() >= study.LEAST for part in range(4))
    assert torch.equal(images, EYES.images[z[:, 0]]) and torch.equal(masks, EYES.labels["parts"][z[:, 0]])
    assert torch.equal(bench.labelled(bench.drawn(), 1, draw=0)[1], images[:1])
    assert not torch.equal(bench.labelled(bench.drawn(), 1, draw=1)[1], images[:1])


def test_all_methods_learn_from_the_same_labels(study, bench, monkeypatch):
    seen, caught = {}, []

    def fitted(columns, masks, config, seed):
        caught.append(masks)
        raise StopIteration

    def trained(images, targets, config, seed):
        caught.append(targets.argmax(1))
        raise StopIteration

    monkeypatch.setattr(study, "fitted", fitted)
    monkeypatch.setattr(study, "train_student", trained)
    monkeypatch.setattr(study.NearestSegmenter, "fit", lambda self, columns, masks: fitted(columns, masks, None, 0))
    monkeypatch.setitem(bench.__dict__, "denoiser", bench.untrained)
    labels = bench.labelled(bench.drawn(), 1, draw=0)[2]
    for method, scored in study.methods(bench, bench.drawn(), 0, 1).items():
        with pytest.raises(StopIteration):
            scored(0)
        seen[method] = caught.pop()
    assert len(seen) == 12
    alike = {method for method, masks in seen.items() if torch.equal(masks.long(), labels.long())}
    assert alike == {"generator", "denoiser", "denoiser, student", "random network", "raw pixels", "augmented UNet",
                     "generator, a third of the steps", "augmented UNet, a third of the steps", "nearest neighbour",
                     "random network, nearest neighbour"}
    assert seen.keys() - alike == {"augmented UNet, exact label", "augmented UNet, expert's label"}


def test_label_images_and_auto_shots_have_one_truncation(study, bench, monkeypatch):
    monkeypatch.setattr(study, "by_student", lambda *given: {})
    bench.generator.seen.clear()
    source = bench.drawn()
    z, images, masks = bench.labelled(source, 1, draw=0)
    study.by_generator(bench, source, z, images, masks, seed=0)
    assert set(bench.generator.seen) == {bench.scale.truncation}
    assert bench.drawn(layers="fine").taps == bench.drawn().taps == ("blocks.0", "blocks.1")
    deep = Album()
    deep.blocks.extend([nn.Identity(), nn.Identity()])
    taps = {layers: study.Bench(deep, bench.scale).drawn(layers=layers).taps for layers in ("coarse", "fine")}
    assert taps == {"coarse": ("blocks.0", "blocks.1"), "fine": ("blocks.2", "blocks.3")}


def test_another_generator_draws_and_labels_its_own_eyes(study, bench, monkeypatch):
    other = Album()
    monkeypatch.setattr(study, "load_generator", lambda file: (other, {"config": {"steps": 1000}, "seed": 4}))
    monkeypatch.setattr(study, "by_student", lambda bench, images, targets, seed, share: {"iou_mean": 0.5})
    bench.generator.seen.clear()
    found = {line["subject"]: (line["seed"], line["value"]) for line in study.others_rows(bench, ["a file"], 3)}
    assert found == {f"generator of 1,000 steps, seed 4, {n}": (3, 0.5) for n in ("1 label", "10 labels")}
    assert other.seen and not bench.generator.seen


def test_coarser_hypercolumns_are_of_the_same_eyes_and_are_judged_at_full_size(study, bench):
    assert bench.drawn(coarser=2).size == (18, 28) and bench.drawn(coarser=4).size == (9, 14)
    z = bench.latents(2, 1)
    assert torch.equal(bench.drawn(coarser=4).whole(z)[0], bench.drawn().whole(z)[0])
    mask = torch.zeros(1, 8, 8, dtype=torch.uint8)
    mask[:, 2:4, 4:8] = 3
    small = study.at_size(study.one_hot(mask, 4), (4, 4))
    assert small[0].tolist() == [[0, 0, 0, 0], [0, 0, 3, 3], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert torch.equal(study.at_size(study.one_hot(mask, 4), (8, 8)), mask)


def test_a_perfect_segmenter_scores_1_and_has_the_pupil_in_place(study):
    true = EYES.labels["parts"]
    probabilities = nn.functional.one_hot(true.long(), 4).movedim(-1, 1).float()
    found = study.score(true, probabilities, EYES)
    assert all(found[f"iou_{part}"] == 1 for part in study.SEEN) and found["pupil_px"] == 0 == found["no_pupil_percent"]
    moved = study.score(true.roll(2, -1), probabilities.roll(2, -1), EYES)
    assert moved["pupil_px"] == pytest.approx(2, abs=0.2) and moved["iou_pupil"] < 0.6


def test_an_eye_that_is_drawn_again_has_the_noise_that_it_had(study, bench):
    source = bench.drawn()
    source.whole(bench.latents(3, 1))
    source.whole(bench.latents(5, 2))
    assert len({value for noise in bench.generator.noises for value in noise.tolist()}) == 1


def test_the_bench_tests_on_eyes_that_nothing_learns_from(study):
    bench = study.Bench(Album(), replace(study.SCALES["quick"], unlabelled=60))
    learned = torch.cat([bench.unlabelled, simulate(60, seed=1000).images, labelled_eyes(60, seed=60_000).images])
    assert torch.equal(bench.unlabelled, learned[60:120])                       # those that the generator learned from
    assert not (bench.test.images[:, None] == learned[None]).flatten(2).all(2).any()
    assert 31_000 not in load_shipped_segmenter()[1]["data"]["seeds"].values()
