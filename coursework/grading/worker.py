"""The student's side: one process forks, from a state in which torch is loaded, a process for each submission.

Started by `sandbox`: python -m coursework.grading.worker CONTROL SCRATCH HIDDEN...
CONTROL: descriptor of a socket.  {"pipe": 2 descriptors come along, limits} starts a process, anything else ends it.
SCRATCH: folder to work in.  HIDDEN: folders that are covered where the system lets us.
No mark, no test and no hidden datum is ever in these processes.
"""

import contextlib
import ctypes
import io
import json
import os
import resource
import shutil
import signal
import socket
import sys
from pathlib import Path

import numpy as np
import torch  # noqa: F401  loaded once, for all

from simgan_lib.teaching import checks, notebook  # noqa: F401

from .proxy import Peer

try:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config
except ImportError:
    InteractiveShell = None

LIBC = ctypes.CDLL(None, use_errno=True)
RDONLY, REMOUNT, BIND, DETACH = 1, 32, 4096, 2                       # mount(2), umount2(2)
KEPT = {"nosuid": 2, "nodev": 4, "noexec": 8, "noatime": 1024, "nodiratime": 2048, "relatime": 1 << 21}
NOT_DUMPABLE, KEEP_CAPABILITIES, DROP_BOUND, SUBREAPER, NO_NEW_PRIVILEGES = (4, 0), (8, 1), 24, (36, 1), (38, 1)      # prctl(2)
READ_FILES, NOBODY = 1 << 2, 65534                                   # CAP_DAC_READ_SEARCH, a user
OUTPUT = 1 << 16                                                     # characters of a student's output that are kept


def _prctl(option, value):
    return getattr(LIBC, "prctl", lambda *_: 0)(option, value, 0, 0, 0)


# ---- the process that forks ----
def main(control, scratch, *hidden):
    control, scratch = socket.socket(fileno=int(control)), Path(scratch)
    _prctl(*NOT_DUMPABLE), _prctl(*SUBREAPER)
    alone = os.getpid() == 1
    covered = alone and _covered(scratch, hidden)
    control.send(json.dumps({"alone": alone, "covered": covered, "offline": _offline()}).encode())
    while True:
        order, descriptors, *_ = socket.recv_fds(control, 65536, 2)
        if descriptors:
            if not os.fork():
                control.close()
                _student(*descriptors, scratch, json.loads(order))
            for descriptor in descriptors:
                os.close(descriptor)
        else:
            _kill_all(alone)
            _emptied(scratch, alone)
        if not order:
            return
        control.send(b"done")


def _offline():
    """Whether there is no network but the loopback."""
    try:
        return not [name for _, name in socket.if_nameindex() if name != "lo" and not name.startswith(("tunl", "sit", "ip6tnl"))]
    except OSError:
        return False


def _covered(scratch, hidden):
    """Make all read-only but the scratch folder, and cover the hidden folders  ->  whether both were done."""
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for fields in mounts:
        flags = sum(KEPT.get(word, 0) for word in fields[5].split(","))
        LIBC.mount(None, fields[4].encode(), None, REMOUNT | BIND | RDONLY | flags, None)
    for folder in hidden:
        LIBC.mount(b"none", os.fsencode(folder), b"tmpfs", RDONLY, b"size=4k")
    LIBC.mount(b"none", os.fsencode(scratch), b"tmpfs", 0, b"size=64m,mode=1777")
    covered = all(not os.path.isdir(folder) or not os.listdir(folder) for folder in hidden)
    return covered and bool(os.statvfs(checks.__file__).f_flag & os.ST_RDONLY)


def _kill_all(alone):
    """End every process that came from here: as the first of a PID namespace at one stroke, else child by child.

    A child's children become ours when it dies, so the loop ends with the last of them.
    """
    for _ in range(10_000):
        if alone:
            _sent(os.kill, -1)
        for child in _children():
            _sent(os.killpg, child)
            _sent(os.kill, child)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _sent(kill, target):
    try:
        kill(target, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _children():
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except OSError:
        return STARTED


STARTED = []             # where /proc does not tell: the last process that was started


def _emptied(scratch, alone):
    if alone and not LIBC.umount2(os.fsencode(scratch), DETACH):
        LIBC.mount(b"none", os.fsencode(scratch), b"tmpfs", 0, b"size=64m,mode=1777")
    for path in scratch.iterdir():
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


# ---- a student's process ----
class Limited(io.TextIOBase):
    """Keeps the first characters of what is written, and lets the rest go: printing costs nothing and breaks nothing."""

    def __init__(self):
        self.kept, self.room = [], OUTPUT

    def write(self, text):
        if self.room > 0:
            self.kept.append(text[:self.room])
            self.room -= len(self.kept[-1])
        return len(text)

    def writable(self):
        return True


def _student(receive, send, scratch, order):
    try:
        os.setsid()
        os.chdir(scratch)
        output = Limited()
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        sys.stdin, sys.stdout, sys.stderr = open(os.devnull), output, output
        _limit(order["limits"])
        _powerless()
        if not order["offline"]:
            socket.socket = socket.create_connection = _no_network
        notebook = Notebook(output)
        peer = Peer(receive, send, "student", {"cell": notebook.run, "find": notebook.find, "output": lambda: "".join(output.kept)})
        peer.verbs["clear"] = peer.clear
        peer.serve()
    finally:
        os._exit(0)


def _no_network(*_, **__):
    raise OSError("no network while marks are given")


def _limit(limits):
    """limits: seconds of CPU, bytes of memory beyond those in use, processes, bytes of a file."""
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    memory = pages * resource.getpagesize() + limits["memory"]
    for name, most in {"CPU": limits["cpu"], "AS": memory, "NPROC": limits["processes"], "FSIZE": limits["file"], "CORE": 0,
                       "NOFILE": 256}.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def _powerless():
    """Give up root and every capability, and the way to get one back.

    A Python that nobody but root may read (in /root) keeps the capability to read files, else nothing could be imported.
    """
    _prctl(*KEEP_CAPABILITIES)
    for capability in range(64):
        _prctl(DROP_BOUND, capability)
    if not os.geteuid():
        with contextlib.suppress(OSError):                            # nobody is not mapped in a namespace of one user
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
    _prctl(*NO_NEW_PRIVILEGES)
    if hasattr(LIBC, "capset"):
        kept = 0 if os.access(os.__file__, os.R_OK) else READ_FILES
        LIBC.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0))


class Notebook:
    """The cells of one submission, and the names that they define."""

    def __init__(self, output):
        self.output = output
        if InteractiveShell is None:
            self.shell, self.names = None, {"__name__": "__main__"}
            return
        quiet = Config({"HistoryManager": {"enabled": False}, "InteractiveShell": {"colors": "nocolor"}})
        self.shell = InteractiveShell.instance(config=quiet)
        self.names = self.shell.user_ns

    def run(self, source):
        """Run one cell  ->  None, or what stopped it, in one line."""
        if self.shell is None:
            exec(compile(source, "<cell>", "exec"), self.names)
            return None
        result = self.shell.run_cell(source)
        error = result.error_before_exec or result.error_in_exec
        return None if error is None else f"{type(error).__name__}: {error}"[:500]

    def find(self, name):
        """[whether there is such a name, what it stands for]."""
        return [name in self.names, self.names.get(name)]


if __name__ == "__main__":
    np.seterr(all="ignore")
    main(*sys.argv[1:])
