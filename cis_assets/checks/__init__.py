"""Asset checks: what the Dagster UI says of a table beside what it holds.

None belongs to a run that makes tables: jobs that do select their assets without checks, and `check_lake` runs these.
"""
