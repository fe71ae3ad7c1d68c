# pyspark is an extra that the linter's environment lacks.
# pyright: reportMissingImports=false
"""The Spark session of this process: opened over Spark Connect or Databricks Connect when it is first needed.

Belongs here: which Spark is meant, and the sentences for one that cannot be used. Does not belong here: what is computed
there. The address may carry a token, so no error shows more of it than host and port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cis_assets.errors import OperatorError
from cis_assets.settings import settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# PySpark's own client would try an address without a server for ten minutes.
_CONNECT_SECONDS = 20.0

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
    if session is None or not _answers(session):
        session = _open[remote] = _connect(remote) if remote else _connect_to_databricks()
    return session


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


def _connect(remote: str) -> SparkSession:
    from pyspark.sql import SparkSession

    return _refuse_silent(SparkSession.builder.remote(remote).create(), "CIS_SPARK_REMOTE")


def _connect_to_databricks() -> SparkSession:
    try:
        from databricks.connect import DatabricksSession  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise SparkUnavailableError(
            "CIS_ENGINE=spark without CIS_SPARK_REMOTE needs Databricks Connect, which is not installed: pip install the "
            "databricks-connect of the cluster's runtime, in place of pyspark (docs/scale.md), or set CIS_SPARK_REMOTE."
        ) from None
    return _refuse_silent(DatabricksSession.builder.getOrCreate(), "Databricks Connect")


def _refuse_silent(session: SparkSession, named: str) -> SparkSession:
    """Ask the server something; raise SparkUnavailableError if it does not let this session in."""
    from pyspark.errors import PySparkException

    from cis_assets.engines.spark_errors import spark_words

    try:
        _ = session.version
    except PySparkException as error:
        raise SparkUnavailableError(f"The Spark of {named} refuses the session: {spark_words(error)}.") from None
    return session


def _answers(session: SparkSession) -> bool:
    """Whether the server still knows the session: it forgets one that was idle for long, and all when it restarts."""
    from pyspark.errors import PySparkException

    try:
        return bool(session.version)
    except PySparkException:
        return False
