"""The one exception for what a user can put right: bad input, a missing folder, a full disk; and how a program tells it."""

import sys


class UserError(Exception):
    """One line that says what was found, what was expected, and what to do.

    The command line prints it without a traceback and exits with status 2.
    """


def exit_status(work):
    """Run `work()`  ->  0 done, 2 bad input (one line says what), 130 interrupted."""
    try:
        work()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0
