"""Thin Dagster assets: one per table of the lake, one for the segment model, one for the dashboard page.

An asset gets its inputs from the IO manager, makes one call into the domain and returns a frame. What it computes is
said in the domain's modules; what the Dagster UI shows of a table is said in the catalog.
"""

import warnings

import dagster as dg

# Dagster calls these parameters beta and says so at every import; their behaviour is pinned with Dagster's version and
# tested here, so exactly these messages are not repeated.
for _parameter in ("backfill_policy", "allow_nonexistent_upstream_partitions", "include_sources"):
    warnings.filterwarnings("ignore", category=dg.BetaWarning, message=f".*`{_parameter}`.*")
