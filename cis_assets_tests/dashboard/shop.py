"""Made-up gold frames of a small shop."""

from __future__ import annotations

from datetime import date

import polars as pl

from cis_assets.catalog.gold import CUSTOMER_SEGMENTS, ORDER_FREQUENCY, ORDER_PATTERNS, SEGMENT_PROFILES
from cis_assets.dashboard.summaries import GoldFrames

AS_OF = date(2026, 3, 1)
NASTY_NAME = "Crisps </script><script>alert(1)</script> & <b>Dip</b> \u2028"
FIRST_CUSTOMER = 8_123_400_017
SEGMENTS = ("Weekly stock-up", "Occasional", "New customers")


def gold_frames(as_of: date = AS_OF, *, sizes: tuple[int, ...] = (50, 30, 20)) -> GoldFrames:
    """Gold frames of one snapshot with a segment for each size."""
    return GoldFrames(
        customer_segments=_customer_segments(as_of, sizes),
        segment_profiles=_segment_profiles(as_of, sizes),
        order_patterns=_order_patterns(as_of, len(sizes)),
        order_frequency=_order_frequency(as_of, len(sizes)),
    )


def _customer_segments(as_of: date, sizes: tuple[int, ...]) -> pl.DataFrame:
    rfm = (("Champions", 5, 5), ("Lost", 1, 1), ("Recent customers", 5, 1))
    placed = [segment for segment, size in enumerate(sizes) for _ in range(size)]
    rows = [
        {
            "as_of_date": as_of,
            "customer_id": FIRST_CUSTOMER + number,
            "segment_id": segment,
            "segment_name": SEGMENTS[segment],
            "distance": 0.5,
            "recency_score": rfm[segment][1],
            "frequency_score": rfm[segment][2],
            "monetary_score": 3,
            "rfm_segment": rfm[segment][0],
            "model_version": 1,
        }
        for number, segment in enumerate(placed)
    ]
    return pl.DataFrame(rows, schema=CUSTOMER_SEGMENTS.dtypes)


def _segment_profiles(as_of: date, sizes: tuple[int, ...]) -> pl.DataFrame:
    rows = [
        {
            "as_of_date": as_of,
            "segment_id": segment,
            "segment_name": SEGMENTS[segment],
            "segment_marks": ("18 products a basket", "orders every 34 days", "ordering for 20 days")[segment],
            "customer_count": size,
            "quiet_customers": 0,
            "customer_share": size / sum(sizes),
            "mean_recency_days": (4.0, 30.0, 5.0)[segment],
            "mean_order_count": (50.0, 10.0, 1.0)[segment],
            "mean_gap_days": (7.0, 34.0, None)[segment],
            "mean_basket_size": (18.0, 8.0, 10.0)[segment],
            "mean_reorder_share": (0.74, 0.27, 0.0)[segment],
            "mean_weekend_share": (0.5, 0.3, 0.3)[segment],
            "mean_total_spend": None,
            "top_departments": ["produce", "dairy eggs"],
            "top_products": [NASTY_NAME, "Bananas"],
        }
        for segment, size in enumerate(sizes)
    ]
    return pl.DataFrame(rows, schema=SEGMENT_PROFILES.dtypes)


def _order_patterns(as_of: date, segments: int) -> pl.DataFrame:
    rows = [
        (as_of, segment, SEGMENTS[segment], weekday, hour, 10 * (segment + 1))
        for segment in range(segments)
        for weekday in (1, 6, 7)
        for hour in (9, 18)
    ]
    return pl.DataFrame(rows, schema=ORDER_PATTERNS.dtypes, orient="row")


def _order_frequency(as_of: date, segments: int) -> pl.DataFrame:
    gaps = ((6, 40), (7, 100), (8, 60)), ((28, 20), (60, 5), (75, 5), (200, 10)), ((3, 8),)
    rows = [
        (as_of, segment, SEGMENTS[segment], gap, orders, gap // 60)
        for segment in range(segments)
        for gap, orders in gaps[segment]
    ]
    return pl.DataFrame(rows, schema=ORDER_FREQUENCY.dtypes, orient="row")
