"""Independent work in threads: small operations leave most of a CPU's threads waiting.  Used by: the eye simulator, pipeline."""

import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager

import torch


class Stopped(Exception):
    """Raised in what runs beside something that failed, or was interrupted."""


@contextmanager
def shared_threads(tasks, device):
    """A pool for so many tasks: on a CPU as many workers as torch has threads, each with its share of these; else None."""
    threads = torch.get_num_threads()
    at_once = min(tasks, threads) if torch.device(device).type == "cpu" else 1
    if at_once < 2:
        yield None
        return
    pool = ThreadPoolExecutor(at_once, initializer=torch.set_num_threads, initargs=(threads // at_once,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)                     # it is also what later threads begin with


def mapped(function, items, device):
    """Yield function(item) for each of a list of items, in their order; worked on at the same time where that pays."""
    with shared_threads(len(items), device) as pool:
        yield from (pool.map if pool else map)(function, items)


def side_by_side(work, device):
    """{name: what work[name](go_on) gave}, of long tasks at the same time where that pays.

    go_on: a function that each calls now and then, at every step say.  It raises `Stopped` when another has failed, or
    Ctrl-C was pressed; that error is then raised here.
    """
    stopped = threading.Event()

    def go_on():
        if stopped.is_set():
            raise Stopped
    with shared_threads(len(work), device) as pool:
        if pool is None:
            return {name: each(go_on) for name, each in work.items()}
        begun = {name: pool.submit(each, go_on) for name, each in work.items()}
        try:
            failed = [each for each in wait(begun.values(), return_when=FIRST_EXCEPTION).done if each.exception()]
            return {name: each.result() for name, each in begun.items()} if not failed else failed[0].result()
        finally:
            stopped.set()
