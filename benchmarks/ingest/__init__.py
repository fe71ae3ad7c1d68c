"""From landed CSV files to bronze and silver tables: this platform beside scripts of polars and delta-rs.

Run it with `python -m benchmarks.ingest`. The same clean files, made before anything is measured, are read by each
contender in a process of its own, and the tables that they write are compared row by row.
"""
