"""The Dagster layer: one module or folder per capability, each with a function `build(settings)` that returns its definitions.

An asset gets its inputs from the IO manager, makes one call into the domain and returns a frame. Computations do not
belong here.
"""

import warnings

import dagster as dg

# Dagster warns at every import that these parameters are beta. Dagster's version is pinned and tests cover what they do,
# so only these messages are silenced.
for _parameter in ("backfill_policy", "allow_nonexistent_upstream_partitions", "include_sources", "data_version"):
    warnings.filterwarnings("ignore", category=dg.BetaWarning, message=f".*`{_parameter}`.*")
