"""Says in Markdown what the newest snapshot of a gold table shows: one sentence with the finding, then a small table.

Each function takes the rows of one snapshot.
"""

from collections.abc import Sequence
from typing import Any

import polars as pl

from cis_assets.dashboard.summaries import percent

_MOVES_LISTED = 5
_COHORTS_LISTED = 12
_MONTHS_LISTED = (1, 2, 3, 6, 12)
_ITEMS_LISTED = 3
_AVERAGE = 100
_EVALUATED = {
    "next_basket": (("recall@10", "high"), ("ndcg@10", "high")),
    "next_order": (("brier", "low"), ("brier_28d", "low")),
}
# Indices closer to the average are not told.
_APART = 5


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join("| " + " | ".join(_plain(cell) for cell in line) + " |" for line in lines)


def describe_migration(moves: pl.DataFrame) -> str:
    """Rows of gold/segment_migration."""
    if moves.is_empty():
        return "No customer is in the snapshot or in that of 28 days before."
    both = moves.drop_nulls(["from_segment_id", "to_segment_id"])
    count = dict(moves.group_by("cause").agg(pl.col("customers").sum()).iter_rows())
    moved, known = both.filter(pl.col("cause") != "stayed"), _total(both, "customers")
    no_longer_new = _total(moved.filter(pl.col("from_segment_id") == 0), "customers")
    share = f" ({percent(_total(moved, 'customers') / known)})" if known else ""
    finding = (
        f"{_total(moved, 'customers'):,} of {known:,} customers{share} are in another segment than 28 days before: "
        f"{count.get('behavior', 0):,} by their behavior, {count.get('promotion', 0):,} by a promoted model. "
        f"{no_longer_new:,} of them are no longer new. "
        f"{count.get('arrival', 0):,} customers arrived and {count.get('departure', 0):,} left."
    )
    largest = moved.sort("customers", "from_segment_id", "to_segment_id", descending=[True, False, False])
    listed = [
        (row["from_segment_name"], row["to_segment_name"], row["cause"], f"{row['customers']:,}")
        for row in largest.head(_MOVES_LISTED).iter_rows(named=True)
    ]
    sizes = markdown_table(("segment", "28 days before", "now", "change"), _changes(moves))
    return "\n\n".join(
        [finding, sizes, *([markdown_table(("from", "to", "cause", "customers"), listed)] if listed else [])]
    )


def _changes(moves: pl.DataFrame) -> list[tuple[str, ...]]:
    before, now = (
        moves.drop_nulls(f"{side}_segment_id")
        .group_by(pl.col(f"{side}_segment_id").alias("id"))
        .agg(pl.col(f"{side}_segment_name").first().alias("name"), pl.col("customers").sum())
        for side in ("from", "to")
    )
    rows = now.join(before, on="id", how="full", coalesce=True, suffix="_before").sort("id")
    return [
        (
            row["name"] or row["name_before"],
            f"{row['customers_before'] or 0:,}",
            f"{row['customers'] or 0:,}",
            f"{(row['customers'] or 0) - (row['customers_before'] or 0):+,}",
        )
        for row in rows.iter_rows(named=True)
    ]


def describe_cohorts(cohorts: pl.DataFrame) -> str:
    """Rows of gold/cohort_retention. The first cohort is left out of the finding, because it has older customers too."""
    whole = cohorts.filter(~pl.col("is_incomplete"), pl.col("cohort_month") > pl.col("cohort_month").min())
    pooled = whole.group_by("months_since").agg(pl.col("retained").sum() / pl.col("customers").sum())
    by_month = dict(pooled.sort("months_since").iter_rows())
    told = [month for month in (1, 3, 6, 12) if month in by_month]
    finding = (
        "Share of new customers who order again: "
        + ", ".join(f"{percent(by_month[month])} in month {month}" for month in told)
        + " after their first order. The first cohort does not count, because it has older customers too."
        if told
        else "There is no cohort with a complete later month yet, beside the first, which has older customers too."
    )
    newest = cohorts["cohort_month"].unique().sort(descending=True).head(_COHORTS_LISTED)
    shown = {(row["cohort_month"], row["months_since"]): row for row in cohorts.iter_rows(named=True)}
    rows = [
        (
            f"{month:%Y-%m}",
            f"{shown[month, 0]['customers']:,}",
            *(_retained(shown.get((month, since))) for since in _MONTHS_LISTED),
        )
        for month in newest
    ]
    table = markdown_table(("first order", "customers", *(f"month {since}" for since in _MONTHS_LISTED)), rows)
    return f"{finding}\n\n{table}\n\n(…) The month is not over."


def _retained(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    return f"({percent(row['share'])})" if row["is_incomplete"] else percent(row["share"])


def describe_preferences(preferences: pl.DataFrame) -> str:
    """Rows of gold/segment_preferences."""
    departments = preferences.filter(pl.col("kind") == "department")
    if departments.is_empty():
        return "No department has 30 buyers in one segment in the last 90 days."
    top = departments.sort("buyer_index", "segment_id", "item_id", descending=[True, False, False]).row(0, named=True)
    finding = (
        f"{_plain(top['segment_name'])} stands out most in {_plain(top['item_name'])}: {percent(top['buyer_share'])} of its customers "
        f"bought there in the last 90 days, {top['buyer_index'] / _AVERAGE:.1f} times the average."
    )
    rows = [
        (
            name,
            _items(
                of_segment.filter(pl.col("kind") == "department", pl.col("buyer_index") >= _AVERAGE + _APART),
                descending=True,
            ),
            _items(
                of_segment.filter(pl.col("kind") == "department", pl.col("buyer_index") <= _AVERAGE - _APART),
                descending=False,
            ),
            _items(
                of_segment.filter(pl.col("kind") == "product", pl.col("buyer_index") >= _AVERAGE + _APART),
                descending=True,
            ),
        )
        for (_, name), of_segment in preferences.sort("segment_id").group_by(
            "segment_id", "segment_name", maintain_order=True
        )
    ]
    header = ("segment", "departments bought more", "departments bought less", "products bought more")
    return f"{finding}\n\n{markdown_table(header, rows)}\n\nIndex 100 is the average customer."


def _items(items: pl.DataFrame, *, descending: bool) -> str:
    ordered = items.sort("buyer_index", "item_id", descending=[descending, False]).head(_ITEMS_LISTED)
    named = ordered.select("item_name", "buyer_index").iter_rows()
    return ", ".join(f"{name} {index:.0f}" for name, index in named) or "none"


def describe_profiles(profiles: pl.DataFrame) -> str:
    """Rows of gold/segment_profiles."""
    largest = profiles.sort("customer_share", "segment_id", descending=[True, False]).row(0, named=True)
    quiet, everyone = _total(profiles, "quiet_customers"), _total(profiles, "customer_count")
    finding = (
        f"{_plain(largest['segment_name'])} is the largest segment: {percent(largest['customer_share'])} of the "
        f"{everyone - quiet:,} customers with an order in the last 90 days. "
        f"{quiet:,} quiet customers stand beside the shares."
    )
    rows = [
        (
            row["segment_name"],
            percent(row["customer_share"]),
            f"{row['customer_count'] - row['quiet_customers']:,}",
            f"{row['quiet_customers']:,}",
            row["segment_marks"],
        )
        for row in profiles.sort("segment_id").iter_rows(named=True)
    ]
    return f"{finding}\n\n{markdown_table(('segment', 'share', 'customers', 'quiet', 'what marks it'), rows)}"


def describe_habits(habits: pl.DataFrame) -> str:
    """Rows of gold/customer_habits."""
    known = habits.drop_nulls("gap_days")
    if known.is_empty():
        return "No customer has two orders yet."
    quarters = (0.25, 0.5, 0.75)
    gaps, baskets = (
        [known[name].quantile(each, "linear") for each in quarters] for name in ("gap_days", "basket_size")
    )
    finding = f"Half of the customers order every {gaps[1]:.0f} days or more often, and {baskets[1]:.0f} lines or fewer at a time."
    rows = [
        ("days between orders", *(f"{value:.1f}" for value in gaps)),
        ("lines per order", *(f"{value:.1f}" for value in baskets)),
    ]
    return f"{finding}\n\n{markdown_table(('habit', 'a quarter is below', 'half', 'three quarters'), rows)}"


def describe_gaps(frequency: pl.DataFrame) -> str:
    """Rows of gold/order_frequency."""
    if frequency.is_empty():
        return "No customer has two orders in the window."
    capped, orders = _total(frequency, "capped_order_count"), _total(frequency, "order_count")
    finding = f"Half of the gaps between orders are at most {_median(frequency)} days. " + (
        f"The source caps {capped:,} of {orders:,} gaps ({percent(capped / orders)}), so they may be longer."
        if capped
        else "The source caps none of them."
    )
    rows = [
        (
            name,
            f"{own['order_count'].sum():,}",
            str(_median(own)),
            percent(_total(own, "capped_order_count") / _total(own, "order_count")),
        )
        for (_, name), own in frequency.sort("segment_id").group_by("segment_id", "segment_name", maintain_order=True)
    ]
    return f"{finding}\n\n{markdown_table(('segment', 'gaps', 'median days', 'capped'), rows)}"


def _median(frequency: pl.DataFrame) -> int:
    """The shortest gap that at least half of the orders do not exceed."""
    ordered = frequency.group_by("gap_days").agg(pl.col("order_count").sum()).sort("gap_days")
    reached = pl.col("order_count").cum_sum() * 2 >= pl.col("order_count").sum()
    return ordered.filter(reached)["gap_days"][0]


def describe_segments(customer_segments: pl.DataFrame) -> str:
    """Rows of gold/customer_segments: how many customers each segment and each RFM segment has."""
    segments, rfm_segments = (_count_names(customer_segments[name]) for name in ("segment_name", "rfm_segment"))
    finding = (
        f"{segments[0][0]} is the largest segment with {segments[0][2]} of {customer_segments.height:,} customers, "
        f"{rfm_segments[0][0]} the largest RFM segment with {rfm_segments[0][2]}."
    )
    tables = (
        markdown_table((title, "customers", "share"), rows)
        for title, rows in (("segment", segments), ("RFM segment", rfm_segments))
    )
    return "\n\n".join([finding, *tables])


def describe_evaluations(evaluations: pl.DataFrame) -> str:
    """Rows of gold/model_evaluations of one training: what serves, and how it compares with the best baseline."""
    overall = evaluations.filter(pl.col("slice") == "all", pl.col("context") == "expected")
    if overall.is_empty():
        return "There are too few orders to hold some back for an evaluation, so baselines serve."
    figures = overall.filter(pl.col("baseline").is_null())
    rows, serves = [], []
    for task, metrics in _EVALUATED.items():
        for metric, is_better in metrics:
            found = figures.filter(pl.col("task") == task, pl.col("metric") == metric)
            served = found.filter("served").head(1)
            if served.is_empty():
                continue
            method = served["method"][0]
            serves.append(f"{method} ({task}, {metric})")
            rivals = found.filter(pl.col("method") != method).sort("value", descending=is_better == "high")
            best = rivals.head(1)
            rows.append(
                (
                    task,
                    metric,
                    f"{method}: {_with_interval(served)}",
                    f"{best['method'][0]}: {_with_interval(best)}" if best.height else "",
                    _difference(overall, task, metric, method, best),
                )
            )
    finding = f"These methods serve: {', '.join(serves)}."
    header = ("task", "metric", "serves", "best other method", "difference")
    return (
        f"{finding}\n\n{markdown_table(header, rows)}\n\nIn brackets: 95% intervals. A difference whose interval has no 0 is not "
        "chance. brier: lower is better; recall@10 and ndcg@10: higher is better."
    )


def _difference(rows: pl.DataFrame, task: str, metric: str, method: str, other: pl.DataFrame) -> str:
    """The stored difference of two methods, as method less other; empty if they were not compared."""
    if other.is_empty():
        return ""
    name = other["method"][0]
    of_metric = rows.filter(pl.col("task") == task, pl.col("metric") == metric)
    for first, second, sign in ((method, name, 1), (name, method, -1)):
        found = of_metric.filter(pl.col("method") == first, pl.col("baseline") == second)
        if found.height:
            value, low, high = (sign * found[each][0] for each in ("value", "low", "high"))
            return f"{value:+.4f} ({min(low, high):+.4f} to {max(low, high):+.4f})"
    return ""


def _with_interval(row: pl.DataFrame) -> str:
    value, low, high = (row[name][0] for name in ("value", "low", "high"))
    return f"{value:.3f}" if low is None or high is None else f"{value:.3f} ({low:.3f} to {high:.3f})"


def _count_names(names: pl.Series) -> list[tuple[str, str, str]]:
    counted = names.value_counts().sort("count", names.name, descending=[True, False])
    return [(name, f"{count:,}", percent(count / len(names))) for name, count in counted.iter_rows()]


def _total(rows: pl.DataFrame, column: str) -> int:
    return int(rows[column].sum())


def _plain(text: str) -> str:
    """Names come from the shop's data: a bar or a line break would end a cell, a bracket begins a link or a tag."""
    plain = " ".join(text.split()).replace("|", "/")
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>!" else letter for letter in plain)
