"""Quality: what each check found on each order date, kept as a table so that it can be looked back on."""

from __future__ import annotations

import dataframely as dy

from cis_assets.catalog.table import ORDER_DATE, Table


class DateChecks(dy.Schema):
    """What each check found on each order date, and whether it holds the date back from gold."""

    order_date = dy.Date(description="Day of the orders.")
    check = dy.String(min_length=1, description="Name of the check.")
    passed = dy.Bool(description="Whether all is as it should be.")
    measured = dy.Float64(
        nullable=True,
        description="What was measured: a share, a ratio or a number of rows; null where there is nothing to measure.",
    )
    detail = dy.String(min_length=1, description="What was found, in words.")
    fault = dy.String(
        nullable=True, description="Why nothing downstream is made of this date; null if the check lets it pass."
    )


DATE_CHECKS = Table(
    "quality",
    "date_checks",
    DateChecks,
    "order date and check",
    (ORDER_DATE, "check"),
    (ORDER_DATE,),
)

TABLES = (DATE_CHECKS,)
