"""Quality: the results of the checks on each order date, kept as a history."""

import dataframely as dy

from cis_assets.catalog.table import ORDER_DATE, Table


class DateChecks(dy.Schema):
    """Result of each check on each order date, and whether it quarantines the date (keeps it out of gold)."""

    order_date = dy.Date(description="Day of the orders.")
    check = dy.String(min_length=1, description="Name of the check.")
    passed = dy.Bool(description="Whether the check passed.")
    measured = dy.Float64(
        nullable=True,
        description="The measure: a share, a ratio or a number of rows; null if there is nothing to measure.",
    )
    detail = dy.String(min_length=1, description="The result in words.")
    fault = dy.String(nullable=True, description="Why gold leaves this date out; null if the check does not block it.")


DATE_CHECKS = Table(
    "quality",
    "date_checks",
    DateChecks,
    "order date and check",
    (ORDER_DATE, "check"),
    (ORDER_DATE,),
)

TABLES = (DATE_CHECKS,)
