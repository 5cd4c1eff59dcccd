"""Independent work in threads: small operations leave most of a CPU's threads waiting.  Used by: the eye simulator, pipeline."""

import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager

import torch


class Stopped(Exception):
    """Raised in what runs beside something that failed, or was interrupted."""


def workers_for(tasks, threads):
    """How many of equal tasks are worked on at a time, so that none is left for a last round alone.

    >>> workers_for(4, 2), workers_for(4, 3), workers_for(4, 6), workers_for(100, 3)
    (2, 2, 4, 3)
    """
    rounds = -(-tasks // threads)
    return -(-tasks // max(1, rounds))


@contextmanager
def shared_threads(tasks, device):
    """A pool for so many tasks: on a CPU with workers that share torch's threads, as many as make equal rounds; else None."""
    threads = torch.get_num_threads()
    at_once = workers_for(tasks, threads) if torch.device(device).type == "cpu" else 1
    if at_once < 2:
        yield None
        return
    shares = iter([threads // at_once + (at < threads % at_once) for at in range(at_once)])

    def begin():
        torch.get_num_threads()                            # a thread's first question sets it to what was set last, anywhere
        torch.set_num_threads(next(shares))
    pool = ThreadPoolExecutor(at_once, initializer=begin)
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
        try:
            begun = {name: pool.submit(each, go_on) for name, each in work.items()}
            while (seen := wait(begun.values(), timeout=1, return_when=FIRST_EXCEPTION)).not_done:   # Ctrl-C waits on Windows
                if any(each.exception() for each in seen.done):
                    break
            failed = [each for each in seen.done if each.exception()]
            return {name: each.result() for name, each in begun.items()} if not failed else failed[0].result()
        finally:
            stopped.set()
