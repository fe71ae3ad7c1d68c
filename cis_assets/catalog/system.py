"""System: the tables that the platform keeps about its own work. No asset writes them."""

import dataframely as dy

from cis_assets.catalog.table import Table


class SystemErasedCustomers(dy.Schema):
    """Erased customers. Their rows are left out when landing files are read. Their numbers are not stored."""

    customer_hash = dy.String(
        min_length=1, description="HMAC-SHA256 of the customer number under CIS_ERASURE_KEY, in hexadecimal."
    )
    key_fingerprint = dy.String(
        min_length=1, description="Fingerprint of the CIS_ERASURE_KEY, which does not reveal the key."
    )
    erased_on = dy.Date(description="Day of the first request for the erasure, UTC.")


ERASED_CUSTOMERS = Table(
    "system", "erased_customers", SystemErasedCustomers, "erased customer", ("customer_hash",), may_be_empty=True
)

TABLES = (ERASED_CUSTOMERS,)
