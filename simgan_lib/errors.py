"""The one exception for what a user can put right: bad input, a missing folder, a full disk."""


class UserError(Exception):
    """One line that says what was found, what was expected, and what to do.

    The command line prints it without a traceback and exits with status 2.
    """
