"""Kernels of a dashboard: how one is started, told who looks, and ended with everything it started."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from jupyter_client.asynchronous.client import AsyncKernelClient

from noteyard_lab.viewer import VIEWER_VARIABLE, Viewer
from noteyard_lab.worker.kernel import kernel_environment

SESSION_VARIABLE = "NOTEYARD_SESSION"
START_TIMEOUT = 120.0
MARKS = ("NOTEYARD_INSTANCE", "NOTEYARD_TASK")


class Kernel:
    """One kernel that is up: its id, its manager, and the client by which the launcher talks to it."""

    def __init__(self, id: str, manager: Any, client: AsyncKernelClient) -> None:
        self.id = id
        self.manager = manager
        self.client = client

    @property
    def pid(self) -> int | None:
        """The kernel's process id; None once it has ended."""
        provisioner = self.manager.provisioner
        return provisioner.pid if provisioner is not None and provisioner.process is not None else None

    @property
    def is_python(self) -> bool:
        return str(self.manager.kernel_spec.language).lower() == "python"

    async def is_alive(self) -> bool:
        return bool(await self.manager.is_alive())

    def queue(self, code: str) -> None:
        """Let the kernel execute code before whatever it is sent next, with no trace in the history or on a page."""
        self.client.execute(code, silent=True, store_history=False, allow_stdin=False, stop_on_error=False)

    def tell_viewer(self, viewer: Viewer) -> None:
        """Make `noteyard_lab.viewer()` in this kernel say who looks."""
        if self.is_python:
            told = json.dumps({"name": viewer.name, "groups": viewer.groups, "anonymous": viewer.anonymous})
            self.queue(f"__import__('os').environ[{VIEWER_VARIABLE!r}] = {told!r}")

    def preload(self, modules: Iterable[str]) -> None:
        """Let a Python kernel import modules ahead; one that is missing is the notebook's affair."""
        if self.is_python:
            for name in modules:
                self.queue(f"__import__('importlib').import_module({name!r})")


class KernelStarter:
    """Starts and ends kernels of one kind in one folder with one environment.

    `kernel_manager` is jupyter_server's mapping of kernels, which the websocket handler looks kernels up in.
    """

    def __init__(self, kernel_manager: Any, kernel_name: str, folder: Path, environment: Mapping[str, str]) -> None:
        self._kernels = kernel_manager
        self._name = kernel_name
        self._folder = folder
        self._environment = environment
        self.living: dict[str, Kernel | None] = {}
        """Kernels that run, by id; None for one that is starting."""

    def pids(self) -> set[int]:
        """The processes of the kernels that run."""
        return {kernel.pid for kernel in self.living.values() if kernel is not None and kernel.pid is not None}

    async def start(self) -> Kernel:
        """Start one kernel and wait until it answers. Raises RuntimeError when it does not."""
        id = self._kernels.new_kernel_id()
        self.living[id] = None
        try:
            await self._launch(id)
            manager = self._kernels.get_kernel(id)
            kernel = self.living[id] = Kernel(id, manager, manager.client())
            kernel.client.start_channels(stdin=False, hb=False)
            await kernel.client.wait_for_ready(timeout=START_TIMEOUT)
        except BaseException:
            await self._forget(id)
            raise
        kernel.client.allow_stdin = False
        return kernel

    async def end(self, kernel: Kernel) -> None:
        """End a kernel at once, with every process below it."""
        below = _below(kernel.pid)
        await self._forget(kernel.id)
        for process in below:
            kill(process)

    async def _launch(self, id: str) -> None:
        argv = self._kernels.kernel_spec_manager.get_kernel_spec(self._name).argv
        no_history = ["--HistoryManager.hist_file=:memory:"] if any("ipykernel" in word for word in argv) else []
        environment = {**self._environment, SESSION_VARIABLE: id}
        await self._kernels.start_kernel(
            kernel_id=id,
            kernel_name=self._name,
            cwd=str(self._folder),
            env=environment,
            extra_arguments=no_history,
        )

    async def _forget(self, id: str) -> None:
        kernel = self.living.pop(id, None)
        if kernel is not None:
            kernel.client.stop_channels()
        if id in self._kernels:
            await self._kernels.shutdown_kernel(id, now=True)


def environment_of_kernels(given: Mapping[str, str], private: Path) -> dict[str, str]:
    """As for runs, with the marks by which the platform finds what a task has left running."""
    marks = {name: os.environ[name] for name in MARKS if name in os.environ}
    return {**kernel_environment(os.environ, given, private), **marks}


def kill(process: psutil.Process) -> None:
    """SIGKILL, if it has not ended by itself."""
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def _below(pid: int | None) -> list[psutil.Process]:
    if pid is None:
        return []
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []
