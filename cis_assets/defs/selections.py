"""Selections of assets that jobs and commands share, in Dagster's selection syntax."""

INGEST = "group:bronze or group:silver or group:quality"
SEGMENT_MODEL = 'key:"gold/segment_model"'
# The tables of a day by the segment model as it is, and the dashboard page.
SNAPSHOT = f"(group:gold and not {SEGMENT_MODEL}) or group:dashboard"
