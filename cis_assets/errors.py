"""The base class of errors that an operator can fix.

The message says what is wrong, where, and what to do. The command line prints only that message. Subclasses are
defined in the modules that raise them.
"""


class OperatorError(Exception):
    """Invalid input, settings or state of the lake; the message is written for the person who runs the system."""
