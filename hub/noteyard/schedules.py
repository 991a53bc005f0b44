"""When schedules fire: cron in a time zone, what is made up for after an outage, and what happens when runs overlap.

Pure: the present is always an argument. All instants are aware and UTC.

Where clocks change, a rule for certain hours (`30 2 * * *`, `*/10 2 * * *`, `0 */2 * * *`) goes by the clock on the
wall: a time that does not exist fires once, at the first instant after the gap, and one that exists twice fires the
first time. A rule for every hour (`0 * * * *`, `*/15 * * * *`) goes by elapsed time and keeps its pace through both.
"""

import bisect
import difflib
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError

from noteyard.domain import CatchUpPolicy, OverlapPolicy
from noteyard.errors import FieldError, InvalidParameters

MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
FIELDS = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31, or L for the last day of the month",
    "month": "1 to 12, or JAN to DEC",
    "day-of-week": "0 (Sunday) to 7 (Sunday), or SUN to SAT",
}
EXAMPLE = (
    "For instance `30 6 * * MON-FRI`: at 6:30 on weekdays; the fields are minute, hour, day of month, month, weekday."
)
LONGEST_EXPRESSION = 200  # characters
SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)
"""Where nothing depends on the day: to read an expression, and to see whether it ever comes due."""
ON_TIME = timedelta(minutes=1)
"""A due time that is seen this late at most is no missed one, whatever the catch-up policy."""


@dataclass(frozen=True)
class CronRule:
    """A cron expression in an IANA time zone, made by `parse`."""

    expression: str
    timezone: str

    @classmethod
    def parse(cls, expression: str, timezone: str) -> Self:
        """A rule that comes due at least once. Raises NoteyardError with the field that is wrong, and an example."""
        expression = " ".join(expression.split())
        rule = cls(expression, known_zone(timezone))
        _check_expression(expression)
        if rule.next_due(SOME_DAY) is None:
            raise _refused(
                "cron", f"The cron expression `{expression}` never comes due: there is no such day.", EXAMPLE
            )
        return rule

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.timezone)

    @cached_property
    def _fields(self) -> str:
        return MACROS.get(self.expression.lower(), self.expression)

    @cached_property
    def _every_hour(self) -> bool:
        return len(CronSim(self._fields, SOME_DAY).hours) == 24

    def _occurrences(self, after: datetime) -> Iterator[datetime]:
        """The due times after `after`, in their order."""
        dues = self._by_elapsed_time(after) if self._every_hour else self._by_wall_clock(after)
        last = after
        for due in dues:
            if due > last:  # two times in one gap come due at the same instant, which counts once
                yield due
                last = due

    # CronSim only ever sees times without a zone: its own treatment of clock changes goes by how the expression is
    # written (a star or not), and does not end for days that begin twice.

    def _by_wall_clock(self, after: datetime) -> Iterator[datetime]:
        for wall in CronSim(self._fields, _wall(after, self.zone)):
            yield _first_instant(wall, self.zone)

    def _by_elapsed_time(self, after: datetime) -> Iterator[datetime]:
        start = checked = after.replace(microsecond=0)
        offset = _offset(start, self.zone)
        while True:
            for wall in CronSim(self._fields, (start + offset).replace(tzinfo=None)):
                due = wall.replace(tzinfo=UTC) - offset
                change = _offset_change(self.zone, checked, due)
                if change is not None:  # the clock was changed on the way: go on from there by the new offset
                    start, checked = change - timedelta(seconds=1), change
                    offset = _offset(change, self.zone)
                    break
                yield due
                checked = due
            else:
                return

    def next_due(self, after: datetime) -> datetime | None:
        """The first due time after the instant `after`, None when there is none in the next 50 years."""
        return next(self._occurrences(after), None)

    def previous_due(self, before: datetime) -> datetime | None:
        """The last due time before the instant `before`, None when there is none in the 50 years before."""
        for wall in CronSim(self._fields, _wall(before, self.zone), reverse=True):
            start = _first_instant(wall, self.zone) - timedelta(seconds=1)
            dues = list(itertools.takewhile(lambda due: due < before, self._occurrences(start)))
            if dues:
                return dues[-1]
        return None

    def upcoming(self, after: datetime, n: int = 5) -> list[datetime]:
        """The next `n` due times after `after`, or as many as there are."""
        return list(itertools.islice(self._occurrences(after), n))

    def due_between(self, after: datetime, until: datetime, limit: int) -> list[datetime]:
        """The due times after `after`, up to and including `until`, oldest first, `limit` at most."""
        dues = itertools.takewhile(lambda due: due <= until, self._occurrences(after))
        return list(itertools.islice(dues, limit))


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)


def _first_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """When the clock shows `wall`, for the first time if it does so twice; the end of the gap if it never does."""
    instant = wall.replace(tzinfo=zone).astimezone(UTC)
    if _wall(instant, zone) == wall:
        return instant
    before_gap = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _offset_change(zone, before_gap, instant) or instant


def _offset_change(zone: ZoneInfo, start: datetime, end: datetime) -> datetime | None:
    """The first instant after `start`, up to `end`, at which the zone's offset is another than at `start`."""
    offset = _offset(start, zone)
    while start < end:
        step = min(start + timedelta(days=1), end)
        if _offset(step, zone) != offset:
            seconds = range(math.ceil((step - start).total_seconds()) + 1)
            passed = bisect.bisect_left(
                seconds, True, key=lambda second: _offset(start + timedelta(seconds=second), zone) != offset
            )
            return start + timedelta(seconds=passed)
        start = step
    return None


def _check_expression(expression: str) -> None:
    if expression.lower() in MACROS:
        return
    if expression.startswith("@"):
        raise _refused("cron", f"`{expression[:20]}` is no macro that is known.", f"There are {', '.join(MACROS)}.")
    if len(expression) > LONGEST_EXPRESSION:
        raise _refused("cron", f"The cron expression is longer than {LONGEST_EXPRESSION} characters.", EXAMPLE)
    count = len(expression.split())
    if count != len(FIELDS):
        counted = f"{count} field" if count == 1 else f"{count} fields"
        raise _refused("cron", f"The cron expression has {counted} where there must be five.", EXAMPLE)
    try:
        CronSim(expression, SOME_DAY)
    except CronSimError as error:
        name = str(error).removeprefix("Bad ")
        text = dict(zip(FIELDS, expression.split(), strict=True)).get(name, expression)
        raise _refused(
            "cron",
            f"The {name} field of the cron expression, `{text}`, can't be used: it goes from {FIELDS.get(name)}.",
            EXAMPLE,
        ) from error


def _refused(field: str, message: str, hint: str) -> InvalidParameters:
    return InvalidParameters([FieldError(field, message)], message, hint)


def known_zone(name: str) -> str:
    """The zone's name. Raises NoteyardError when the time zone database has none of this name."""
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        zones = {zone.rpartition("/")[2].casefold(): zone for zone in sorted(available_timezones())}
        wanted = name.rpartition("/")[2].replace(" ", "_").casefold()
        near = difflib.get_close_matches(wanted[:50], zones, n=1)
        meant = f"Did you mean {zones[near[0]]}? " if near else ""
        raise _refused(
            "timezone",
            f"There is no time zone named `{name[:64]}`.",
            f"{meant}Use an IANA name like Europe/Berlin or UTC.",
        ) from error


def describe(rule: CronRule) -> str:
    """The rule in English: `At 06:30 on Monday through Friday, Europe/Berlin time`."""
    text = CronSim(MACROS.get(rule.expression.lower(), rule.expression), SOME_DAY).explain()
    return f"{text}, {rule.timezone}" if rule.timezone == "UTC" else f"{text}, {rule.timezone} time"


@dataclass(frozen=True)
class Missed:
    """A due time that will not be fired, and why, as a sentence for people."""

    due: datetime
    reason: str


@dataclass(frozen=True)
class CatchUp:
    """What to do about the due times since the last one looked at.

    `fires` are fired now, `missed` recorded; `next_due` is the due time after all of them, which is not later than now
    when there are more than one plan takes.
    """

    fires: tuple[datetime, ...]
    missed: tuple[Missed, ...]
    next_due: datetime | None


def plan_catch_up(
    rule: CronRule,
    last_due: datetime,
    now: datetime,
    policy: CatchUpPolicy,
    window: timedelta,
    limit: int = 500,
) -> CatchUp:
    """Decide on the due times after `last_due` (fired or missed already), up to `now`, the oldest `limit` of them.

    One that is at most ON_TIME late is always fired. Of the others, no older than `window`, the policy says which: all,
    the last one only if it is the newest of all, or none.
    """
    dues = rule.due_between(last_due, now, limit)
    next_due = rule.next_due(dues[-1] if dues else max(last_due, now))
    newest = dues[-1] if dues and (next_due is None or next_due > now) else None
    fires: list[datetime] = []
    missed: list[Missed] = []
    for due in dues:
        reason = _why_missed(now - due, policy, window, due == newest)
        if reason is None:
            fires.append(due)
        else:
            missed.append(Missed(due, reason))
    return CatchUp(tuple(fires), tuple(missed), next_due)


def _why_missed(late: timedelta, policy: CatchUpPolicy, window: timedelta, newest: bool) -> str | None:
    if late <= ON_TIME:
        return None
    if policy is CatchUpPolicy.NONE:
        return "Noteyard was not running at this time, and the schedule does not make up for missed times."
    if late > window:
        return "Noteyard was not running at this time, and it is longer ago than the schedule's catch-up window."
    if policy is CatchUpPolicy.LAST and not newest:
        return "Noteyard was not running at this time, and the schedule makes up for the last missed time only."
    return None


class OverlapDecision(StrEnum):
    """What to do with a due time."""

    START = "start"
    QUEUE = "queue"
    SKIP = "skip"


def decide_overlap(policy: OverlapPolicy, running: int) -> OverlapDecision:
    """What to do with a due time while `running` runs of the same schedule have not ended (queued ones included)."""
    if running == 0 or policy is OverlapPolicy.ALLOW:
        return OverlapDecision.START
    return OverlapDecision.QUEUE if policy is OverlapPolicy.QUEUE else OverlapDecision.SKIP
