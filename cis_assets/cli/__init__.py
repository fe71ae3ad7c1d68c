"""`cis`: the command line.

Belongs here: arguments, progress, and printing. What the lake holds is in `views/`, what people can do in `actions/`.
Each command imports heavy libraries itself: `cis --help` answers at once.
"""

from cis_assets.cli.main import main

__all__ = ["main"]
