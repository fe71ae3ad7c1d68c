"""Time zones as people and systems name them: IANA names, and the names that Windows uses."""

from collections.abc import Mapping
from functools import cache
from zoneinfo import available_timezones

from tzlocal.windows_tz import win_tz

# Names in the time zone database that stand for no place: the zone of the machine, and a zone that is not set yet.
_NO_ZONES = {"localtime", "Factory"}


@cache
def iana_zones() -> frozenset[str]:
    """The names of the time zones that messages and order dates may use."""
    return frozenset(available_timezones() - _NO_ZONES)


@cache
def zones_by_name() -> Mapping[str, str]:
    """The IANA zone of each known name in lowercase: IANA names, and Windows names such as `w. europe standard time`."""
    zones = iana_zones()
    of_windows = {name.lower(): zone for name, zone in win_tz.items() if zone in zones}
    return of_windows | {zone.lower(): zone for zone in sorted(zones)}
