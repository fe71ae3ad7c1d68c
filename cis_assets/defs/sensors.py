"""The sensors of the platform. Each is off until it is switched on."""

from cis_assets.defs.alerts.sensors import failure_sensor
from cis_assets.defs.customers.sensors import gold_sensor
from cis_assets.defs.ingest.sensors import landing_sensor

SENSORS = [landing_sensor, gold_sensor, failure_sensor]
