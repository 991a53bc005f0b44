"""Cron rules, through every kind of clock change against a slow, plain reading of the same words; catch-up, overlap."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st
from noteyard.domain import CatchUpPolicy, OverlapPolicy
from noteyard.errors import NoteyardError
from noteyard.schedules import CronRule, OverlapDecision, decide_overlap, describe, plan_catch_up

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)
HOURLY = CronRule.parse("@hourly", "UTC")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOURS = tuple(NOON + timedelta(hours=hour) for hour in range(13))


def berlin(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).astimezone(UTC)


def local(instants: list[datetime]) -> list[str]:
    return [f"{instant.astimezone(BERLIN):%d %H:%M%z}" for instant in instants]


class TestParse:
    def test_expression_and_zone_are_kept_as_written(self) -> None:
        rule = CronRule.parse("  30 6 * *   mon-fri ", "Europe/Berlin")
        assert (rule.expression, rule.timezone) == ("30 6 * * mon-fri", "Europe/Berlin")

    @pytest.mark.parametrize(
        ("expression", "message"),
        [
            ("61 * * * *", "The minute field of the cron expression, `61`, can't be used: it goes from 0 to 59."),
            ("0 24 * * *", "The hour field of the cron expression, `24`, can't be used: it goes from 0 to 23."),
            (
                "0 0 32 * *",
                "The day-of-month field of the cron expression, `32`, can't be used: "
                "it goes from 1 to 31, or L for the last day of the month.",
            ),
            (
                "0 0 * FOO *",
                "The month field of the cron expression, `FOO`, can't be used: it goes from 1 to 12, or JAN to DEC.",
            ),
            (
                "0 0 * * 9",
                "The day-of-week field of the cron expression, `9`, can't be used: "
                "it goes from 0 (Sunday) to 7 (Sunday), or SUN to SAT.",
            ),
            ("", "The cron expression has 0 fields where there must be five."),
            ("*", "The cron expression has 1 field where there must be five."),
            ("0 0 * * * *", "The cron expression has 6 fields where there must be five."),
            ("0 0 */40 * MON#2", "The cron expression `0 0 */40 * MON#2` never comes due: there is no such day."),
            ("1," * 150 + "1 * * * *", "The cron expression is longer than 200 characters."),
        ],
    )
    def test_a_wrong_expression_is_refused_with_its_field(self, expression: str, message: str) -> None:
        with pytest.raises(NoteyardError) as caught:
            CronRule.parse(expression, "UTC")
        assert caught.value.message == message
        assert "`30 6 * * MON-FRI`" in (caught.value.hint or "")
        assert caught.value.status == 422

    def test_an_unknown_macro_names_the_known_ones(self) -> None:
        with pytest.raises(NoteyardError) as caught:
            CronRule.parse("@reboot", "UTC")
        assert caught.value.message == "`@reboot` is no macro that is known."
        assert (caught.value.hint or "").startswith("There are @hourly, @daily,")

    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("Europe/Berln", "Europe/Berlin"),
            ("berlin", "Europe/Berlin"),
            ("New York", "America/New_York"),
            ("utc+1", None),
            ("", None),
            ("Europe", None),
            ("../../etc/passwd", None),
            ("\0", None),
            ("\ud800", None),
        ],
    )
    def test_an_unknown_zone_is_refused_with_the_one_that_was_meant(self, name: str, meant: str | None) -> None:
        with pytest.raises(NoteyardError) as caught:
            CronRule.parse("@daily", name)
        assert caught.value.message == f"There is no time zone named `{name}`."
        hint = caught.value.hint or ""
        assert "Use an IANA name like Europe/Berlin or UTC." in hint
        if meant is not None:
            assert hint.startswith(f"Did you mean {meant}?")

    @settings(max_examples=200, deadline=None)
    @given(st.lists(st.text("0123456789*/-,LW#?MONJAN@ ", max_size=8), max_size=6).map(" ".join))
    def test_any_text_is_a_rule_or_refused_in_words(self, expression: str) -> None:
        try:
            rule = CronRule.parse(expression, "Europe/Berlin")
        except NoteyardError as error:
            assert error.hint
        else:
            assert rule.next_due(datetime(2026, 1, 1, tzinfo=UTC)) is not None
            assert describe(rule).endswith(", Europe/Berlin time")


class TestDueTimes:
    def test_upcoming_gives_the_next_ones_in_utc(self) -> None:
        rule = CronRule.parse("30 6 * * MON-FRI", "Europe/Berlin")
        found = rule.upcoming(berlin("2026-06-05T07:00"), 3)
        assert found == [berlin(f"2026-06-{day:02}T06:30") for day in (8, 9, 10)]
        assert all(due.tzinfo is UTC for due in found)

    def test_a_due_time_itself_is_not_after_itself(self) -> None:
        rule = CronRule.parse("@hourly", "UTC")
        noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
        assert rule.next_due(noon) == noon + timedelta(hours=1)
        assert rule.next_due(noon - timedelta(microseconds=1)) == noon
        assert rule.next_due(noon + timedelta(microseconds=1)) == noon + timedelta(hours=1)
        assert rule.previous_due(noon) == noon - timedelta(hours=1)
        assert rule.previous_due(noon + timedelta(seconds=1)) == noon

    @pytest.mark.parametrize(
        ("macro", "due"),
        [
            ("@hourly", "2026-03-04T06:00"),
            ("@daily", "2026-03-05T00:00"),
            ("@midnight", "2026-03-05T00:00"),
            ("@weekly", "2026-03-08T00:00"),
            ("@monthly", "2026-04-01T00:00"),
            ("@Yearly", "2027-01-01T00:00"),
            ("@annually", "2027-01-01T00:00"),
        ],
    )
    def test_macros(self, macro: str, due: str) -> None:
        rule = CronRule.parse(macro, "Europe/Berlin")
        assert rule.next_due(berlin("2026-03-04T05:06")) == berlin(due)

    def test_due_between_takes_the_oldest_and_includes_the_end(self) -> None:
        rule = CronRule.parse("@hourly", "UTC")
        noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
        hours = [noon + timedelta(hours=hour) for hour in range(5)]
        assert rule.due_between(noon, hours[4], 10) == hours[1:]
        assert rule.due_between(noon, hours[4], 2) == hours[1:3]
        assert rule.due_between(noon, noon, 10) == []

    def test_leap_days_are_found_years_ahead(self) -> None:
        rule = CronRule.parse("0 * 29 2 *", "Europe/Berlin")
        assert rule.next_due(berlin("2026-03-01T00:00")) == berlin("2028-02-29T00:00")
        assert rule.previous_due(berlin("2026-03-01T00:00")) == berlin("2024-02-29T23:00")


class TestClockChanges:
    """Berlin: 2026-03-29 has no 02:00 to 02:59, 2026-10-25 has it twice."""

    def test_a_time_that_does_not_exist_fires_once_at_the_next_valid_instant(self) -> None:
        rule = CronRule.parse("30 2 * * *", "Europe/Berlin")
        assert local(rule.upcoming(berlin("2026-03-28T12:00"), 2)) == ["29 03:00+0200", "30 02:30+0200"]

    def test_several_times_in_one_gap_fire_once_together(self) -> None:
        rule = CronRule.parse("*/20 2,3 * * *", "Europe/Berlin")
        assert local(rule.upcoming(berlin("2026-03-28T12:00"), 4)) == [
            *("29 03:00+0200", "29 03:20+0200", "29 03:40+0200"),
            "30 02:00+0200",
        ]

    def test_a_time_that_exists_twice_fires_the_first_time(self) -> None:
        rule = CronRule.parse("30 2 * * *", "Europe/Berlin")
        assert local(rule.upcoming(berlin("2026-10-24T12:00"), 2)) == ["25 02:30+0200", "26 02:30+0100"]
        assert local(rule.upcoming(berlin("2026-10-25T02:10", fold=1), 1)) == ["26 02:30+0100"]

    def test_a_step_over_hours_goes_by_the_clock_on_the_wall(self) -> None:
        rule = CronRule.parse("30 */2 * * *", "Europe/Berlin")
        assert local(rule.upcoming(berlin("2026-03-29T00:00"), 3)) == [
            "29 00:30+0100",
            "29 03:00+0200",
            "29 04:30+0200",
        ]
        assert local(rule.upcoming(berlin("2026-10-25T01:00"), 2)) == ["25 02:30+0200", "25 04:30+0100"]

    @pytest.mark.parametrize("expression", ["0 * * * *", "0 0-23 * * *", "0 */1 * * *", "@hourly"])
    def test_hourly_rules_fire_each_real_hour(self, expression: str) -> None:
        rule = CronRule.parse(expression, "Europe/Berlin")
        for day, hours in (("2026-03-29", 23), ("2026-10-25", 25)):
            start = berlin(f"{day}T00:00")
            assert rule.upcoming(start, hours) == [start + timedelta(hours=hour) for hour in range(1, hours + 1)]

    def test_every_quarter_of_an_hour_keeps_its_pace(self) -> None:
        rule = CronRule.parse("*/15 * * * *", "Europe/Berlin")
        for day in ("2026-03-29", "2026-10-25"):
            start = berlin(f"{day}T00:00")
            assert rule.upcoming(start, 30) == [start + 15 * MINUTE * count for count in range(1, 31)]

    def test_days_that_begin_twice_end(self) -> None:
        """St. John's once changed its clocks at 00:01, back to the day before."""
        rule = CronRule.parse("0 * */2 * 7", "America/St_Johns")
        found = rule.upcoming(datetime(2006, 10, 28, 20, tzinfo=UTC), 30)
        assert found == sorted(set(found))


CHANGES = [
    ("Europe/Berlin", "2026-03-29", "2026-10-25"),
    ("America/New_York", "2026-03-08", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-04-04", "2026-10-03"),  # by half an hour
    ("Antarctica/Troll", "2026-03-29", "2026-10-25"),  # by two hours
    ("Africa/Cairo", "2026-04-24", "2026-10-29"),  # at midnight
    ("America/Havana", "2026-03-08", "2026-11-01"),
    ("America/St_Johns", "2006-04-02", "2006-10-29"),  # at a minute past midnight
    ("Pacific/Apia", "2011-12-30", "2011-12-30"),  # by a whole day
    ("Asia/Kolkata", "2026-03-29", "2026-10-25"),  # never
]


def plainly(rule: CronRule, after: datetime, until: datetime) -> list[datetime]:
    """The due times after `after`, up to `until`, by looking at every minute."""
    cron = CronSim(rule.expression, datetime(2026, 1, 1))

    def matches(wall: datetime) -> bool:
        return (
            wall.month in cron.months
            and cron.match_day(wall.date())
            and wall.hour in cron.hours
            and wall.minute in cron.minutes
        )

    def wall_of(instant: datetime) -> datetime:
        return instant.astimezone(rule.zone).replace(tzinfo=None)

    found: set[datetime] = set()
    if len(cron.hours) == 24:
        for count in range(int((until - after) / MINUTE) + 2):
            instant = after.replace(second=0, microsecond=0) + count * MINUTE
            if matches(wall_of(instant)):
                found.add(instant)
    else:
        start = wall_of(after).replace(second=0, microsecond=0) - timedelta(hours=30)
        for count in range(int((until - after) / MINUTE) + 60 * 60):
            wall = start + count * MINUTE
            if matches(wall):
                instant = wall.replace(tzinfo=rule.zone).astimezone(UTC)
                if wall_of(instant) != wall:
                    instant = wall.replace(tzinfo=rule.zone, fold=1).astimezone(UTC)
                    while wall_of(instant) < wall:
                        instant += MINUTE
                found.add(instant)
    return sorted(instant for instant in found if after < instant <= until)


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from(CHANGES))
def test_rules_agree_with_looking_at_every_minute(rng: random.Random, change: tuple[str, str, str]) -> None:
    zone, *days = change
    day = datetime.fromisoformat(rng.choice(days)).replace(tzinfo=UTC)
    minutes = rng.choice(["0", "30", "45", "7,59", "*/15", "*/40", "*", "0-59"])
    hours = rng.choice(["*", "0-23", "*/2", "0", "2", "3", "23", "0,1", "1-3"])
    days_of_month = rng.choice(["*", "*", str(day.day), "*/2"])
    weekdays = rng.choice(["*", "*", str(day.isoweekday()), "1-5"])
    rule = CronRule(f"{minutes} {hours} {days_of_month} * {weekdays}", zone)
    after = day - timedelta(minutes=rng.randrange(30 * 60), seconds=rng.choice([0, 0, 30]))
    until = after + timedelta(hours=44)

    expected = plainly(rule, after, until)

    assert rule.due_between(after, until, 10_000) == expected
    one_by_one = [after]
    while (following := rule.next_due(one_by_one[-1])) is not None and following <= until:
        one_by_one.append(following)
    assert one_by_one[1:] == expected
    if len(expected) > 1:
        index = rng.randrange(1, len(expected))
        assert rule.previous_due(expected[index]) == expected[index - 1]
        assert rule.previous_due(expected[index] + timedelta(microseconds=1)) == expected[index]


class TestCatchUp:
    def test_nothing_is_due(self) -> None:
        plan = plan_catch_up(HOURLY, NOON, NOON + MINUTE, CatchUpPolicy.ALL, timedelta(days=1))
        assert (plan.fires, plan.missed, plan.next_due) == ((), (), HOURS[1])

    @pytest.mark.parametrize("policy", CatchUpPolicy)
    def test_what_is_on_time_fires_by_every_policy(self, policy: CatchUpPolicy) -> None:
        plan = plan_catch_up(HOURLY, NOON, HOURS[1] + timedelta(seconds=20), policy, timedelta(0))
        assert (plan.fires, plan.missed, plan.next_due) == ((HOURS[1],), (), HOURS[2])

    def test_all_within_the_window(self) -> None:
        now = HOURS[4] + 5 * MINUTE
        plan = plan_catch_up(HOURLY, NOON, now, CatchUpPolicy.ALL, timedelta(hours=2))
        assert plan.fires == HOURS[3:5]
        assert [missed.due for missed in plan.missed] == list(HOURS[1:3])
        assert {missed.reason for missed in plan.missed} == {
            "Noteyard was not running at this time, and it is longer ago than the schedule's catch-up window."
        }

    def test_only_the_last(self) -> None:
        now = HOURS[4] + 5 * MINUTE
        plan = plan_catch_up(HOURLY, NOON, now, CatchUpPolicy.LAST, timedelta(days=1))
        assert plan.fires == (HOURS[4],)
        assert [missed.due for missed in plan.missed] == list(HOURS[1:4])
        assert "makes up for the last missed time only" in plan.missed[0].reason

    def test_the_last_is_not_made_up_for_when_it_is_out_of_the_window(self) -> None:
        plan = plan_catch_up(HOURLY, NOON, HOURS[2] - MINUTE, CatchUpPolicy.LAST, timedelta(minutes=30))
        assert plan.fires == ()
        assert [missed.due for missed in plan.missed] == [HOURS[1]]

    def test_none(self) -> None:
        now = HOURS[2] + 5 * MINUTE
        plan = plan_catch_up(HOURLY, NOON, now, CatchUpPolicy.NONE, timedelta(days=1))
        assert plan.fires == ()
        assert [missed.due for missed in plan.missed] == list(HOURS[1:3])
        assert "does not make up for missed times" in plan.missed[0].reason

    @pytest.mark.parametrize("policy", CatchUpPolicy)
    def test_a_long_outage_in_small_plans_is_the_same_as_in_one(self, policy: CatchUpPolicy) -> None:
        now = HOURS[12] + 5 * MINUTE
        whole = plan_catch_up(HOURLY, NOON, now, policy, timedelta(hours=6))
        fires: list[datetime] = []
        missed: list[datetime] = []
        next_due: datetime | None = HOURS[1]
        while next_due is not None and next_due <= now:
            part = plan_catch_up(HOURLY, next_due - timedelta(microseconds=1), now, policy, timedelta(hours=6), limit=5)
            fires += part.fires
            missed += [each.due for each in part.missed]
            next_due = part.next_due
        assert tuple(fires) == whole.fires
        assert missed == [each.due for each in whole.missed]
        assert next_due == whole.next_due
        assert sorted(fires + missed) == list(HOURS[1:])

    def test_a_clock_set_back_fires_nothing_again(self) -> None:
        plan = plan_catch_up(HOURLY, HOURS[4], HOURS[2], CatchUpPolicy.ALL, timedelta(days=1))
        assert (plan.fires, plan.missed, plan.next_due) == ((), (), HOURS[5])


@pytest.mark.parametrize(
    ("policy", "running", "decision"),
    [
        (OverlapPolicy.SKIP, 0, OverlapDecision.START),
        (OverlapPolicy.SKIP, 1, OverlapDecision.SKIP),
        (OverlapPolicy.QUEUE, 0, OverlapDecision.START),
        (OverlapPolicy.QUEUE, 3, OverlapDecision.QUEUE),
        (OverlapPolicy.ALLOW, 3, OverlapDecision.START),
    ],
)
def test_overlap(policy: OverlapPolicy, running: int, decision: OverlapDecision) -> None:
    assert decide_overlap(policy, running) is decision


@pytest.mark.parametrize(
    ("expression", "zone", "text"),
    [
        ("30 6 * * MON-FRI", "Europe/Berlin", "At 06:30 on Monday through Friday, Europe/Berlin time"),
        ("*/15 * * * *", "UTC", "Every 15th minute of every hour, UTC"),
        ("@monthly", "UTC", "At 00:00 on the first day of every month, UTC"),
    ],
)
def test_a_rule_in_english(expression: str, zone: str, text: str) -> None:
    assert describe(CronRule.parse(expression, zone)) == text
