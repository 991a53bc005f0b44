"""The kernel of a run: which one, in what surroundings, and how it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from noteyard_lab.worker.failure import Failure

if TYPE_CHECKING:
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

VALIDATOR = "NBFORMAT_VALIDATOR"
# What the worker's surroundings may hold that is not for people's code: settings and secrets of our own parts.
PRIVATE_BEGINNINGS = ("NOTEYARD_", "JUPYTERHUB_", "JPY_", "AWS_", "KUBERNETES_SERVICE_", VALIDATOR)
# By these a run's processes are found again, however they detached.
MARKS = ("NOTEYARD_INSTANCE", "NOTEYARD_TASK")
PRIVATE_WORDS = ("TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "API_KEY")
KEPT_LAST_WORDS = 16_384


class KernelMissingError(Exception):
    """The profile lacks the kernel; the text is for people."""


def kernel_environment(base: Mapping[str, str], given: Mapping[str, str], private: Path) -> dict[str, str]:
    """The kernel's environment: the worker's own without what looks secret, and what the claim gave.

    Packages and settings of the person's own folder are left out: a run sees its profile only.
    """
    clean = {
        name: value
        for name, value in base.items()
        if name in MARKS
        or (not name.startswith(PRIVATE_BEGINNINGS) and not any(word in name.upper() for word in PRIVATE_WORDS))
    }
    programs = str(Path(sys.executable).parent)
    path = clean.get("PATH", os.defpath)
    return {
        **clean,
        "PATH": path if path.split(os.pathsep)[0] == programs else os.pathsep.join((programs, path)),
        "PYTHONNOUSERSITE": "1",
        "IPYTHONDIR": str(private / "ipython"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        **given,
    }


def choose_kernel(wanted: str | None, notebook: Mapping[str, Any]) -> tuple[str, KernelSpec]:
    """The kernel's name and spec: the wanted one, or the notebook's, or for Python the environment's own.

    Raises KernelMissingError when the environment has no such kernel.
    """
    from jupyter_client.kernelspec import NoSuchKernel

    metadata = notebook.get("metadata", {})
    spec = metadata.get("kernelspec", {})
    language = spec.get("language") or metadata.get("language_info", {}).get("name") or "python"
    name = wanted or spec.get("name") or "python3"
    specs = kernel_specs()
    for candidate in (name, "python3") if language == "python" else (name,):
        try:
            return candidate, specs.get_kernel_spec(candidate)
        except NoSuchKernel:
            continue
    known = ", ".join(sorted(specs.find_kernel_specs())) or "none"
    raise KernelMissingError(f"The notebook wants the kernel {name!r}, which is not in this profile. It has: {known}.")


def kernel_specs() -> KernelSpecManager:
    """The kernels of this environment and of the system; a person's own are not part of the profile."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_core.paths import ENV_JUPYTER_PATH, SYSTEM_JUPYTER_PATH

    return KernelSpecManager(
        kernel_dirs=[str(Path(path) / "kernels") for path in (*ENV_JUPYTER_PATH, *SYSTEM_JUPYTER_PATH)]
    )


class Kernel:
    """One kernel process and what is known about its end."""

    def __init__(self, manager: AsyncKernelManager) -> None:
        self.manager = manager
        self._process: subprocess.Popen[bytes] | None = None
        self._last_words = b""
        self._listener: threading.Thread | None = None

    @classmethod
    async def start(cls, name: str, folder: Path, environment: Mapping[str, str], private: Path) -> Kernel:
        """Start the kernel `name` in `folder`; it is not ready when this returns."""
        import zmq
        from jupyter_client.manager import AsyncKernelManager

        manager = AsyncKernelManager(
            kernel_name=name,
            kernel_spec_manager=kernel_specs(),
            transport="ipc",  # ports can be taken by somebody else between choosing and using them
            ip=str(private / "kernel"),
            connection_file=str(private / "kernel.json"),
        )
        manager.context.setsockopt(zmq.RCVHWM, 0)  # 0: no limit; see run_kernel for the other end
        if manager.kernel_spec is not None:
            manager.kernel_spec.argv = _launcher_for_runs(manager.kernel_spec.argv)
        kernel = cls(manager)
        ours, theirs = os.pipe()
        try:
            extra = ["--HistoryManager.hist_file=:memory:"] if manager.ipykernel else []
            await manager.start_kernel(
                cwd=str(folder), env=dict(environment), extra_arguments=extra, stdout=theirs, stderr=theirs
            )
        finally:
            os.close(theirs)
        kernel._process = getattr(manager.provisioner, "process", None)
        kernel._listener = threading.Thread(target=kernel._listen, args=(ours,), name="last-words", daemon=True)
        kernel._listener.start()
        return kernel

    def kill(self) -> None:
        """End the kernel and its process group at once."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self, patience: float) -> None:
        """Wait for the process to end, `patience` seconds at most."""
        if self._process is not None:
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                self.kill()

    def death(self, cell: int | None) -> Failure:
        """Why the kernel is gone, in words."""
        code = None if self._process is None else self._process.poll()
        if self._listener is not None and code is not None:
            self._listener.join(0.5)  # what it wrote last may still be in the pipe
        words = self._last_words.decode("utf-8", "replace").strip()
        return Failure(cell, "KernelDied", _cause(code), words, _advice(code))

    def _listen(self, pipe: int) -> None:
        """Keep the last of what the kernel writes outside its cells; reading on keeps it from blocking."""
        while piece := os.read(pipe, 65_536):
            self._last_words = (self._last_words + piece)[-KEPT_LAST_WORDS:]
        os.close(pipe)


def _launcher_for_runs(argv: list[str]) -> list[str]:
    """The kernel's command, with our launcher when it is ipykernel in this environment."""
    if argv[:3] in ([python, "-m", "ipykernel_launcher"] for python in ("python", "python3", sys.executable)):
        return [sys.executable, "-m", "noteyard_lab.run_kernel", *argv[3:]]
    return argv


def _cause(code: int | None) -> str:
    if code == -signal.SIGKILL:
        return "The kernel was killed, most often because it ran out of memory."
    if code is not None and code < 0:
        return f"The kernel crashed: {signal.strsignal(-code)} (signal {-code})."
    if code is not None:
        return f"The kernel ended by itself with exit code {code}."
    return "The kernel does not answer."


def _advice(code: int | None) -> str | None:
    if code == -signal.SIGKILL:
        return "Work on less data at once, or use a profile with more memory."
    if code in (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGILL):
        return "A compiled library failed, not the notebook's Python: see which one the cell calls, and its version."
    return None
