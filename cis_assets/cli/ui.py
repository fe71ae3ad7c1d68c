"""`cis ui`: start the Dagster UI and daemon on the project's instance."""

import os
import socket
import sys
from pathlib import Path

import click

from cis_assets.cli.console import Refused, say
from cis_assets.cli.instance import dagster_home


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=3000, show_default=True)
def ui(host: str, port: int) -> None:
    """Start the Dagster UI with its schedules and sensors."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise Refused(f"Port {port} of {host} is in use: choose another with --port.") from None
    home = dagster_home()
    say(f"Dagster at http://{host}:{port} (runs are stored in {home}; stop with Ctrl-C)")
    dagster = Path(sys.executable).with_name("dagster")
    command = [str(dagster), "dev", "-m", "cis_assets.definitions", "--host", host, "--port", str(port)]
    os.execv(dagster, command)  # noqa: S606
