# pyspark is an extra that the linter's environment lacks.
# pyright: reportMissingImports=false
"""The Spark session of this process, opened over Spark Connect or Databricks Connect when it is first needed.

The address may contain a token, so errors show only its host and port.
"""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING

from cis_assets.errors import OperatorError
from cis_assets.settings import settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# The client of PySpark tries an address without a server for ten minutes.
_CONNECT_SECONDS = 20.0
# Pauses grow fourfold from 0.05 seconds, so the client gives up after about 20 seconds.
_RETRIES = 5

_open: dict[str, SparkSession] = {}


class SparkUnavailableError(OperatorError):
    """Spark cannot be used: a package is missing, or the server does not answer or refuses the session."""


def spark_session() -> SparkSession:
    """Return the session on the Spark of the settings, and open it again if the server has closed it.

    Raises SparkUnavailableError within half a minute if there is no server. It takes longer only if a server answers but
    its cluster has to start first.
    """
    remote = settings().spark_remote.get_secret_value()
    if remote:
        _refuse_unreachable(remote)
    session = _open.get(remote)
    if session is not None and not _answers(session):
        # PySpark would keep asking it for its configuration, as the active session.
        leave(session)
        session = None
    if session is None:
        session = _open[remote] = connect(remote) if remote else _connect_to_databricks()
    return session


def connect(remote: str) -> SparkSession:
    """Open a session on the Spark Connect server at an address; SparkUnavailableError if the server refuses it."""
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.client.retries import DefaultPolicy

    session = SparkSession.builder.remote(remote).create()
    session.client.set_retry_policies([DefaultPolicy(max_retries=_RETRIES)])
    atexit.register(leave, session)
    return _ready(session, "CIS_SPARK_REMOTE")


def leave(session: SparkSession) -> None:
    """Close the session without the retries of PySpark, which delay the end of the process if the server is gone."""
    session.client.set_retry_policies([])
    session.stop()


def _refuse_unreachable(remote: str) -> None:
    """Raise SparkUnavailableError unless a server accepts a connection at the address."""
    try:
        import grpc
        from pyspark.errors import PySparkValueError
        from pyspark.sql.connect.client import DefaultChannelBuilder
    except ImportError as missing:
        raise SparkUnavailableError(
            f"CIS_ENGINE=spark needs PySpark's client, and {missing.name} is not installed: "
            "pip install 'customer-intelligence-system[spark]'."
        ) from None
    try:
        address = DefaultChannelBuilder(remote)
    except (PySparkValueError, ValueError):
        # The message of PySpark repeats the unreadable parameter, which may be the token.
        raise SparkUnavailableError(
            "CIS_SPARK_REMOTE cannot be read: it is sc://HOST:PORT, or sc://HOST:PORT/;KEY=VALUE;KEY=VALUE with every "
            "= of a value written as %3D."
        ) from None
    channel = address.toChannel()
    try:
        grpc.channel_ready_future(channel).result(timeout=_CONNECT_SECONDS)
    except grpc.FutureTimeoutError:
        raise SparkUnavailableError(
            f"No Spark Connect server accepted a connection at {address.endpoint} (CIS_SPARK_REMOTE) within "
            f"{_CONNECT_SECONDS:.0f} seconds: start it, or correct the address."
        ) from None
    finally:
        channel.close()


def _connect_to_databricks() -> SparkSession:
    try:
        from databricks.connect import DatabricksSession  # pyright: ignore[reportMissingImports]
    except ImportError as missing:
        raise SparkUnavailableError(
            f"CIS_ENGINE=spark without CIS_SPARK_REMOTE needs Databricks Connect, and {missing.name} is not installed: pip "
            "install the databricks-connect of the cluster's runtime, in place of pyspark (docs/scale.md), or set "
            "CIS_SPARK_REMOTE."
        ) from None
    return _ready(DatabricksSession.builder.getOrCreate(), "Databricks Connect")


def _ready(session: SparkSession, name: str) -> SparkSession:
    """Set the session to UTC, the time zone of timestamps in the lake; SparkUnavailableError if the server refuses it."""
    from pyspark.errors import PySparkException

    from cis_assets.lake.engines.spark_errors import describe_spark_error

    try:
        session.conf.set("spark.sql.session.timeZone", "UTC")
    except PySparkException as error:
        leave(session)
        raise SparkUnavailableError(
            f"The Spark of {name} refuses the session: {describe_spark_error(error)}."
        ) from None
    return session


def _answers(session: SparkSession) -> bool:
    """Whether the server still knows the session. It forgets idle sessions, and all sessions when it restarts."""
    from pyspark.errors import PySparkException

    try:
        return bool(session.version)
    except PySparkException:
        return False
