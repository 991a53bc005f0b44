"""supervisord's configuration: as it reads it itself, and what it must say."""

from pathlib import Path

import pytest
from noteyard.backends.local.supervisord_config import Part, build
from supervisor.options import ServerOptions

API = Part("api", ("/usr/bin/python", "-m", "api"), {"NAME": 'a "quoted" 100% value'}, stop_seconds=7)
RESTARTER = Part("restarter", ("/usr/bin/python", "-m", "restarter"))


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServerOptions:
    """The configuration as supervisord understands it."""
    for folder in ("run", "logs"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "run")
    Path("supervisord.conf").write_text(build([API], RESTARTER, "the-secret", None))
    options = ServerOptions()
    options.realize(["-c", "supervisord.conf"])
    return options


def test_parts_are_restarted_by_the_restarter_alone(read: ServerOptions) -> None:
    (group,) = [group for group in read.process_group_configs if group.name == "api"]
    (program,) = group.process_configs
    assert program.startretries == 0 and program.autorestart
    assert program.stopwaitsecs == 7 and program.killasgroup and program.redirect_stderr
    assert program.stdout_logfile_maxbytes > 0 and program.stdout_logfile_backups > 0
    assert program.command.endswith("launch_part.py parts/api.json")


def test_no_secret_stands_in_it() -> None:
    text = build([API], RESTARTER, "the-secret", "root")
    assert "the-secret" not in text and "{SHA}" in text
    assert "quoted" not in text, "environments go into the specifications"
    assert "user=root" in text


def test_the_listener_hears_of_failures(read: ServerOptions) -> None:
    (group,) = [group for group in read.process_group_configs if group.name == "restarter"]
    assert {event.__name__ for event in group.pool_events} == {"ProcessStateFatalEvent", "ProcessStateRunningEvent"}
