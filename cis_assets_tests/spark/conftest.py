"""Real Spark Connect servers on loopback: one that needs no Java (pysail), and Apache Spark's own; each started once.

pysail reads and writes Delta tables. Apache Spark needs jars for that which PyPI does not have, so it gets its rows from
the tests.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import narwhals as nw
import pytest

from cis_assets import settings as settings_module
from cis_assets.catalog import TABLES
from cis_assets.lake.chunks import LazyChunks
from cis_assets.lake.engines import spark_session as sessions
from cis_assets.lake.engines.polars_engine import PolarsEngine
from cis_assets.lake.engines.spark_engine import SparkEngine
from cis_assets.lake.lake import Lake
from cis_assets.lake.slices import WHOLE
from cis_assets.lake.stored_schema import COMPAT
from cis_assets_tests.spark.cases import On, Rows, history_rows

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


_START_SECONDS = 120


@pytest.fixture(scope="session")
def spark_remote() -> Iterator[str]:
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer()
    server.start(background=True)
    host, port = server.listening_address
    yield f"sc://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def spark(spark_remote: str) -> Iterator[SparkSession]:
    session = sessions.connect(spark_remote)
    yield session
    session.stop()


@pytest.fixture(scope="session")
def jvm_spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A session on Apache Spark itself."""
    if shutil.which("java") is None:
        pytest.fail(
            "There is no java: install a Java of version 17 or 21, such as default-jre-headless of Debian 12 or 13."
        )
    import pyspark

    home, folder = Path(str(pyspark.__file__)).parent, tmp_path_factory.mktemp("jvm")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": port,
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": 2,
        "spark.sql.warehouse.dir": folder,
    }
    command = [str(home / "bin" / "spark-submit"), "--master", "local[2]", "--class"]
    command += ["org.apache.spark.sql.connect.service.SparkConnectServer"]
    command += [word for name, value in options.items() for word in ("--conf", f"{name}={value}")]
    environment = {**os.environ, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1"}
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [*command, "spark-internal"], cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        _wait_for(port, server, folder / "log")
        session = sessions.connect(f"sc://127.0.0.1:{port}")
        yield session
        session.stop()
    finally:
        server.terminate()
        server.wait(timeout=60)


def _wait_for(port: int, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()[-3000:]
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    pytest.fail(f"Spark did not start: {log.read_text()[-3000:]}")


@pytest.fixture
def spark_settings(spark_remote: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The process set to CIS_ENGINE=spark on the server, as a run would be; yields the address."""
    monkeypatch.setenv("CIS_ENGINE", "spark")
    monkeypatch.setenv("CIS_SPARK_REMOTE", spark_remote)
    settings_module.settings.cache_clear()
    yield spark_remote
    while sessions._open:
        sessions.leave(sessions._open.popitem()[1])
    settings_module.settings.cache_clear()


@pytest.fixture
def engine(spark: SparkSession) -> SparkEngine:
    return SparkEngine(lambda: spark)


@pytest.fixture(scope="session")
def rows() -> Rows:
    return history_rows()


@pytest.fixture(scope="session")
def on_jvm_spark(rows: Rows, jvm_spark: SparkSession) -> On:
    """The rows of a table as Apache Spark gets them from here."""
    frames = {path: jvm_spark.createDataFrame(frame.to_arrow(compat_level=COMPAT)) for path, frame in rows.items()}
    return lambda table: nw.from_native(frames[table.path])


@pytest.fixture(scope="session")
def on_spark(rows: Rows, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> On:
    """The rows of a table as Spark reads them from the Delta table that polars has written."""
    lake = Lake(str(tmp_path_factory.mktemp("history")))
    for path, frame in rows.items():
        table = TABLES[path]
        PolarsEngine().replace(table, lake.location(table), WHOLE, LazyChunks.of([frame]))
    return lambda table: SparkEngine(lambda: spark).scan(table, lake.location(table))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "lake"
