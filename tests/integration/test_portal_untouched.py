"""Forms that are sent as they were shown: every value is then what it was."""

import re
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from noteyard.parameters import validate

from tests.support.app import reader
from tests.support.filled_forms import filled_form
from tests.support.rows import add_some_release

IMPORTS = """import os
from datetime import date, datetime, timezone
from enum import Enum
from typing import Literal, Optional
class Region(Enum):
    NORTH = "north"
    SOUTH = 2
"""
DEFAULTS = [
    r'v: str = "SELECT *\nFROM t"',
    r'v: str = "\n a\r\nb\n"',
    r'v: str = " a "',
    'v: str = ""',
    'v: str = "null"',
    'v: str = "Hello {{ name }}"',
    'v: str | None = ""',
    "v: str | None = None",
    'v: str | None = "none"',
    'v: bool = bool(os.environ.get("HOME"))',
    'v: bool | None = bool(os.environ.get("HOME"))',
    'v: Region = Region[os.environ["REGION"]]',
    "v: bool = True",
    "v: bool = False",
    "v: bool | None = None",
    "v: bool | None = False",
    "v: int | None = 3",
    "v = 1e300",
    "v = 10 ** 30",
    "v: date = date(2026, 1, 31)",
    "v = datetime(2026, 1, 31, 8, 30)",
    "v = datetime(2026, 1, 31, 8, 30, 15, 123456)",
    "v = datetime(2026, 1, 31, 8, 30, tzinfo=timezone.utc)",
    'v = datetime.fromisoformat("2026-01-31T08:30:15+02:00")',
    'v = datetime.fromisoformat("2026-01-31T08:30:15.5+02:00")',
    "v: datetime | None = None",
    "v: Literal[2025, 2026] = 2026",
    r'v: Literal["", "a\nb", None] = ""',
    "v: Region | None = Region.SOUTH",
    "v: list[int] | None = []",
    "v: list[int] | None = None",
    "v: list[int] = []",
    r'v: list[str] = ["a\nb"]',
    'v: list[str] = ["", "a"]',
    'v: list[str] = ["[x]"]',
    'v: list[str] = ["[1]"]',
    """v: list[str] = ['["a"]']""",
    'v: list[str] | None = ["null"]',
    'v = ["1", 2]',
    "v = [[1, 2], [3, 4]]",
    "v = [[1, 2]]",
    'v = [[1, 2], ["a"]]',
    "v = [True, None]",
    "v: list[Region] = [Region.NORTH]",
    'v: dict = {"a": [1, "b"]}',
    "v: dict | None = {}",
    "v = None",
    'v: object = "1"',
]
POLICY = {"name": "Nightly", "cron": "0 6 * * *", "catch_up": "last", "overlap": "skip"}


@pytest.fixture
def ada(app: FastAPI) -> TestClient:
    return reader(app, "ada")


def release_of(app: FastAPI, *parameters: str) -> tuple[str, dict[str, Any]]:
    with app.state.database.write() as session:
        release = add_some_release(session, "ada", parameters=IMPORTS + "\n".join(parameters))
        return release.id, release.schema


def sent(client: TestClient, address: str, **changes: str) -> str:
    """Send the form at the address as a browser would, with changes; gives where it leads."""
    fields = dict(filled_form(client.get(address).text))
    answer = client.post(address.split("?")[0], data={**fields, **changes})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].split("?")[0]


def parameters_at(client: TestClient, page: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(page.replace("/portal/", "/api/v1/")).json()["parameters"]
    return found


def named(lines: list[str]) -> list[str]:
    return [re.sub(r"^v", f"v{index}", line) for index, line in enumerate(lines)]


def test_an_untouched_form_runs_with_the_defaults(app: FastAPI, ada: TestClient) -> None:
    release, schema = release_of(app, *named(DEFAULTS))
    page = sent(ada, f"/portal/runs/new?release={release}")
    assert parameters_at(ada, page) == validate(schema, {})


def test_an_untouched_schedule_keeps_the_defaults_also_those_with_braces(app: FastAPI, ada: TestClient) -> None:
    release, _ = release_of(app, *named(DEFAULTS))
    page = sent(ada, f"/portal/schedules/new?release={release}", **POLICY)
    assert parameters_at(ada, page) == {}


def test_what_a_run_had_comes_back_when_it_is_repeated(app: FastAPI, ada: TestClient) -> None:
    lines = [
        *("v0: str | None = None", 'v1: str | None = "a"', "v2: list[str]", "v3: bool = bool(os.getpid())"),
        *('v4: str = "a"', "v5: datetime", "v6: bool = False", "v7: object = 1", "v8 = date.today()"),
    ]
    release, schema = release_of(app, *lines)
    values = {
        "v0": "",
        "v1": None,
        "v2": ["", "[x"],
        "v3": True,
        "v4": "a\nb",
        "v5": "2026-01-31T08:30:00.000001+02:00",
        "v6": True,
        "v7": {"a": "\n"},
    }
    run = ada.post("/api/v1/runs", json={"release": release, "parameters": values}).json()["id"]
    page = sent(ada, f"/portal/runs/new?release={release}&like={run}")
    assert parameters_at(ada, page) == validate(schema, values)


def test_templates_of_a_schedule_come_back_from_its_form(app: FastAPI, ada: TestClient) -> None:
    lines = [
        "y: Literal[2025, 2026, 2027] = 2025",
        "b: bool = True",
        "d: date = date(2026, 1, 1)",
        "n: list[date] = []",
        "m: list[int] = []",
        "f: float = 1.5",
        "t: datetime = datetime(2026, 1, 1)",
        "o: dict = {}",
    ]
    release, _ = release_of(app, *lines)
    year = '{{ due | date("%Y") }}'
    values = {
        "y": '{{ due | date("2026") }}',
        "b": "{{ attempt }}",
        "d": "{{ due | date }}",
        "n": ["{{ due | date }}"],
        "m": f"[{year}, {year}]",
        "f": year,
        "t": "{{ due }}",
        "o": {"a": year},
    }
    plan = {"name": "Nightly", "release": release, "cron": "@daily", "timezone": "UTC", "parameters": values}
    made = ada.post("/api/v1/schedules", json=plan)
    assert made.status_code == 201, made.text
    page = f"/portal/schedules/{made.json()['id']}"
    sent(ada, f"{page}/edit", name="Weekly")
    assert parameters_at(ada, page) == values
    sent(ada, f"{page}/edit", **{"p.y": "2027", "p.b": "false"})
    assert parameters_at(ada, page) == {**values, "y": 2027, "b": False}


def test_a_dashboards_values_that_no_longer_fit_are_shown_and_not_replaced(app: FastAPI, ada: TestClient) -> None:
    release, _ = release_of(app, "town: str = 'Rome'", "days: int = 3", "on: int = 1", "left: int | None = 2")
    values = {"town": "Oslo", "days": 7, "on": 5, "left": None}
    body = {"release": release, "slug": "sales", "title": "Sales", "parameters": values}
    assert ada.post("/api/v1/dashboards", json=body).status_code == 201
    newer, _ = release_of(app, "town: Literal['Rome'] = 'Rome'", "days: str = '3'", "on: bool = True")
    address = f"/portal/dashboards/sales/publish?release={newer}"
    fields = dict(filled_form(ada.get(address).text))
    assert (fields["p.town"], fields["p.days"], fields["p.on"]) == ("Oslo", "7", "5")
    refused = ada.post(address.split("?")[0], data=fields)
    assert refused.status_code == 422
    assert "must be one of" in refused.text
    assert "must be true or false" in refused.text
    fixed = ada.post(address.split("?")[0], data={**fields, "p.town": "Rome", "p.on": "false"})
    assert fixed.status_code == 303, fixed.text


def test_a_yes_or_no_that_the_notebook_computes_can_be_chosen(app: FastAPI, ada: TestClient) -> None:
    release, _ = release_of(app, "v: bool = bool(os.getpid())")
    address = f"/portal/runs/new?release={release}"
    assert re.search(r'<option value="" selected>the notebook&#39;s own</option>', ada.get(address).text)
    assert parameters_at(ada, sent(ada, address)) == {}
    assert parameters_at(ada, sent(ada, address, **{"p.v": "false"})) == {"v": False}
