"""The platform as a whole beside scripts: DuckDB, pandas and PySpark on the same landing files.

Run it with `python -m benchmarks.platform`. Landing files are made by `cis land sample`; each contender makes bronze,
silver, customer features and segments of them in a process of its own. Further parts measure what one more day costs
with a short and a long history, how cost grows with data, and segments of many customers.
"""
