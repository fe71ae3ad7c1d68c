"""New customers files are read at once, and once."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from cis_assets.defs.ingest.consent_sensor import consent_sensor
from cis_assets.defs.resources import LandingResource
from cis_assets_tests.landing.landing_files import put


def tick(landing: Path, cursor: str | None) -> dg.SensorResult | dg.SkipReason:
    context = dg.build_sensor_context(cursor=cursor, resources={"landing": LandingResource(landing_uri=str(landing))})
    found = consent_sensor(context)
    assert isinstance(found, dg.SensorResult | dg.SkipReason)
    return found


def test_each_change_of_the_customers_files_is_read_once(tmp_path: Path):
    assert isinstance(tick(tmp_path, None), dg.SkipReason)
    put(tmp_path, "customers/customers.csv", "customer_id,push_consent,time_zone\n1,true,\n")
    put(tmp_path, "products/products.csv", "x")
    first = tick(tmp_path, None)
    assert isinstance(first, dg.SensorResult)
    assert len(first.run_requests or ()) == 1
    put(tmp_path, "products/products.csv", "another")
    assert isinstance(tick(tmp_path, first.cursor), dg.SkipReason)
    put(tmp_path, "customers/customers.csv", "customer_id,push_consent,time_zone\n1,false,\n")
    second = tick(tmp_path, first.cursor)
    assert isinstance(second, dg.SensorResult)
    assert second.run_requests[0].run_key != first.run_requests[0].run_key
