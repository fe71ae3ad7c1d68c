"""Writes and reads a year of daily partitions with this platform's IO manager, the stock one, and delta-rs alone.

Run it with `python -m benchmarks.lake`. Each contender writes and reads the same order items, which are generated
before the measurements. Every measurement has its own process.
"""
