"""The one exception that is meant for people."""


class UserError(Exception):
    """A mistake or a fact of the user's world, told in one sentence: what, which file, what to do.

    The command line prints it without a traceback and exits with status 1; the library raises it.
    """
