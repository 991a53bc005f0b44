"""The launcher of runs' kernels: a run's result does not wait for a kernel that hangs at its end."""

import subprocess

from tests.support.product import LAB

# Each shutdown of ipykernel's own launcher hangs with a chance of about one in six; prints how many are left.
SHUT_DOWN = """
import asyncio, subprocess, sys, tempfile
from pathlib import Path
from jupyter_client.manager import AsyncKernelManager

async def started(folder):
    manager = AsyncKernelManager(
        kernel_name="python3", transport="ipc", ip=f"{folder}/kernel", connection_file=f"{folder}/kernel.json"
    )
    words = manager.kernel_spec.argv[3:]
    manager.kernel_spec.argv = [sys.executable, "-m", "noteyard_lab.run_kernel", *words]
    memory = ["--HistoryManager.hist_file=:memory:"]
    await manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, extra_arguments=memory)
    client = manager.client()
    client.start_channels()
    await client.wait_for_ready(timeout=60)
    await client.execute_interactive("sum(range(5))", output_hook=lambda message: None)
    return manager, client

async def main():
    left = 0
    for _ in range(12):
        with tempfile.TemporaryDirectory() as folder:
            manager, client = await started(folder)
            process = manager.provisioner.process
            await manager.request_shutdown()
            try:
                await asyncio.to_thread(process.wait, 4)
            except subprocess.TimeoutExpired:
                left += 1
                process.kill()
            client.stop_channels()
    print(left)

asyncio.run(main())
"""


def test_kernels_end_when_they_are_told_to() -> None:
    done = subprocess.run([LAB / "python", "-c", SHUT_DOWN], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
