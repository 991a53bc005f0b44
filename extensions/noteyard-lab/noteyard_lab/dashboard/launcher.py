"""The whole way of a dashboard's process: claim, fetch, render, serve, and end.

Exit codes: 0 when it was asked to stop, 1 when the dashboard can't be shown (the hub side knows why), 3 when the hub
side no longer wants it.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
import tempfile
from pathlib import Path

from noteyard_lab.dashboard.claim import Claim
from noteyard_lab.dashboard.log_tail import LogTail
from noteyard_lab.dashboard.published_notebook import UnusableNotebookError
from noteyard_lab.dashboard.service import BrokenDashboardError, Service
from noteyard_lab.dashboard.status import StatusReports
from noteyard_lab.dashboard.tasks import first_over
from noteyard_lab.hub_client import EXIT_NOT_WANTED, Access, GaveUpError, HubClient, NotWantedError, RefusedError
from noteyard_lab.process import end_descendants
from noteyard_lab.release_files import ReleaseError, fetch_release
from noteyard_lab.worker.failure import Failure
from noteyard_lab.worker.kernel import KernelMissingError

logger = logging.getLogger(__name__)

LONGEST_TEMPORARY = 40
EXIT_STOPPED = 0
EXIT_BROKEN = 1
LOG_LINE = "%(asctime)s %(levelname)s [{request}] %(name)s: %(message)s"


async def launch(access: Access) -> int:
    """Serve the workload until it ends; returns the exit code."""
    client = HubClient(access)
    log = LogTail()
    logging.getLogger().addHandler(log)
    reports = StatusReports(client, access.subject, log)
    try:
        return await first_over(_serve(client, access.subject, reports, log), _stopped(client, reports.stop))
    except NotWantedError as ended:
        logger.info("ending: %s", ended)
        return EXIT_NOT_WANTED
    except GaveUpError:
        return EXIT_STOPPED
    finally:
        client.gave_up.set()
        client.close()
        end_descendants()


async def _stopped(client: HubClient, stop: asyncio.Event) -> int:
    """Until SIGTERM, or until the hub side asks for an end."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    client.gave_up.set()
    return EXIT_STOPPED


async def _serve(client: HubClient, workload: str, reports: StatusReports, log: LogTail) -> int:
    claim = Claim.parse(await asyncio.to_thread(client.claim, f"/workloads/{workload}/claim"))
    client.use_request_id(claim.request_id)
    log_lines_with(claim.request_id)
    runtime = _runtime_folder()
    try:
        return await first_over(_fetch_and_run(client, workload, claim, runtime, reports, log), reports.keep_posting())
    except (BrokenDashboardError, UnusableNotebookError, KernelMissingError, ReleaseError, RefusedError) as broken:
        failure = broken.failure if isinstance(broken, BrokenDashboardError) else _failure(broken)
        logger.error("the dashboard can't be shown: %s", failure.message)
        await reports.post_failure(failure)
        return EXIT_BROKEN
    finally:
        shutil.rmtree(runtime)


async def _fetch_and_run(
    client: HubClient, workload: str, claim: Claim, runtime: Path, reports: StatusReports, log: LogTail
) -> int:
    folder = Path.cwd() / "release"
    await asyncio.to_thread(fetch_release, client, f"/workloads/{workload}/files", claim.files, folder)
    return await Service(claim, folder, runtime, log).run(client, workload, reports)


def _runtime_folder() -> Path:
    """A private folder for kernels' sockets, whose addresses the system cuts off at 107 characters."""
    usual = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="noteyard-", dir=usual if len(usual) <= LONGEST_TEMPORARY else "/tmp"))


def _failure(error: Exception) -> Failure:
    return Failure(None, type(error).__name__.removesuffix("Error"), str(error))


def log_lines_with(request: str) -> None:
    """Log to standard error, each line with the id of the request that made the hub side start this process."""
    formatter = logging.Formatter(LOG_LINE.format(request=request))
    for handler in logging.getLogger().handlers:
        handler.setFormatter(formatter)
