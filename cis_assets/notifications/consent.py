"""Who may get messages. Every reader of silver/customers that reaches out to customers asks here.

Consent fails closed: it needs a row in the newest customers snapshot, and that snapshot must be usable.
"""

import hashlib

import narwhals as nw
import polars as pl

from cis_assets.catalog import bronze
from cis_assets.silver.snapshot_state import find_fault_of_newest


def consenting_customers(customers: nw.LazyFrame, landed_snapshots: pl.LazyFrame) -> nw.LazyFrame:
    """Select the customers who agreed to push notifications, by the newest customers snapshot.

    `customers` is silver/customers, which also keeps customers who left; `landed_snapshots` is bronze/landed_snapshots.
    While the newest snapshot cannot be used, there is no such customer, because it may hold withdrawals.
    """
    agreed = customers.filter(has_consent())
    return agreed if find_consent_fault(landed_snapshots) is None else agreed.head(0)


def has_consent() -> nw.Expr:
    """Whether a row of silver/customers has consent, if the newest customers snapshot can be used."""
    return nw.col("push_consent") & nw.col("delisted_at").is_null()


def find_consent_fault(landed_snapshots: pl.LazyFrame) -> str | None:
    """Find out why the newest customers snapshot cannot be used, so that nobody has consent; None if it can."""
    return find_fault_of_newest(landed_snapshots, bronze.CUSTOMERS.name)


def find_snapshot_of_nobody(landed_snapshots: pl.LazyFrame) -> str | None:
    """Name the customers snapshot in force if it has no customers, so that nobody has consent; None if it has some."""
    empty = landed_snapshots.filter(
        "in_force", pl.col("source_table") == bronze.CUSTOMERS.name, pl.col("row_count") <= pl.col("erased_row_count")
    )
    names = empty.select("snapshot").collect().to_series().to_list()
    return names[0] if names else None


def hash_consent(customers: pl.LazyFrame, landed_snapshots: pl.LazyFrame) -> str:
    """A fingerprint of who has consent, and of what messages need to know of them. Any other change leaves it as it is."""
    consenting = consenting_customers(nw.from_native(customers), landed_snapshots).to_native()
    facts = consenting.select("customer_id", "time_zone").sort("customer_id").collect(engine="streaming")
    return hashlib.blake2b(facts.write_csv().encode(), digest_size=16).hexdigest()
