"""Independent calls, spread over the processes of this machine (joblib) or over those of a Dask cluster.

Why a cluster is asked by Dask's own client: joblib's Dask backend waits for ever for a call that has killed its workers
(seen with joblib 1.6 and distributed 2026.8), and joblib's Ray backend gives no result before the last.
A worker does whatever a scheduler's other clients send it, and so does not belong on a network that strangers reach.
"""

import os
import sys
from concurrent.futures import CancelledError, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import joblib
import torch

from .digests import kit_digest
from .errors import UserError

SECONDS = 10              # for a scheduler to answer
AGAIN = "what is done is kept: give the same command again"


@contextmanager
def spreading(jobs=1, cluster=None):
    """Gives spread(function, calls), which yields function(*call) for each call, in the order in which they end.

    jobs: processes of this machine; 1: this one.  cluster: address of a Dask scheduler, "tcp://login:8786", in their place.
    function, calls and results: picklable.  A call whose worker died begins anew on another one.
    Raises UserError without the package or an answer there, for jobs beside a cluster, for workers of other code of the kit or
    of several threads, if workers keep dying, and if the scheduler is lost; and what the function raises.
    """
    if not cluster:
        yield partial(_on_this_machine, jobs)
        return
    if jobs != 1:
        raise UserError(f"--jobs {jobs}: a cluster has its own number of workers; expected --jobs or --cluster")
    with connected(cluster) as client:
        yield partial(_on_a_cluster, client, cluster)


def _on_this_machine(jobs, function, calls):
    try:
        yield from joblib.Parallel(min(jobs, len(calls)) or 1, return_as="generator_unordered")(
            joblib.delayed(function)(*call) for call in calls)
    except BrokenProcessPool as error:
        raise UserError(f"a worker process died, perhaps for want of memory; {AGAIN} with fewer --jobs") from error


# ---- a cluster ----
def connected(address):
    """A client of the Dask scheduler there.  UserError if none answers."""
    try:
        from distributed import Client
    except ImportError as error:
        raise UserError("--cluster needs the package distributed: pip install 'simgan-kit[cluster]'") from error
    answer = Future()

    def ask():                                           # in a thread: one that listens and says nothing keeps a Client for ever
        try:
            answer.set_result(Client(address, timeout=SECONDS, set_as_default=False))
        except Exception as error:
            answer.set_exception(error)
    Thread(target=ask, daemon=True).start()
    try:
        return answer.result(SECONDS + 5)
    except Exception as error:                           # a web server's answer is read as a size: MemoryError
        said = str(error) or f"no answer in {SECONDS} seconds"
        raise UserError(f"--cluster {address}: expected a Dask scheduler there, as of tcp://login:8786; found: {said}") from error


def _on_a_cluster(client, address, function, calls):
    from distributed import KilledWorker, as_completed
    if not client.nthreads():
        print(f"note: --cluster {address}: no worker is there yet; waiting for one", file=sys.stderr)
    futures = [client.submit(_packed(_as_here, kit_digest(), function, call), pure=False) for call in calls]
    try:
        for future in as_completed(futures, loop=client.loop):
            yield future.result()
    except KilledWorker as error:
        raise UserError(f"--cluster {address}: one call killed worker after worker, perhaps for want of memory; {AGAIN}") from error
    except ImportError as error:
        raise UserError(f"--cluster {address}: a worker lacks a module of yours ({error}); expected the same kit there") from error
    except CancelledError as error:
        raise UserError(f"--cluster {address}: the scheduler was lost ({error}); {AGAIN}") from error
    finally:
        client.cancel(futures)


def _packed(function, *given):
    """The call as a function that a scheduler without the kit passes on, and under which a worker without it does not die."""
    from distributed.protocol.pickle import dumps
    content = dumps((function, given))

    def unpacked():
        import pickle  # this function is sent by value: it has no module there
        function, given = pickle.loads(content)
        return function(*given)
    return unpacked


def _as_here(code, function, call):
    """On a worker: the call, if it gives what it would give here.

    The runs of one process would share torch's random numbers, so that a worker has one thread for them.
    """
    from distributed import get_worker
    worker = get_worker()
    if kit_digest() != code:
        raise UserError(f"{worker.address}: this worker runs other code of the kit than you do; expected the same: start the "
                        "workers anew, with the code that you have")
    if worker.state.nthreads != 1:
        raise UserError(f"{worker.address}: a worker of {worker.state.nthreads} threads; expected one: dask worker --nthreads 1")
    if "OMP_NUM_THREADS" not in os.environ:              # a nanny sets it to 1, where nobody did
        torch.set_num_threads(1)
    return function(*call)


def at_hand(folder):
    """Context: the folder, where this machine has it, too (a shared disk); else one of its own, until the end."""
    return nullcontext(folder) if Path(folder).is_dir() else TemporaryDirectory()
