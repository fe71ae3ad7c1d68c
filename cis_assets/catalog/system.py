"""System: what the platform keeps of its own doings. No asset makes these tables."""

from __future__ import annotations

import dataframely as dy

from cis_assets.catalog.table import Table


class SystemErasedCustomers(dy.Schema):
    """Customers who were erased and are left out whenever landing files are read; their numbers are not kept."""

    customer_hash = dy.String(
        min_length=1, description="HMAC-SHA256 of the customer number under CIS_ERASURE_KEY, in hexadecimal."
    )
    key_fingerprint = dy.String(
        min_length=1, description="What tells one CIS_ERASURE_KEY from another without giving it away."
    )
    erased_on = dy.Date(description="Day on which the erasure was first asked for, UTC.")


ERASED_CUSTOMERS = Table(
    "system", "erased_customers", SystemErasedCustomers, "erased customer", ("customer_hash",), may_be_empty=True
)

TABLES = (ERASED_CUSTOMERS,)
