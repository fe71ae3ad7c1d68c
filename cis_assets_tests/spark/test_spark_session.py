"""Which Spark is meant, and the sentences for one that cannot be used."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from cis_assets import settings as settings_module
from cis_assets.lake.engines import spark_session as sessions
from cis_assets.lake.engines.spark_session import SparkUnavailableError, spark_session

pytestmark = pytest.mark.spark

ROOT = Path(__file__).parents[2]


def _set_remote(monkeypatch: pytest.MonkeyPatch, remote: str) -> None:
    monkeypatch.setenv("CIS_SPARK_REMOTE", remote)
    settings_module.settings.cache_clear()


def test_a_process_opens_one_session_and_keeps_it(spark_settings: str):
    session = spark_session()
    assert session.range(3).count() == 3
    assert session.conf.get("spark.sql.session.timeZone") == "UTC"
    assert spark_session() is session


def test_a_session_that_the_server_has_closed_is_opened_again(spark_settings: str):
    from pyspark.sql.connect.session import SparkSession

    first = spark_session()
    first.client.release_session()
    second = spark_session()
    assert second.range(3).count() == 3
    assert SparkSession.getActiveSession() is not first
    assert first.is_stopped


def test_an_address_without_a_server_is_named_without_its_token(spark_settings: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sessions, "_CONNECT_SECONDS", 0.5)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        _set_remote(monkeypatch, f"sc://127.0.0.1:{port}/;use_ssl=false;token=dapi-secret")
        with pytest.raises(SparkUnavailableError, match=f"No Spark Connect server .* at 127.0.0.1:{port}") as failure:
            spark_session()
    assert "dapi-secret" not in str(failure.value)


def test_an_address_that_cannot_be_read_is_not_shown(spark_settings: str, monkeypatch: pytest.MonkeyPatch):
    _set_remote(monkeypatch, "sc://host:15002/;token=dapi=secret")
    with pytest.raises(SparkUnavailableError, match="CIS_SPARK_REMOTE cannot be read") as failure:
        spark_session()
    assert "secret" not in str(failure.value)


def test_databricks_connect_that_is_not_installed_is_asked_for(spark_settings: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABRICKS_HOST", "https://adb-1.azuredatabricks.net")
    _set_remote(monkeypatch, "")
    monkeypatch.setitem(sys.modules, "databricks.connect", None)
    with pytest.raises(
        SparkUnavailableError, match=r"Databricks Connect, and databricks\S* is not installed: pip install"
    ):
        spark_session()


def test_pyspark_that_is_not_installed_is_asked_for():
    code = """
import os, sys
os.environ.update(CIS_ENGINE="spark", CIS_SPARK_REMOTE="sc://127.0.0.1:1")
sys.modules["pyspark"] = None
from cis_assets.lake.engines.spark_session import SparkUnavailableError, spark_session
try:
    spark_session()
except SparkUnavailableError as error:
    print(error)
"""
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert "needs PySpark's client, and pyspark" in said.stdout
    assert said.stdout.endswith("is not installed: pip install 'customer-intelligence-system[spark]'.\n")


def test_a_server_that_is_no_spark_is_told_in_one_line(spark_settings: str, monkeypatch: pytest.MonkeyPatch):
    other = grpc.server(ThreadPoolExecutor(1))
    port = other.add_insecure_port("127.0.0.1:0")
    other.start()
    _set_remote(monkeypatch, f"sc://127.0.0.1:{port}")
    with pytest.raises(SparkUnavailableError, match=r"refuses the session: Method not found!\.$") as failure:
        spark_session()
    other.stop(None)
    assert "\n" not in str(failure.value)


def test_a_process_whose_spark_went_away_ends_soon():
    code = """
import time
from pysail.spark import SparkConnectServer
from cis_assets.lake.engines.spark_session import connect
server = SparkConnectServer()
server.start(background=True)
session = connect("sc://%s:%d" % server.listening_address)
session.range(3).count()
time.sleep(1)
server.stop()
print("left", time.time())
"""
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert time.time() - float(said.stdout.split()[-1]) < 10
