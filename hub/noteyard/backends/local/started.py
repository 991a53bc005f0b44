"""What `noteyard up` started, kept in `run/started.json` so that other commands and parts know it."""

import fcntl
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from noteyard.backends.local.records import read_record
from noteyard.instance import Instance
from noteyard.settings import Settings
from noteyard.whole_files import write_whole

NAME = "started.json"


@dataclass(frozen=True)
class Started:
    """`began` is when the installation was started (UTC), `environment` the NOTEYARD_… variables that it got."""

    began: datetime
    url: str
    environment: dict[str, str]


def read(state: Path) -> Started | None:
    """What runs, or ran until it was killed; None after an orderly stop."""
    return read_record(state / "run" / NAME, _understood)


def write(instance: Instance, url: str, environment: Mapping[str, str]) -> None:
    content = {"began": datetime.now(UTC).isoformat(), "url": url, "environment": dict(environment)}
    write_whole(instance.run / NAME, json.dumps(content))


def forget(instance: Instance) -> None:
    (instance.run / NAME).unlink(missing_ok=True)


def chosen_environment(environment: Mapping[str, str], port: int | None) -> dict[str, str]:
    """The variables among `environment` that override settings, with a port given on the command line."""
    prefix = "NOTEYARD_"
    options = set(Settings.model_fields)
    chosen = {
        name: value
        for name, value in environment.items()
        if name.startswith(prefix) and name.removeprefix(prefix).lower().split("__")[0] in options
    }
    return {**chosen, **({"NOTEYARD_PORT": str(port)} if port is not None else {})}


def _understood(text: str) -> Started:
    content = json.loads(text)
    return Started(datetime.fromisoformat(content["began"]), content["url"], content["environment"])


@contextmanager
def alone(instance: Instance, say: Callable[[str], None]) -> Iterator[None]:
    """Only one `up` or `down` at a time changes an installation."""
    with (instance.run / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another `noteyard up` or `noteyard down` of this installation …")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
