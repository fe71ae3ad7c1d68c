"""Whether the rows of an order date can be trusted: the reconciliation that must balance, and the verdicts on them.

Pure functions from the tables of some dates to one row per date and check. What a failed check holds back is decided by
the IO manager (`lake/quarantined_dates.py`) from the column `fault`.
"""
