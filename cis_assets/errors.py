"""The one base of errors that an operator can mend.

An error of this kind says in a sentence what is wrong, where, and what to do; the command line prints just that
sentence. Each module defines its own subclass beside the code that raises it.
"""


class OperatorError(Exception):
    """Wrong input, settings or state of the lake; the message is a sentence for the person who runs the system."""


def first_line(error: Exception) -> str:
    """Return the first line of a library's error, ready to quote in a sentence."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
