"""The one exception for what a user can put right: bad input, a missing folder, a full disk; and how a program tells it."""

import os
import re
import signal
import sys
import threading
from contextlib import contextmanager

# How torch says it, on the CPU, on GPUs and of sizes beyond any: its errors have no kind of their own there.
NO_MEMORY = re.compile("out of memory|not enough memory|can(no|')t allocate memory|bad alloc|ALLOC_FAILED|calculation overflowed",
                       re.IGNORECASE)


def printable(text):
    """The text in one line that a terminal only shows: what is no printable character stands there as its escape.

    For names and texts that come from files and servers.

    >>> printable("p00\\x1b[2J\\nday01 é")
    'p00\\\\x1b[2J\\\\nday01 é'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


class UserError(Exception):
    """One line that says what was found, what was expected, and what to do.

    The command line prints it without a traceback and exits with status 2.
    """


GOES_ON = "the same command goes on from here"


def exit_status(work, stopped="the same command begins anew"):
    """Run `work()`  ->  0 done, 2 bad input or no room (one line says what), 130 interrupted (`stopped` says what then).

    SIGTERM, which schedulers send, interrupts as Ctrl-C does: what is under way is put away, and locks are given back.
    """
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")     # of a locale without the sign ±
    try:
        with _terminated_as_by_ctrl_c():
            work()
            sys.stdout.flush()             # a full disk behind it shows only here
    except (UserError, OSError) as error:  # a name that is too long, an output that nobody can write
        return _told(error)
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not NO_MEMORY.search(str(error)):
            raise
        said = (str(error).strip() or "it says no more").splitlines()[0]
        return _told(f"the memory does not suffice ({said[:200]})")
    except KeyboardInterrupt:
        print(f"\nstopped; {stopped}", file=sys.stderr)
        return 130
    return 0


@contextmanager
def _terminated_as_by_ctrl_c():
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield                              # signals reach the main thread alone; who has made another choice keeps it
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _told(error):
    print(f"error: {printable(error)}", file=sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:                        # it would be tried again at the end, with a traceback
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 2
