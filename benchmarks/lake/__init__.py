"""Writing and reading a year of daily partitions: this platform's IO manager, the stock one, and delta-rs alone.

Run it with `python -m benchmarks.lake`. The same order lines, made before anything is measured, are written by each
contender and read back; every measurement has a process of its own.
"""
