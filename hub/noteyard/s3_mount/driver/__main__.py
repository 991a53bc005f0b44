"""The driver of one node: python -m noteyard.s3_mount.driver, with the environment that Options describes."""

import logging
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

from noteyard.s3_mount.driver.fuse_mount import DEVICE
from noteyard.s3_mount.driver.handover import Handover
from noteyard.s3_mount.driver.health import serve_health
from noteyard.s3_mount.driver.node_service import NodeService
from noteyard.s3_mount.driver.options import options_from
from noteyard.s3_mount.driver.publishing import Publishing
from noteyard.s3_mount.driver.registration import Registration

log = logging.getLogger("noteyard.s3_mount.driver")
STOP_SECONDS = 5


def main() -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(message)s")
    os.umask(0o077)
    options = options_from()
    if not Path(DEVICE).exists():
        raise SystemExit(f"This node has no {DEVICE}: load the kernel's module `fuse` on it.")
    handover = Handover()
    publishing = Publishing(options, handover)
    registered = Registration(options)
    # Before the kubelet can ask for anything, so that no volume is taken up twice at once.
    publishing.resume()
    handover.start()
    node = _serve(NodeService(options, publishing).handlers(), options.socket)
    registry = _serve([registered.handler()], options.registration)
    serve_health(
        options.health_port,
        live=lambda: None if handover.is_alive else "the handover has stopped",
        ready=lambda: registered.problem,
    )
    _until_told_to_stop()
    # The mounts stay, and so does what pods read and write.
    options.registration.unlink(missing_ok=True)
    for server in (registry, node):
        server.stop(STOP_SECONDS).wait()


def _serve(handlers: list[grpc.GenericRpcHandler], path: Path) -> grpc.Server:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    server = grpc.server(ThreadPoolExecutor(8), handlers=handlers)
    server.add_insecure_port(f"unix://{path}")
    server.start()
    return server


def _until_told_to_stop() -> None:
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    told.wait()


main()
