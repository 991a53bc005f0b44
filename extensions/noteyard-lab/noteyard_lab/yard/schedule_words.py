"""How `yard` tells of a schedule: its rule, its state, and whom its alerts do not reach."""

from __future__ import annotations

from noteyard_lab.yard.api import Json
from noteyard_lab.yard.screen import Screen
from noteyard_lab.yard.times import local


def tell_rule(schedule: Json, screen: Screen) -> None:
    """What the rule says, and the next due times."""
    screen.line(f"{schedule['description']} ({schedule['cron']}):")
    for due in schedule["upcoming"]:
        screen.line(f"  {local(due)}")


def undelivered(schedule: Json) -> list[str]:
    """Whom alerts do not reach, each with what failed and what comes of it; a Noteyard of before does not say."""
    lines = []
    for item in schedule.get("undelivered", []):
        tried = f"{item['tries']} {'try' if item['tries'] == 1 else 'tries'}, the last {local(item['failed'])}"
        if not item["tries"]:
            tried = f"waiting for the server since {local(item['failed'])}"
        then = f"tried again {local(item['next_try'])}" if item["next_try"] else "given up"
        why = item["error"].rstrip(".")
        lines.append(f"{item['target']} ({item['channel']}): {why}. {tried[0].upper()}{tried[1:]}; {then}.")
    return lines


def state_of(schedule: Json) -> str:
    """One word: paused, failing or on."""
    if schedule["paused"]:
        return "paused"
    return "failing" if schedule["failing"] else "on"
