"""`cis`: the command line of the system.

Belongs here: arguments, progress, and what is printed. Does not belong here: anything that an asset, a source
or a domain function should know. Heavy libraries are imported by the command that needs them, so that
`cis --help` answers at once.
"""

from cis_assets.cli.main import main

__all__ = ["main"]
