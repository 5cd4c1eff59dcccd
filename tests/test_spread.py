"""Calls spread over processes and over a cluster: all come back once, whatever dies; unlike workers are refused."""

import os
import socket
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from threading import Thread
from types import ModuleType

import pytest

from simgan_lib.system import spread as spread_module
from simgan_lib.system.errors import UserError
from simgan_lib.system.spread import at_hand, spreading

distributed = pytest.importorskip("distributed", reason="needs a cluster: pip install 'simgan-kit[cluster]'")


def on(cluster, function, calls):
    with spreading(cluster=cluster.scheduler_address) as spread:
        return sorted(spread(function, calls))


def test_a_call_of_each_comes_back_once_from_processes_and_from_workers(cluster):
    def square(n):
        return n * n, os.getpid()
    with spreading(2) as spread:
        here = sorted(spread(square, [(n,) for n in range(6)]))
    there = on(cluster, square, [(n,) for n in range(6)])
    for found in (here, there):
        assert [n for n, _ in found] == [0, 1, 4, 9, 16, 25] and os.getpid() not in {pid for _, pid in found}
    with spreading() as spread:
        assert list(spread(square, [])) == [] and list(spread(square, [(3,)])) == [(9, os.getpid())]


def test_one_call_whose_worker_is_killed_is_made_again_and_comes_back_once(cluster, tmp_path):
    def killed_once(n):
        try:
            (tmp_path / str(n)).mkdir()
        except FileExistsError:
            return n, "again"
        if n == 1:
            os.kill(os.getpid(), 9)
        return n, "at once"
    found = dict(on(cluster, killed_once, [(n,) for n in range(4)]))
    assert list(found) == [0, 1, 2, 3] and found[1] == "again"


def test_a_call_that_kills_every_worker_ends_in_one_line(cluster):
    def dying():
        os._exit(1)
    with pytest.raises(UserError, match="--cluster tcp://.*one call killed worker after worker.*what is done is kept"):
        on(cluster, dying, [()])


def test_a_process_that_dies_is_told(monkeypatch):
    def dying(*_, **__):
        raise BrokenProcessPool("A worker process managed by the executor was unexpectedly terminated.")
    monkeypatch.setattr(spread_module.joblib, "Parallel", lambda *_, **__: dying)
    with pytest.raises(UserError, match="a worker process died.*fewer --jobs"), spreading(2) as spread:
        list(spread(abs, [(1,)]))


def test_what_a_call_raises_is_raised(cluster):
    def full():
        raise OSError(28, "No space left on device")

    def refused():
        raise UserError("out: no")

    def out_of_memory():
        raise RuntimeError("CUDA out of memory")
    with pytest.raises(OSError, match="No space left"):
        on(cluster, full, [()])
    with pytest.raises(UserError, match="^out: no$"):
        on(cluster, refused, [()])
    with pytest.raises(RuntimeError, match="out of memory"):
        on(cluster, out_of_memory, [()])


def test_a_worker_of_other_code_is_refused(cluster, monkeypatch):
    monkeypatch.setattr(spread_module, "kit_digest", lambda: "of other code")
    with pytest.raises(UserError, match="tcp://.*runs other code of the kit than you do.*start the workers anew"):
        on(cluster, abs, [(1,)])


def test_a_worker_without_the_module_is_told(cluster, monkeypatch):
    here = ModuleType("here_alone")
    exec("def found(): return 1", vars(here))
    monkeypatch.setitem(sys.modules, "here_alone", here)
    with pytest.raises(UserError, match="lacks a module of yours .No module named 'here_alone'.*expected the same kit there"):
        on(cluster, here.found, [()])
    assert on(cluster, abs, [(-1,)]) == [1] and len(cluster.scheduler.workers) == 2          # they live on


def test_a_worker_of_two_threads_is_refused():
    with (distributed.LocalCluster(1, threads_per_worker=2, processes=False, dashboard_address=":0") as local,
          pytest.raises(UserError, match="a worker of 2 threads; expected one: dask worker --nthreads 1")):
        on(local, abs, [(1,)])


def test_a_scheduler_that_ends_before_the_work_is_told():
    with distributed.LocalCluster(1, threads_per_worker=1, processes=False, protocol="tcp",
                                  dashboard_address=":0") as local:
        with spreading(cluster=local.scheduler_address) as spread:
            found = spread(time.sleep, [(0,), (3,)])
            assert next(found) is None
            local.close()
            with pytest.raises(UserError, match="--cluster tcp://.*the scheduler was lost"):
                list(found)


def test_without_the_package_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match=r"pip install 'simgan-kit\[cluster\]'"):
        spread_module.connected("tcp://127.0.0.1:1")


def test_a_folder_that_is_not_here_is_replaced_for_the_time_being(tmp_path):
    with at_hand(tmp_path) as place:
        assert place == tmp_path
    with at_hand(tmp_path / "elsewhere") as place:
        assert os.path.isdir(place) and not (tmp_path / "elsewhere").exists()
    assert not os.path.exists(place) and tmp_path.exists()


# Last of all: a client that hears nothing keeps its loop, which may trouble the next cluster of this process.
@pytest.mark.parametrize("answers", ["nobody", "nothing", "a web page"])
def test_a_scheduler_that_there_is_not_is_told_within_seconds(answers, monkeypatch):
    monkeypatch.setattr(spread_module, "SECONDS", 2)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        if answers != "nobody":
            listening.listen()
        address, start = f"tcp://127.0.0.1:{listening.getsockname()[1]}", time.monotonic()
        if answers == "a web page":
            Thread(target=lambda: listening.accept()[0].sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), daemon=True).start()
        with pytest.raises(UserError, match=f"--cluster {address}: expected a Dask scheduler there"):
            spread_module.connected(address)
    assert time.monotonic() - start < 10
