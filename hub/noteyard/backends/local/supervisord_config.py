"""supervisord's configuration as text: pure. Paths are relative to the folder it runs in, `run` of the state folder."""

import hashlib
import json
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

SOCKET = "supervisor.sock"
CONFIG = "supervisord.conf"
USER = "noteyard"
RESTARTER = "restarter"
LAUNCHER = Path(__file__).with_name("launch_part.py")


@dataclass(frozen=True)
class Part:
    """A process that is kept running.

    `healthy` is an address for health.answers; empty: healthy when its process is up. `metrics` is where Prometheus
    finds its numbers, on this machine only. It may take `stop_seconds` to
    end after SIGTERM. One that ends within `settle_seconds` of its start has failed to start.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    healthy: str = ""
    metrics: str = ""
    stop_seconds: int = 10
    settle_seconds: int = 5

    def specification(self) -> str:
        """What launch_part.py reads, and part_health.py."""
        addresses = {"healthy": self.healthy, "metrics": self.metrics}
        return json.dumps({"argv": self.argv, "environment": dict(self.environment), **addresses}, indent=1)


def build(parts: Iterable[Part], restarter: Part, secret: str, user: str | None) -> str:
    """The whole configuration. `secret` guards the socket; `user` is named when supervisord runs as root."""
    digest = hashlib.sha1(secret.encode()).hexdigest()  # the one digest that supervisor knows
    sections = [
        _section(
            "supervisord",
            nodaemon="true",
            silent="true",
            logfile="../logs/supervisor.log",
            logfile_maxbytes="5MB",
            logfile_backups="2",
            pidfile="supervisord.pid",
            childlogdir="../logs",
            identifier="noteyard",
            **({"user": user} if user else {}),
        ),
        # Socket paths end at 108 bytes; by way of its own folder, state folders may lie as deep as they like.
        _section(
            "unix_http_server",
            file=f"/proc/self/cwd/{SOCKET}",
            chmod="0600",
            username=USER,
            password=f"{{SHA}}{digest}",
        ),
        _section(
            "rpcinterface:supervisor",
            **{"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
        *(_program(part) for part in parts),
        _restarter(restarter),
    ]
    return "\n".join(sections)


def _program(part: Part) -> str:
    # No retries of supervisord's own: it would give up after them, and its delays know no limit. A part that failed
    # to start is FATAL at once, and the restarter starts it again when its backoff is over.
    return _section(
        f"program:{part.name}",
        command=_command(part),
        autostart="true",
        autorestart="true",
        startsecs=str(part.settle_seconds),
        startretries="0",
        stopwaitsecs=str(part.stop_seconds),
        stopasgroup="false",
        killasgroup="true",
        redirect_stderr="true",
        stdout_logfile=f"../logs/{part.name}.log",
        stdout_logfile_maxbytes="10MB",
        stdout_logfile_backups="5",
    )


def _restarter(part: Part) -> str:
    return _section(
        f"eventlistener:{part.name}",
        command=_command(part),
        events="PROCESS_STATE_FATAL,PROCESS_STATE_RUNNING",
        buffer_size="1000",
        autostart="true",
        autorestart="true",
        startsecs="0",
        startretries="1000000",
        stderr_logfile=f"../logs/{part.name}.log",
        stderr_logfile_maxbytes="5MB",
        stderr_logfile_backups="2",
    )


def _command(part: Part) -> str:
    words = [sys.executable, "-I", str(LAUNCHER), f"parts/{part.name}.json"]
    return " ".join(shlex.quote(word) for word in words).replace("%", "%%")


def _section(name: str, **values: str) -> str:
    return "\n".join([f"[{name}]", *(f"{key}={value}" for key, value in values.items()), ""])
