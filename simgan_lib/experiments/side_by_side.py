"""Independent trainings at the same time: a small network leaves most of a CPU's threads waiting.  Used by: pipeline."""

import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

import torch


class Stopped(Exception):
    """Raised in what runs beside something that failed, or was interrupted."""


def side_by_side(work, device):
    """{name: what work[name](go_on) gave}: on a CPU as many at a time as torch has threads, each with its share of these.

    go_on: a function that each calls now and then, at every step say.  It raises `Stopped` when another has failed, or
    Ctrl-C was pressed; that error is then raised here.  On other devices one is done after the other.
    """
    threads, stopped = torch.get_num_threads(), threading.Event()
    at_once = min(len(work), threads) if torch.device(device).type == "cpu" else 1

    def go_on():
        if stopped.is_set():
            raise Stopped
    if at_once == 1:
        return {name: each(go_on) for name, each in work.items()}
    with ThreadPoolExecutor(at_once, initializer=torch.set_num_threads, initargs=(threads // at_once,)) as pool:
        begun = {name: pool.submit(each, go_on) for name, each in work.items()}
        try:
            failed = [each for each in wait(begun.values(), return_when=FIRST_EXCEPTION).done if each.exception()]
            return {name: each.result() for name, each in begun.items()} if not failed else failed[0].result()
        finally:
            stopped.set()
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(threads)                 # it is also what later threads begin with
