"""The sensors of the platform. Each is off until it is switched on."""

from cis_assets.automation.failures import failure_sensor
from cis_assets.automation.gold_sensor import gold_sensor
from cis_assets.automation.landing_sensor import landing_sensor

SENSORS = [landing_sensor, gold_sensor, failure_sensor]
