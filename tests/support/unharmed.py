"""What must be true after anything was killed: no fire lost or doubled, no run lost, every output there."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx

from tests.support.product import ENDED, Product
from tests.support.waiting import until

CELLS = ("import time\nfor i in range(5):\n    time.sleep(0.2)\n    print(i)", "print('done', day)")
PARAMETERS = "from datetime import date\nday: date = date(2026, 1, 1)"
OUTPUTS = ("notebook.ipynb", "notebook.html")
RETRIES = 20


@dataclass
class Load:
    """Work of ada's on an installation: schedules that fire every minute, and runs asked for meanwhile.

    `rows` answers a query with its columns as text; `stored` lists outputs that are there: (run, attempt, name).
    """

    product: Product
    rows: Callable[[str], list[tuple[str, ...]]]
    stored: Callable[[], set[tuple[str, str, str]]]
    release: str = ""
    schedules: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def begin(self, notebook: Path, schedules: int) -> None:
        """One run that succeeds, and schedules of its release."""
        self.release = json.loads(self.product.yard("ada", "run", str(notebook), "--json", "--wait"))["release"]
        self.schedules = [self._schedule(number) for number in range(schedules)]

    def ask(self) -> None:
        """Ask for a run; nothing when the installation does not answer just now."""
        try:
            with self.product.client("ada") as client:
                answer = client.post("/runs", json={"release": self.release, "retries": RETRIES}, timeout=5)
        except httpx.HTTPError:
            return
        if answer.status_code == 201:
            self.asked.append(answer.json()["id"])

    def has_fired(self, times: int, seconds: float) -> None:
        """Wait until each schedule has fired this often."""

        def fewest() -> bool:
            query = "SELECT count(*) FROM fires WHERE schedule = '{}'"
            return min(int(self.rows(query.format(id))[0][0]) for id in self.schedules) >= times

        until(fewest, seconds, f"{times} fires of each schedule")

    def settle(self, seconds: float = 600) -> None:
        """Pause the schedules and wait until every run is over."""
        for id in self.schedules:
            until(lambda id=id: self._paused(id), 120, f"schedule {id} paused")
        query = f"SELECT count(*) FROM runs WHERE state NOT IN ({', '.join(repr(state) for state in sorted(ENDED))})"
        until(lambda: self.rows(query) == [("0",)], seconds, "all runs over")

    def compare(self) -> None:
        """Fires, runs and outputs against what was asked for."""
        # An installation that other tests use has runs of theirs.
        query = f"SELECT id, state, schedule, due, attempt FROM runs WHERE release = '{self.release}'"
        runs = {row[0]: row for row in self.rows(query)}
        assert {id for id in self.asked if id not in runs} == set(), "runs that were answered for are there"
        assert {row[1] for row in runs.values()} == {"succeeded"}, [r for r in runs.values() if r[1] != "succeeded"]
        for id in self.schedules:
            self._compare_fires(id, [row[3] for row in runs.values() if row[2] == id])
        twice = "SELECT run FROM attempts WHERE outcome = 'succeeded' GROUP BY run HAVING count(*) > 1"
        assert self.rows(twice) == []
        wanted = {(id, row[4], name) for id, row in runs.items() for name in OUTPUTS}
        assert wanted - self.stored() == set(), "outputs are missing"

    def _compare_fires(self, id: str, dues_of_runs: list[str]) -> None:
        fires = self.rows(f"SELECT due, state FROM fires WHERE schedule = '{id}' ORDER BY due")
        dues = [datetime.fromisoformat(row[0]) for row in fires]
        assert len(dues) >= 1
        gaps = {later - earlier for earlier, later in pairwise(dues)}
        assert gaps <= {timedelta(minutes=1)}, f"due times are missing: {dues}"
        assert {row[1] for row in fires} == {"fired"}
        assert sorted(dues_of_runs) == [row[0] for row in fires], "one run a due time"

    def _schedule(self, number: int) -> str:
        body = {
            "name": f"minute {number}",
            "release": self.release,
            "cron": "* * * * *",
            "timezone": "UTC",
            "parameters": {"day": "{{ due | date }}"},
            "overlap": "allow",
            "catch_up": "all",
            "retries": RETRIES,
        }
        with self.product.client("ada") as client:
            id: str = client.post("/schedules", json=body).raise_for_status().json()["id"]
            return id

    def _paused(self, id: str) -> bool:
        try:
            with self.product.client("ada") as client:
                return client.post(f"/schedules/{id}/pause", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False


def as_text(row: tuple[object, ...]) -> tuple[str, ...]:
    """A row's columns as text; nothing is empty."""
    return tuple("" if column is None else str(column) for column in row)
