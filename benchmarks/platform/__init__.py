"""Compares the whole platform with scripts in DuckDB, pandas and PySpark on the same landing files.

Run it with `python -m benchmarks.platform`. `cis land sample` generates the landing files. Each contender computes
bronze, silver, customer features and segments in its own process. Further measurements: the cost of one more day after a
short and a long history, the growth of cost with data, and segments of many customers.
"""
