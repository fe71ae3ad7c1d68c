"""Benchmarks of the platform's own claims; `python -m benchmarks.lake` from the repository's root runs one.

Belongs here: what prepares a task, measures it beside its alternatives and prints both. Figures that were measured,
and what follows from them, are in docs/performance.md.
"""
