"""Alerts: messages about failed runs."""

from cis_assets.defs.alerts.sensors import build

__all__ = ["build"]
