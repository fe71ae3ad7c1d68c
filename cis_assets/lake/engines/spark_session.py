# pyspark is an extra that the linter's environment lacks.
# pyright: reportMissingImports=false
"""The Spark session of this process: opened over Spark Connect or Databricks Connect when it is first needed.

Belongs here: which Spark is meant, and the sentences for one that cannot be used. Does not belong here: what is computed
there. The address may carry a token, so no error shows more of it than host and port.
"""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING

from cis_assets.errors import OperatorError
from cis_assets.settings import settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# PySpark's own client would try an address without a server for ten minutes.
_CONNECT_SECONDS = 20.0
# Pauses of 0.05 seconds and then four times the last: a server that went away is given up after about 20 seconds.
_RETRIES = 5

_open: dict[str, SparkSession] = {}


class SparkUnavailableError(OperatorError):
    """There is no Spark to compute on: a package is missing, or the server does not answer or does not let us in."""


def spark_session() -> SparkSession:
    """The session on the Spark of the settings, which is opened again where the server has closed it.

    Raises SparkUnavailableError within half a minute if there is no server, and later only where a server answers and
    asks for patience, as that of a cluster does which has to start first.
    """
    remote = settings().spark_remote.get_secret_value()
    if remote:
        _refuse_unreachable(remote)
    session = _open.get(remote)
    if session is not None and not _answers(session):
        # PySpark would go on asking it, as the active one, for its configuration.
        leave(session)
        session = None
    if session is None:
        session = _open[remote] = connect(remote) if remote else _connect_to_databricks()
    return session


def connect(remote: str) -> SparkSession:
    """A new session on the Spark Connect server at an address; SparkUnavailableError if it does not let us in."""
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.client.retries import DefaultPolicy

    session = SparkSession.builder.remote(remote).create()
    session.client.set_retry_policies([DefaultPolicy(max_retries=_RETRIES)])
    atexit.register(leave, session)
    return _ready(session, "CIS_SPARK_REMOTE")


def leave(session: SparkSession) -> None:
    """Let the server forget the session. PySpark's own farewell holds up the end of the process if the server is gone."""
    session.client.set_retry_policies([])
    session.stop()


def _refuse_unreachable(remote: str) -> None:
    """Raise SparkUnavailableError unless a server takes a connection at the address."""
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
        # Its own words would repeat a parameter that cannot be read, and that may be the token.
        raise SparkUnavailableError(
            "CIS_SPARK_REMOTE cannot be read: it is sc://HOST:PORT, or sc://HOST:PORT/;KEY=VALUE;KEY=VALUE with every "
            "= of a value written as %3D."
        ) from None
    channel = address.toChannel()
    try:
        grpc.channel_ready_future(channel).result(timeout=_CONNECT_SECONDS)
    except grpc.FutureTimeoutError:
        raise SparkUnavailableError(
            f"No Spark Connect server took a connection at {address.endpoint} (CIS_SPARK_REMOTE) within "
            f"{_CONNECT_SECONDS:.0f} seconds: start it, or mend the address."
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


def _ready(session: SparkSession, named: str) -> SparkSession:
    """The session, set to read moments as what they are in the lake, UTC, after its server has let it in."""
    from pyspark.errors import PySparkException

    from cis_assets.lake.engines.spark_errors import spark_words

    try:
        session.conf.set("spark.sql.session.timeZone", "UTC")
    except PySparkException as error:
        leave(session)
        raise SparkUnavailableError(f"The Spark of {named} refuses the session: {spark_words(error)}.") from None
    return session


def _answers(session: SparkSession) -> bool:
    """Whether the server still knows the session: it forgets one that was idle for long, and all when it restarts."""
    from pyspark.errors import PySparkException

    try:
        return bool(session.version)
    except PySparkException:
        return False
