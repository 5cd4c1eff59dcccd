"""Starts and ends students' processes, as closed off as this system lets us.

What holds is tried, not assumed, and `Lane.isolation` says it: namespaces (by bubblewrap or unshare: no network, the disk
read-only, the coursework hidden, one stroke ends all processes), or else limits alone and sockets blocked in Python.
Limits hold in any case: CPU, memory, processes, size of files, and the wall clock of `deadline`.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from simgan_lib.system.errors import UserError

from .proxy import Peer
from .wire import Lost

ROOT = Path(__file__).parents[2]
LIMITS = {"cpu": 300, "memory": 2 << 30, "processes": 64, "file": 16 << 20}      # seconds, bytes, number, bytes
UNSHARE = ["unshare", "--net", "--mount", "--ipc", "--pid", "--fork", "--kill-child"]
WAYS = {                                                    # in this order; those for root alone fail at once for others
    "unshare as root": [*UNSHARE, "--mount-proc"],
    "bubblewrap": ["bwrap", "--dev-bind", "/", "/", "--unshare-all", "--die-with-parent", "--as-pid-1", "--cap-add", "ALL"],
    "unshare": [*UNSHARE, "--mount-proc", "--map-root-user"],
    "unshare, with the system's /proc": [*UNSHARE, "--map-root-user"],
    "unshare, network alone": ["unshare", "--net", "--map-root-user"],
    "limits alone": [],
}


class TimeUp(BaseException):
    """The wall clock.  No Exception: nothing on the way up may take it for a student's error."""


@contextlib.contextmanager
def deadline(seconds):
    """Raise TimeUp in the main thread after some seconds, whatever it does or waits for."""
    def up(*_):
        raise TimeUp
    before = signal.signal(signal.SIGALRM, up)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1)        # again each second, should a library swallow the first
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Lane:
    """A process with torch loaded, from which students' processes are forked, one at a time.

    hidden: folders that students' processes shall not see.  ways: {name: command in front}, tried in this order.
    """

    def __init__(self, hidden=(), ways=WAYS, limits=LIMITS):
        self.hidden, self.limits = [str(Path(path).resolve()) for path in hidden], dict(limits)
        self.ways, self.running = ways, False
        self.scratch = tempfile.mkdtemp(prefix="answers-")
        if not os.geteuid():
            os.chmod(self.scratch, 0o777)                   # root's rights are given up: the student's process is nobody's
        self._open()

    def _open(self):
        for way, command in self.ways.items():
            if (not command or shutil.which(command[0])) and self._started(command):
                self.way, self.ways = way, {way: command}
                return
        raise UserError(f"no process for students' code could be started (tried: {', '.join(self.ways)})")

    def _started(self, command):
        self.control, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [*command, sys.executable, "-m", "coursework.grading.worker", str(theirs.fileno()), self.scratch, *self.hidden],
            pass_fds=[theirs.fileno()], cwd=ROOT, env=self._environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        theirs.close()
        said = self.control.recv(65536)
        if not said:
            self.process.wait()
            return False
        self.state = json.loads(said)
        return True

    def _environment(self):
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": self.scratch, "IPYTHONDIR": self.scratch, "MPLBACKEND": "Agg",
                "MPLCONFIGDIR": self.scratch, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1",
                "LANG": "C.UTF-8"}

    @property
    def isolation(self):
        """One sentence: which walls stand."""
        walls = ["no network" if self.state["offline"] else "sockets blocked in Python only: NO real wall against the network",
                 "disk read-only, coursework hidden" if self.state["covered"] else "disk as open as to this user",
                 "own process namespace" if self.state["alone"] else "processes ended one by one"]
        return f"{self.way}: {'; '.join(walls)}"

    def start(self):
        """A fresh student's process, asked through the Peer that is returned."""
        try:
            self.end()
            return self._forked()
        except (OSError, Lost):                             # the lane itself was killed, for want of memory perhaps
            self.control.close()
            self.process.kill()
            self.process.wait()
            self._open()
            return self._forked()

    def _forked(self):
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        order = {"limits": {**self.limits, "processes": self.limits["processes"] + _processes_of_user()},
                 "offline": self.state["offline"]}
        socket.send_fds(self.control, [json.dumps(order).encode()], [theirs_in, theirs_out])
        os.close(theirs_in), os.close(theirs_out)
        self.ends, self.running = (ours_in, ours_out), True
        if self.control.recv(100) != b"done":
            raise Lost
        return Peer(ours_in, ours_out, "grader")

    def end(self):
        """Kill the student's process and all that came from it."""
        if not self.running:
            return
        self.running = False
        for descriptor in self.ends:
            os.close(descriptor)
        self.control.send(b"end")
        if self.control.recv(100) != b"done":
            raise Lost

    def close(self):
        """End everything."""
        with contextlib.suppress(OSError, Lost):
            self.end()
        self.control.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _processes_of_user():
    """Processes and threads that this user has already: the limit counts them."""
    if not os.geteuid():
        return 0
    count = 0
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            count += len(os.listdir(path / "task")) if path.stat().st_uid == os.geteuid() else 0
    return count
