"""Independent trainings at the same time."""

import threading
import time
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from simgan_lib.experiments import pipeline
from simgan_lib.experiments.pipeline import TRAINED_ON, SeedRun
from simgan_lib.networks import from_seed
from simgan_lib.simulators import eyes as simulator
from simgan_lib.system.side_by_side import Stopped, mapped, side_by_side


@pytest.fixture
def four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("names, at_once, shares", [("ab", 2, [2, 2]), ("abc", 3, [1, 1, 2]), ("abcdef", 3, [1, 1, 1, 1, 2, 2])])
def test_each_has_its_share_of_the_threads_and_all_are_given_back(names, at_once, shares, four_threads):
    met = threading.Barrier(at_once, timeout=20)

    def work(go_on):
        met.wait()                                         # only if so many run at the same time
        return torch.get_num_threads()
    found = side_by_side(dict.fromkeys(names, work), "cpu")
    assert list(found) == list(names) and sorted(found.values()) == shares
    assert torch.get_num_threads() == 4
    later = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start(), thread.join()
    assert later == [4]


@pytest.mark.parametrize("device, threads", [("cuda", 4), ("cpu", 1)])
def test_on_a_gpu_or_with_one_thread_one_is_done_after_the_other(device, threads, four_threads):
    torch.set_num_threads(threads)
    here, order = threading.current_thread(), []
    side_by_side({name: lambda go_on, name=name: order.append((name, threading.current_thread())) for name in "abc"}, device)
    assert order == [(name, here) for name in "abc"]


def steps(go_on):
    """Works until it is stopped, for 20 seconds at most."""
    for _ in range(2000):
        go_on()
        time.sleep(0.01)
    return "never stopped"


def fails(go_on):
    raise ValueError("this one")


@pytest.mark.parametrize("work", [{"a": steps, "b": fails}, {"a": fails, "b": steps},
                                  dict(zip("abcdef", [steps] * 2 + [fails] * 4))])
def test_an_error_stops_the_others_at_their_next_step(work, four_threads):
    start = time.monotonic()
    with pytest.raises(ValueError, match="this one"):
        side_by_side(work, "cpu")
    assert time.monotonic() - start < 10 and torch.get_num_threads() == 4


def test_an_interrupt_stops_all(four_threads, monkeypatch):
    ended = []

    def work(go_on):
        try:
            steps(go_on)
        except Stopped:
            ended.append(True)
            raise
    monkeypatch.setattr("simgan_lib.system.side_by_side.wait", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        side_by_side({"a": work, "b": work}, "cpu")
    assert ended == [True, True]


def test_networks_that_are_made_at_the_same_time_get_their_own_seeds(four_threads):
    def slow(size):
        first = torch.rand(size)
        time.sleep(0.02)                                   # others would draw between the two
        return torch.cat([first, torch.rand(size), nn.Linear(3, size).weight.flatten().detach()])
    alone = {seed: from_seed(seed, slow, 5) for seed in range(4)}
    found = side_by_side({seed: lambda go_on, seed=seed: from_seed(seed, slow, 5) for seed in alone}, "cpu")
    assert all(torch.equal(alone[seed], found[seed]) for seed in alone)


def test_estimators_pay_for_their_share_of_the_time_and_can_be_stopped(four_threads, monkeypatch, tmp_path):
    """The wiring: all four at once, each asked at each of its steps whether to go on."""
    met, told = threading.Barrier(4, timeout=20), []

    def trained(images, config, seed, device, progress):
        met.wait()
        progress(1, 1)
        time.sleep(0.4)
        return images
    run = SeedRun.__new__(SeedRun)
    run.device, run.seed, run.bar, run.seconds = torch.device("cpu"), 0, False, {}
    run.profile = SimpleNamespace(estimators=1, gaze=None)
    run.domain = SimpleNamespace(test=SimpleNamespace(labels={"gaze": torch.ones(2, 2)}))
    run.keep = lambda name, compute, check: compute()
    monkeypatch.setattr(pipeline, "train_gaze_estimator", trained)
    monkeypatch.setattr(pipeline, "predict_gaze", lambda estimator, test: torch.zeros(2, 2))
    work = {name: lambda go_on, name=name: run._timed_gaze(4, name, name, lambda: (told.append(name), go_on()))
            for name in TRAINED_ON}
    assert set(side_by_side(work, run.device)) == set(told) == set(TRAINED_ON)
    assert 0.4 < sum(run.seconds.values()) < 1.6           # four shares of 0.4 s, not four times that


def test_items_are_mapped_in_their_order_by_several_threads(four_threads):
    met, seen = threading.Barrier(4, timeout=20), set()

    def work(number):
        if number < 4:
            met.wait()
        seen.add(threading.current_thread())
        time.sleep(0.01 * (number % 3))
        return number, torch.get_num_threads()
    assert list(mapped(work, range(20), "cpu")) == [(number, 1) for number in range(20)]
    assert len(seen) == 4 and torch.get_num_threads() == 4
    assert list(mapped(work, [], "cpu")) == [] and list(mapped(lambda n: n, [7], "cpu")) == [7]


def test_eyes_are_drawn_by_several_threads_and_are_the_same(four_threads, monkeypatch):
    drawn, plain = set(), simulator._rendered
    monkeypatch.setattr(simulator, "_rendered", lambda *given: drawn.add(threading.current_thread()) or plain(*given))
    told = []
    together = simulator.simulate(700, seed=3, progress=lambda done, total: told.append((done, total)))
    assert len(drawn) > 1 and told == [(done, 11) for done in range(1, 12)]
    torch.set_num_threads(1)
    alone = simulator.simulate(700, seed=3)
    assert torch.equal(together.images, alone.images) and together.labels.keys() == alone.labels.keys()
    assert all(torch.equal(together.labels[name], alone.labels[name]) for name in alone.labels)
