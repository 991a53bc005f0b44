"""`yard schedule`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.yard_server import running
from tests.integration.yard_state import YardServer
from tests.integration.yard_tool import write_notebook, yard

PARAMETERS = "from datetime import date\nday: date = date(2026, 1, 1)\ncount: int = 1\n"
CREATE = ("schedule", "create", "collect.ipynb", "--cron", "0 6 * * *")


@pytest.fixture
def server() -> Iterator[YardServer]:
    with running(YardServer()) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_notebook(tmp_path / "collect.ipynb", "print(day)", parameters=PARAMETERS)
    return tmp_path


def test_create_in_this_computer_s_zone_and_see_when_it_runs(server: YardServer, folder: Path) -> None:
    day = ("-p", "day={{ due | date }}", "-p", "count=3")
    done = yard(*CREATE, *day, "--name", "Daily weather", environment=server.environment(), folder=folder)
    assert done.returncode == 0, done.stderr
    made = server.schedules["s1"]
    assert (made["cron"], made["timezone"], made["name"]) == ("0 6 * * *", "Europe/Berlin", "Daily weather")
    assert made["parameters"] == {"day": "{{ due | date }}", "count": 3}
    assert (made["catch_up"], made["overlap"], made["retries"]) == ("last", "skip", 0)
    lines = done.stdout.splitlines()
    assert lines[0] == f"Schedule s1  {server.url}/portal/schedules/s1"
    assert lines[1] == "At 06:00 every day, Europe/Berlin time (0 6 * * *):"
    assert lines[2:] == [f"  2026-11-{day} 06:00:00 CET" for day in (23, 24, 25, 26, 27)]


@pytest.mark.parametrize(
    ("zone", "meant"), [("Japan", "Japan"), (":EST5EDT", "EST5EDT"), ("/usr/share/zoneinfo/Asia/Tokyo", "Asia/Tokyo")]
)
def test_every_zone_that_tz_may_name_is_this_computer_s(
    server: YardServer, folder: Path, zone: str, meant: str
) -> None:
    done = yard(*CREATE, environment={**server.environment(), "TZ": zone}, folder=folder)
    assert done.returncode == 0, done.stderr
    assert server.schedules["s1"]["timezone"] == meant


def test_create_with_everything(server: YardServer, folder: Path) -> None:
    policy = ("--catch-up", "all", "--catch-up-window", "2d", "--overlap", "queue", "--timeout", "1h", "--retries", "3")
    alerts = ("--mail", "a@example.org", "--mail", "b@example.org", "--webhook", "https://hooks.example.org/x")
    zone = ("--timezone", "Asia/Tokyo", "--json")
    done = yard(*CREATE, *policy, *alerts, *zone, environment=server.environment(), folder=folder)
    made = json.loads(done.stdout)
    assert (made["catch_up"], made["catch_up_window"], made["overlap"]) == ("all", 172800, "queue")
    assert (made["timeout"], made["retries"], made["timezone"], made["name"]) == (3600, 3, "Asia/Tokyo", "collect")
    assert made["alerts"]["mail"] == ["a@example.org", "b@example.org"]
    assert made["alerts"]["webhooks"] == ["https://hooks.example.org/x"]


def test_a_wrong_rule_is_refused_before_anything_is_sent(server: YardServer, folder: Path) -> None:
    wrong = ("schedule", "create", "collect.ipynb", "--cron", "0 25 * * *")
    done = yard(*wrong, environment=server.environment(), folder=folder)
    assert done.returncode == 1
    assert "hour" in done.stderr
    assert not server.releases


def test_list_show_and_next(server: YardServer, folder: Path) -> None:
    yard(*CREATE, "--name", "Daily weather", environment=server.environment(), folder=folder)
    listed = yard("schedule", "list", environment=server.environment(), folder=folder).stdout.splitlines()
    assert listed[1].split() == [
        *("s1", "Daily", "weather", "collect.ipynb", "0", "6", "*", "*", "*"),
        *("2026-11-23", "06:00:00", "CET", "on"),
    ]
    shown = yard("schedule", "show", "Daily weather", environment=server.environment(), folder=folder).stdout
    assert "newer" not in shown
    assert "The last run still goes on." in shown
    assert "r77" in shown
    due = yard("schedule", "next", "s1", "--json", environment=server.environment(), folder=folder)
    assert json.loads(due.stdout)["upcoming"][0] == "2026-11-23T05:00:00Z"


def test_show_says_whom_alerts_do_not_reach(server: YardServer, folder: Path) -> None:
    yard(*CREATE, environment=server.environment(), folder=folder)
    failed = {"event": "run.failed", "run": "r1", "failed": "2026-11-22T05:00:09Z"}
    hook = {"channel": "webhook", "target": "hooks.example.org", "error": "The server answered 404."}
    mail = {"channel": "mail", "target": "ada@example.org", "error": "The mail server answered 451: later"}
    server.schedules["s1"]["undelivered"] = [
        {**failed, **mail, "tries": 2, "next_try": "2026-11-22T05:00:29Z"},
        {**failed, **mail, "target": "bob@example.org", "tries": 0, "next_try": "2026-11-22T05:00:29Z"},
        {**failed, **hook, "tries": 1, "next_try": None},
    ]
    shown = yard("schedule", "show", "s1", environment=server.environment(), folder=folder).stdout.splitlines()
    last, then = "2026-11-22 06:00:09 CET", "tried again 2026-11-22 06:00:29 CET"
    assert [line.removeprefix("Not told").strip() for line in shown if line.startswith("Not told")] == [
        f"ada@example.org (mail): The mail server answered 451: later. 2 tries, the last {last}; {then}.",
        f"bob@example.org (mail): The mail server answered 451: later. Waiting for the server since {last}; {then}.",
        f"hooks.example.org (webhook): The server answered 404. 1 try, the last {last}; given up.",
    ]


def test_a_newer_release_is_offered_and_moved_to(server: YardServer, folder: Path) -> None:
    yard(*CREATE, environment=server.environment(), folder=folder)
    write_notebook(folder / "collect.ipynb", "print('changed', day)", parameters=PARAMETERS)
    run = yard("run", "collect.ipynb", environment=server.environment(), folder=folder)
    assert run.returncode == 0
    assert run.stderr.splitlines()[1:2] == [
        "! Schedule collect goes on with an older release of collect.ipynb. Move it to this one: yard schedule move s1"
    ]
    old, new = server.releases
    shown = yard("schedule", "show", "collect", environment=server.environment(), folder=folder).stdout
    assert f"{old[:12]} (1 newer: yard schedule move s1)" in shown
    for _ in range(2):
        done = yard("schedule", "move", "collect", environment=server.environment(), folder=folder)
        assert done.stdout == f"Schedule s1 (collect) runs the newest release, {new[:12]}.\n"
    assert server.schedules["s1"]["release"] == new
    again = yard("run", "collect.ipynb", "--json", environment=server.environment(), folder=folder)
    assert again.stderr == ""


def test_a_move_tells_which_values_the_notebook_no_longer_takes(server: YardServer, folder: Path) -> None:
    yard(*CREATE, "-p", "day=2026-01-31", environment=server.environment(), folder=folder)
    assert "day" in server.schedules["s1"]["parameters"]
    write_notebook(folder / "collect.ipynb", "print('changed')", parameters="other: int = 1")
    yard("run", "collect.ipynb", environment=server.environment(), folder=folder)
    done = yard("schedule", "move", "collect", environment=server.environment(), folder=folder)
    assert done.returncode == 0, done.stderr
    assert "! The notebook no longer takes day; what was set for it is left out.\n" in done.stderr


def test_next_of_a_rule_that_is_no_schedule_yet(server: YardServer, folder: Path) -> None:
    due = ("schedule", "next", "30 7 * * MON", "--timezone", "UTC")
    done = yard(*due, environment=server.environment(), folder=folder)
    assert done.stdout.splitlines()[1] == "  2026-11-23 08:30:00 CET"


def test_pause_resume_run_now_and_delete(server: YardServer, folder: Path) -> None:
    def schedule(*arguments: str) -> str:
        done = yard("schedule", *arguments, environment=server.environment(), folder=folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    schedule(*CREATE[1:])
    assert schedule("pause", "collect") == "Schedule s1 (collect) is paused.\n"
    assert server.schedules["s1"]["paused"]
    assert schedule("list").splitlines()[1].split()[-1] == "paused"
    assert schedule("next", "s1").startswith("It is paused. Resumed, it would run:\n")
    assert schedule("resume", "s1").startswith("Schedule s1 (collect) goes on.\n")
    assert schedule("run-now", "s1") == f"Run r9  {server.url}/portal/runs/r9\n"
    assert schedule("delete", "s1") == "Schedule s1 (collect) is deleted.\n"
    assert schedule("list") == "No schedules yet. `yard schedule create NOTEBOOK --cron '0 6 * * *'` makes one.\n"


def test_a_test_of_its_alerts_tells_where_it_goes_and_no_secret(server: YardServer, folder: Path) -> None:
    alerts = ("--mail", "ada@example.org", "--webhook", "https://hooks.example.org/secret")
    yard(*CREATE, *alerts, environment=server.environment(), folder=folder)
    done = yard("schedule", "test-alerts", "collect", environment=server.environment(), folder=folder)
    assert done.stdout == (
        "A test is on its way to ada@example.org, hooks.example.org. `yard schedule show` tells what does not arrive.\n"
    )


def test_a_name_that_fits_none_or_several(server: YardServer, folder: Path) -> None:
    for _ in range(2):
        yard(*CREATE, environment=server.environment(), folder=folder)
    done = yard("schedule", "pause", "collect", environment=server.environment(), folder=folder)
    assert (done.returncode, done.stderr.splitlines()[0]) == (1, "✗ 2 schedules are called 'collect': s1, s2.")
    done = yard("schedule", "pause", "other", environment=server.environment(), folder=folder)
    assert (done.returncode, done.stderr.splitlines()[0]) == (1, "✗ There is no schedule 'other'.")
