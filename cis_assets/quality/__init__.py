"""Quality of order dates: the reconciliation of their rows, and the verdicts of the checks.

Pure functions from the tables of some dates. The IO manager leaves out the dates whose verdicts have a `fault`.
"""
