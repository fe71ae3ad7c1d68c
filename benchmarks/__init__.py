"""Benchmarks of the platform; `python -m benchmarks.lake` from the repository root runs one of them.

Results and conclusions are in docs/performance.md.
"""
