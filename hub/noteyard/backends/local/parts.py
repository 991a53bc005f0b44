"""The parts of an installation on one machine: how each is started, and how one sees that it is well."""

import sys
from pathlib import Path

from noteyard.backends.local.edge import edge_command
from noteyard.backends.local.s3_server import S3Server
from noteyard.backends.local.supervisord_config import Part
from noteyard.edge import DEFAULT_ROUTE, marker
from noteyard.errors import NoteyardError
from noteyard.instance import Instance
from noteyard.settings import Settings

PYTHON = (sys.executable, "-P", "-m")
"""`-P`: the folder they run in is not searched for modules."""
GRACE_SECONDS = "3"


def local_parts(settings: Settings, instance: Instance) -> list[Part]:
    """All parts; writes what configuration files they need into the instance's `run` folder."""
    return [_s3(instance), _api(instance), _hub(instance), _controller(instance), _edge(settings, instance)]


def _api(instance: Instance) -> Part:
    port = str(instance.ports()["api"])
    application = ("noteyard.api.app:create", "--factory", "--host", "127.0.0.1", "--port", port)
    # Streams of events never end by themselves: what is still open after the grace is cut.
    options = ("--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", GRACE_SECONDS)
    return Part(
        "api",
        (*PYTHON, "uvicorn", *application, *options),
        healthy=f"{instance.internal_url('api')}/internal/v1/health",
        metrics=f"{instance.internal_url('api')}/internal/v1/metrics",
    )


def _hub(instance: Instance) -> Part:
    url = f"{instance.internal_url('hub')}/hub"
    return Part("hub", (*PYTHON, "noteyard.hub"), healthy=f"{url}/health", metrics=f"{url}/metrics")


def _controller(instance: Instance) -> Part:
    url = instance.internal_url("controller")
    return Part("controller", (*PYTHON, "noteyard.controller"), healthy=f"{url}/live", metrics=f"{url}/metrics")


def _s3(instance: Instance) -> Part:
    program = Path(sys.prefix) / "bin" / "rclone"
    if not program.exists():
        raise NoteyardError(
            f"The S3 server is not installed: {program} is missing.",
            "Run `make up`, or install noteyard again with all it depends on.",
        )
    ports = instance.ports()
    server = S3Server(
        port=ports["s3"],
        metrics_port=ports["s3-metrics"],
        folder=instance.s3,
        cache=instance.folder("cache", "s3"),
        internal_url=instance.internal_url("api"),
        secret_file=instance.secret_file("internal"),
    )
    metrics = f"{instance.internal_url('s3-metrics')}/metrics"
    return Part(
        "s3", server.argv(program), server.environment(), healthy=f"tcp://127.0.0.1:{server.port}", metrics=metrics
    )


def _edge(settings: Settings, instance: Instance) -> Part:
    # Well is an edge that leads to the hub: until it has its routes, the address that people get would answer nothing.
    hub = marker(DEFAULT_ROUTE, instance.internal_url("hub"))
    url = instance.internal_url("edge")
    return Part("edge", edge_command(settings, instance), healthy=f"{url}{hub}", metrics=f"{url}/metrics")
