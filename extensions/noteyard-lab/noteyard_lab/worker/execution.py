"""One attempt from claim to finish, in order."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import tempfile
import threading
import traceback
from pathlib import Path

from noteyard_lab.hub_client import EXIT_NOT_WANTED, Access, GaveUpError, HubClient, NotWantedError, RefusedError
from noteyard_lab.process import end_descendants
from noteyard_lab.release_files import ReleaseError, fetch_release
from noteyard_lab.typed_values import MisfitError
from noteyard_lab.worker.attempt import AttemptClient, Claim, Progress
from noteyard_lab.worker.ending import Ending, how_it_ended
from noteyard_lab.worker.failure import Failure
from noteyard_lab.worker.kernel import KernelMissingError
from noteyard_lab.worker.notebook_run import NotebookError, NotebookRun
from noteyard_lab.worker.outputs import OutputStore
from noteyard_lab.worker.reporting import Reporter
from noteyard_lab.worker.run_log import RunLog
from noteyard_lab.worker.stopping import Stopping

LAST_WORD = 3.0
EXIT_BY_SIGNAL = 128 + signal.SIGTERM
LONGEST_SOCKET_FOLDER = 80

log = logging.getLogger(__name__)


class Waiting:
    """The time before the notebook runs, pressed to end: whoever waits for the hub side gives up."""

    def __init__(self, client: HubClient) -> None:
        self._client = client

    def interrupt(self) -> None:
        self._client.gave_up.set()

    def kill(self) -> None:
        self.interrupt()


class Execution:
    """An attempt in this process, whose current folder is the attempt's own and empty."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._client = HubClient(access)
        self._attempt = AttemptClient(self._client, access.subject)
        self._stopping = Stopping(self._give_up, self._leave)
        self._claimed = False
        self._leaving = False
        self._run: NotebookRun | None = None

    def run(self) -> int:
        """Execute the attempt; the exit code of the process.

        0: the hub side knows how the run ended. 143: it does as well, and SIGTERM was why it ended; Kubernetes forgets
        what it evicted a pod for when that ends with 0. 3: the hub side wants nothing of us.
        """
        signal.signal(signal.SIGTERM, self._stopping.take_signal)
        signal.signal(signal.SIGINT, self._stopping.take_signal)
        waiting = HubClient(self._access)
        self._stopping.press(Waiting(waiting))
        self._stopping.start()
        try:
            claim = AttemptClient(waiting, self._access.subject).claim()
            self._claimed = True
            self._client.speak_as(waiting)
            self._client.use_request_id(claim.request_id)
            log.info("claimed as request %s", claim.request_id)
            self._execute(claim, waiting)
        except GaveUpError:
            pass  # told to stop before it began
        except NotWantedError as error:
            log.info("not wanted: %s", error)
            end_descendants()
            return EXIT_NOT_WANTED
        finally:
            waiting.close()
            self._client.close()
        return self._code()

    def _code(self) -> int:
        return EXIT_BY_SIGNAL if self._stopping.signalled else 0

    def _execute(self, claim: Claim, waiting: HubClient) -> None:
        if claim.timeout is not None:
            self._stopping.limit(claim.timeout)
        run_log = RunLog(claim.log_limit)
        reporter = Reporter(self._attempt, run_log, self._stopping)
        reporter.start()
        store = OutputStore(self._attempt, claim.assets_url, Path(claim.notebook).stem)
        private = _private_folder()
        run = self._run = NotebookRun(claim, run_log, reporter, self._stopping, private)
        try:
            failure = self._try(claim, waiting, run, store)
            if self._leaving:  # the kernel died of that, which is no failure to tell of
                self._stopping.join()
            ending = how_it_ended(claim, self._stopping.reason, run.state, failure)
            log.info("the run %s", ending.outcome)
            self._stopping.press(None)
            if run.notebook is not None:
                self._store(store, run.notebook, ending, run_log)
            run.end()
            reporter.close()
            self._attempt.finish(ending.outcome, ending.failure, ending.progress)
        finally:
            shutil.rmtree(private, ignore_errors=True)

    def _try(self, claim: Claim, waiting: HubClient, run: NotebookRun, store: OutputStore) -> Failure | None:
        """Fetch and execute; what kept the notebook from running, None when it ran or was stopped."""
        release = Path("release").resolve()
        release.mkdir()
        try:
            fetch_release(waiting, self._attempt.files_path, claim.files, release)
            run.start_kernel(release)
            self._stopping.press(run)
            run.execute(store, self._stopping.abandon)
        except (ReleaseError, KernelMissingError, NotebookError, MisfitError) as error:
            return Failure(None, type(error).__name__, str(error))
        except (GaveUpError, asyncio.CancelledError):
            return None
        except (NotWantedError, RefusedError):
            raise
        except Exception as error:  # whatever it is, the person whose run it was must learn of it
            log.exception("the notebook could not be run")
            message = f"The run could not be carried out: {error}"
            return Failure(None, type(error).__name__, message, traceback.format_exc())
        return None

    def _store(self, store: OutputStore, notebook: str, ending: Ending, run_log: RunLog) -> None:
        try:
            store.store(notebook, ending.marked_cell)
        except RefusedError as error:  # how the run ended is worth telling without its outputs
            log.error("the outputs are not kept: %s", error)
            run_log.add_lines(f"The output notebook could not be kept: {error}")

    def _give_up(self) -> None:
        """End at once, with one quick word to the hub side."""
        end_descendants(LAST_WORD)
        threading.Timer(LAST_WORD, os._exit, (self._code(),)).start()
        if self._claimed:
            known = None if self._run is None else self._run.state
            progress = Progress(None, 0, 0) if known is None else known.progress
            try:
                self._attempt.finish(self._stopping.reason or "stopped", None, progress)
            except (NotWantedError, RefusedError, GaveUpError) as error:
                log.info("left without a word: %s", error)
        os._exit(self._code())

    def _leave(self) -> None:
        """End at once and quietly: nobody wants to know."""
        log.info("not wanted any more")
        self._leaving = True
        end_descendants()
        os._exit(EXIT_NOT_WANTED)


def _private_folder() -> Path:
    """A folder for the kernel's sockets and settings; their paths must be short."""
    here = Path("private").resolve()
    if len(str(here)) <= LONGEST_SOCKET_FOLDER:
        here.mkdir(mode=0o700)
        return here
    return Path(tempfile.mkdtemp(prefix="noteyard-"))
