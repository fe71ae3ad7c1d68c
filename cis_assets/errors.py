"""The base class of errors that an operator can fix.

The message says what is wrong, where, and what to do. The command line prints only that message. Subclasses are
defined in the modules that raise them.
"""


class OperatorError(Exception):
    """Invalid input, settings or state of the lake; the message is written for the person who runs the system."""


def first_line(error: BaseException) -> str:
    """Return the first line of a library's error, ready to quote in a sentence."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
