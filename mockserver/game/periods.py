"""Days, weeks, months and runs, in every time zone.

Moments are milliseconds since the epoch, UTC; days are `date`s of somebody's calendar.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib import resources
from math import inf
from typing import Literal
from zoneinfo import ZoneInfo

from mockserver.game.catalog import Boost, Frequency, Leaderboard

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
FINISHED_AFTER = DAY + 13 * HOUR  # the start of a last day, UTC: an hour after the day has ended everywhere
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
ONE_DAY = timedelta(days=1)

FIRST_CLOCK = 0
LAST_CLOCK = (date(9000, 1, 1).toordinal() - EPOCH_ORDINAL) * DAY


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """The names of the IANA zones, from the tzdata package: the same on every machine."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())


@lru_cache(maxsize=1024)
def zone(name: str | None) -> ZoneInfo:
    """The zone of that name; None is UTC. The name must be one of `zone_names()`."""
    folder, _, leaf = f"zoneinfo/{name or 'UTC'}".rpartition("/")
    with resources.files("tzdata").joinpath(*folder.split("/"), leaf).open("rb") as file:
        return ZoneInfo.from_file(file, key=name or "UTC")


def moment(time: int) -> datetime:
    """The same instant as an aware datetime in UTC."""
    return EPOCH + timedelta(milliseconds=time)


def milliseconds(instant: datetime) -> int:
    """An aware datetime as milliseconds since the epoch, rounded down."""
    return (instant - EPOCH) // timedelta(milliseconds=1)


@lru_cache(maxsize=65536)
def iso(time: int) -> str:
    """ISO 8601, UTC, milliseconds, `Z` (behaviour, section 0)."""
    return moment(time).isoformat(timespec="milliseconds")[:23] + "Z"


def utc_day(time: int) -> date:
    return date.fromordinal(EPOCH_ORDINAL + time // DAY)


def local_day(time: int, tz: ZoneInfo) -> date:
    """The calendar day in `tz` at that moment."""
    return _day_of_second(time // SECOND, tz)


@lru_cache(maxsize=4096)
def _day_of_second(second: int, tz: ZoneInfo) -> date:
    return datetime.fromtimestamp(second, tz).date()


def _local(time: int, tz: ZoneInfo) -> datetime:
    return moment(time).astimezone(tz)


def counts_then(board: Leaderboard, time: int, tz: ZoneInfo) -> bool:
    """Whether activity at that moment is within the board's hours in `tz` (behaviour, section 8)."""
    local = _local(time, tz)
    minute = local.hour * 60 + local.minute
    return (board.start_time or 0) <= minute < (24 * 60 if board.end_time is None else board.end_time)


@lru_cache(maxsize=65536)
def start_of_day(day: date, tz: ZoneInfo) -> int:
    """Local midnight: the first instant that has this date or, where it was skipped, a later one."""
    if tz.key == "UTC" or day <= date.min + ONE_DAY:
        return (day.toordinal() - EPOCH_ORDINAL) * DAY
    naive = datetime(day.year, day.month, day.day)
    guess = milliseconds(naive.replace(tzinfo=tz).astimezone(UTC))
    if _local(guess, tz).replace(tzinfo=None) == naive:
        return guess
    # The clocks were put forward over midnight: the date begins at the jump.
    early, late = guess - 2 * DAY, guess
    while late - early > 1:
        middle = (early + late) // 2
        if local_day(middle, tz) >= day:
            late = middle
        else:
            early = middle
    return late


def local_hour(day: date, hour: int, tz: ZoneInfo) -> int:
    """When it is that full hour on that local day (ms UTC); the hour that a change of clocks leaves out comes after it.
    Clipped to what clocks show."""
    time = milliseconds(datetime(day.year, day.month, day.day, hour, tzinfo=tz))
    return min(max(time, FIRST_CLOCK), LAST_CLOCK)


def existing_day(day: date, tz: ZoneInfo) -> date:
    """`day`, or the next one where `tz` skipped it: Samoa went from 29 to 31 December 2011."""
    following = day + ONE_DAY
    return day if start_of_day(day, tz) < start_of_day(following, tz) else following


def start_of_period(day: date, frequency: Frequency, week_start: int = 6) -> date:
    """The first day of the day, week (from `week_start`: 0 Monday … 6 Sunday) or month around `day`."""
    if frequency == "daily":
        return day
    if frequency == "monthly":
        return day.replace(day=1)
    back = (day.weekday() - week_start) % 7
    return date.fromordinal(max(1, day.toordinal() - back))


def end_of_period(start: date, frequency: Frequency, week_start: int = 6) -> date:
    """The last day, inclusive, of the period that contains `start`."""
    if frequency == "daily":
        return start
    if frequency == "monthly":
        return start.replace(day=monthrange(start.year, start.month)[1])
    ahead = 6 - (start.weekday() - week_start) % 7
    return date.fromordinal(min(date.max.toordinal(), start.toordinal() + ahead))


def next_period(start: date, frequency: Frequency, week_start: int = 6) -> date:
    """The first day of the period after the one that contains `start`."""
    return end_of_period(start, frequency, week_start) + ONE_DAY


def previous_period(start: date, frequency: Frequency, week_start: int = 6) -> date:
    """The first day of the period before the one that begins on `start`."""
    return start_of_period(start - ONE_DAY, frequency, week_start)


def run_start(board: Leaderboard, index: int) -> date:
    """The first day of run `index` (from 0). Months and years keep the start's day, clamped to the month.

    The calendar's last day for a run that would begin later.
    """
    unit, interval = board.run_unit, board.run_interval
    if unit is None or interval is None:
        return board.start
    if unit == "day":
        ordinal = board.start.toordinal() + interval * index
        return date.fromordinal(min(ordinal, date.max.toordinal()))
    months = interval * index * (12 if unit == "year" else 1) + board.start.month - 1
    year, month = board.start.year + months // 12, months % 12 + 1
    if year > 9999:
        return date.max
    return date(year, month, min(board.start.day, monthrange(year, month)[1]))


def run_index(board: Leaderboard, day: date) -> int:
    """Which run `day` is in; -1 before the board's start. Ignores the board's end."""
    unit, interval = board.run_unit, board.run_interval
    if day < board.start:
        return -1
    if unit is None or interval is None:
        return 0
    if unit == "day":
        return (day.toordinal() - board.start.toordinal()) // interval
    months = (day.year - board.start.year) * 12 + day.month - board.start.month
    index = months // (interval * (12 if unit == "year" else 1))
    return index - 1 if run_start(board, index) > day else index


def run_end(board: Leaderboard, index: int) -> date | None:
    """The last day of run `index`, inclusive, cut at the board's end; None when it never ends."""
    if board.run_unit is None:
        return board.end
    following = run_start(board, index + 1)
    last = following if following == date.max else following - ONE_DAY
    return min(last, board.end) if board.end else last


def run_on(board: Leaderboard, day: date) -> int | None:
    """The run that counts on `day`, None before the board's start and after its end."""
    if day < board.start or (board.end is not None and day > board.end):
        return None
    return run_index(board, day)


@lru_cache(maxsize=65536)
def first_day(board: Leaderboard, day: date) -> date | None:
    """The first day of the run that counts on `day`, None where `run_on` is."""
    index = run_on(board, day)
    return None if index is None else run_start(board, index)


def status_of_days(start: date, end: date | None, today: date) -> Literal["active", "scheduled", "finished"]:
    """Where `today` stands to whole days from `start` to `end`, both inclusive."""
    if today < start:
        return "scheduled"
    return "finished" if end is not None and today > end else "active"


def boost_moments(boost: Boost, tz: ZoneInfo | None) -> tuple[int, int | None]:
    """When start and end of a boost are reported (ms UTC): at 10:00 of the day before and 13:00 of the day after,
    when it has begun or ended in the first or last zone; of a single user's boost at the midnights of that user's
    zone (behaviour, section 11). None: it never finishes."""
    end = boost.end
    if tz is None:
        return opening_of(boost.start), None if end is None else start_of_utc(end) + FINISHED_AFTER
    return start_of_day(boost.start, tz), None if end in (None, date.max) else start_of_day(end + ONE_DAY, tz)


def board_opens(board: Leaderboard) -> int:
    """When it becomes active (ms UTC)."""
    return opening_of(board.start)


def opening_of(day: date) -> int:
    """10:00 UTC of the day before: then it is `day` somewhere."""
    return start_of_utc(day) - DAY + 10 * HOUR


def start_of_utc(day: date) -> int:
    return (day.toordinal() - EPOCH_ORDINAL) * DAY


def board_status(board: Leaderboard, time: int) -> Literal["active", "scheduled", "finished"]:
    """Active from `board_opens` until 12 hours after the end in UTC (behaviour, section 8)."""
    opens, closes = _opening_hours(board)
    if time < opens:
        return "scheduled"
    return "active" if time < closes else "finished"


def status_lasts(board: Leaderboard, time: int) -> tuple[float, float]:
    """From when (inclusive) to when (exclusive) a board has the status that it has at that moment (ms UTC)."""
    opens, closes = _opening_hours(board)
    if time < opens:
        return -inf, opens
    return (opens, closes) if time < closes else (closes, inf)


@lru_cache(maxsize=4096)
def _opening_hours(board: Leaderboard) -> tuple[int, float]:
    return board_opens(board), inf if board.end is None else start_of_utc(board.end) + DAY + 12 * HOUR
