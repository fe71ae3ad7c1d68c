"""How often the check of the number of orders warns on quiet data, and how many drops it finds.

`python -m benchmarks.volume_check` prints both for shops of several sizes. The data are simulated: a weekday pattern, a
trend, and scatter beyond chance. Each shop is judged on 60 dates after eight weeks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import click
import numpy as np

from cis_assets.quality.volume import DAYS_BEFORE, usual_orders
from cis_assets.settings import Settings

MEANS = (1, 3, 10, 100, 10_000)
SCATTERS = (0.0, 0.02, 0.05)
WEEKDAYS = (0.7, 0.8, 0.9, 1.0, 1.2, 1.6, 0.8)
_FIRST = date(2024, 1, 1)
_JUDGED = 60
_RATE: float = Settings.model_fields["volume_false_alarm_rate"].default


@dataclass(frozen=True)
class Rates:
    """Shares of judged dates: with a warning on quiet data, on half of the orders, and on none."""

    false_alarms: float
    halves_found: float
    zeros_found: float


def measure(
    mean: float,
    scatter: float,
    *,
    false_alarm_rate: float,
    shops: int,
    seed: int,
    weekly_growth: float = 0.01,
    days_before: int = DAYS_BEFORE,
    weekdays: tuple[float, ...] = WEEKDAYS,
) -> Rates:
    """Judge dates of `shops` simulated shops with `mean` orders per day.

    The variance of a count is its mean + `scatter` times the square of its mean.
    """
    random = np.random.default_rng(seed)
    days = [_FIRST + timedelta(days=number) for number in range(days_before + _JUDGED)]
    found = np.zeros(3)
    for shop in range(shops):
        number = np.arange(len(days))
        expected = mean * np.array(weekdays)[(number + shop) % 7] * np.exp(weekly_growth * (number - days_before) / 7)
        counts, halves = _draw(random, expected, scatter), _draw(random, expected / 2, scatter)[days_before:]
        usual = usual_orders(dict(zip(days, counts.tolist(), strict=True)), days[days_before:], false_alarm_rate)
        low, high = usual["low"].to_numpy(), usual["high"].to_numpy()
        judged = np.array([counts[days_before:], halves, np.zeros(_JUDGED)])
        found += ((judged < low) | (judged > high)).sum(axis=1)
    return Rates(*(found / (shops * _JUDGED)).tolist())


def _draw(random: np.random.Generator, expected: np.ndarray, scatter: float) -> np.ndarray:
    strength = random.gamma(1 / scatter, scatter, len(expected)) if scatter else 1.0
    return random.poisson(expected * strength)


@click.command()
@click.option("--shops", default=200, show_default=True, help="Shops per line, each with 60 judged dates.")
@click.option("--seed", default=1, show_default=True, help="Seed of the simulation.")
@click.option("--rate", default=_RATE, show_default=True, help="CIS_VOLUME_FALSE_ALARM_RATE.")
def main(shops: int, seed: int, rate: float) -> None:
    """Print false alarms and found drops for shops of several sizes."""
    click.echo(f"Stated false-alarm rate: {rate:.2%}. {shops * _JUDGED:,} dates per line.")
    click.echo(f"{'orders a day':>13}{'scatter':>9}{'false alarms':>14}{'half found':>12}{'zero found':>12}")
    for mean in MEANS:
        for scatter in SCATTERS:
            rates = measure(mean, scatter, false_alarm_rate=rate, shops=shops, seed=seed)
            figures = f"{rates.false_alarms:>14.2%}{rates.halves_found:>12.1%}{rates.zeros_found:>12.1%}"
            click.echo(f"{mean:>13,}{scatter:>9}{figures}")


if __name__ == "__main__":
    main()
