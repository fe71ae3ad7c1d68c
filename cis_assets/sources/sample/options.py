"""What to generate: the options of the sample shop, and the sentences that refuse wrong ones.

Belongs here: what a person chooses. Does not belong here: what the shop and its customers are like.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cis_assets.errors import OperatorError


class SampleOptionsError(OperatorError):
    """An option has a value that nothing can be generated from; the message names the option."""


@dataclass(frozen=True)
class SampleOptions:
    """What to generate: `days` days of orders up to and including `end`, of `customers` customers.

    `dirty_share` is the number of dirty rows added per clean row. A wrong value raises SampleOptionsError.
    """

    end: date
    customers: int = 2000
    days: int = 180
    seed: int = 7
    dirty_share: float = 0.002

    def __post_init__(self) -> None:
        if not isinstance(self.end, date) or isinstance(self.end, datetime):
            raise SampleOptionsError(f"end must be a date such as 2025-06-30, not {self.end!r}.")
        if not date(1970, 1, 1) <= self.end <= date(2999, 12, 31):
            raise SampleOptionsError(f"end must be a date from 1970-01-01 to 2999-12-31, not {self.end}.")
        _refuse_other_than_whole("customers", self.customers, 1, 10_000_000)
        _refuse_other_than_whole("days", self.days, 1, 3660)
        _refuse_other_than_whole("seed", self.seed, 0, 2**63 - 1)
        is_number = isinstance(self.dirty_share, int | float) and not isinstance(self.dirty_share, bool)
        if not is_number or not 0 <= self.dirty_share <= 0.5:
            raise SampleOptionsError(f"dirty_share must be a number from 0 to 0.5, not {self.dirty_share!r}.")

    @property
    def first_date(self) -> date:
        return self.end - timedelta(days=self.days - 1)


def _refuse_other_than_whole(name: str, value: object, lowest: int, highest: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        raise SampleOptionsError(f"{name} must be a whole number from {lowest} to {highest}, not {value!r}.")
