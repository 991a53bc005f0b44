"""Labs that start while the hub is away; what runs in a lab's process is run by a lab's Python."""

import subprocess

from tests.support.ports import free_port
from tests.support.product import LAB

WAITS = """
import asyncio, sys
from types import SimpleNamespace
from noteyard_lab.lab import hub_waiting

hub_waiting.FIRST_WAIT_SECONDS = 0.05
port, twice, said = int(sys.argv[1]), asyncio.Event(), []

def warning(text, *values):
    print(text % values)
    said.append(text)
    if len(said) == 2:
        twice.set()

async def serve(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
    writer.close()

async def main():
    hub = SimpleNamespace(api_url=f"http://127.0.0.1:{port}/hub/api")
    lab = SimpleNamespace(hub_auth=hub, hub_http_client_opts={}, log=SimpleNamespace(warning=warning))
    waiting = asyncio.create_task(hub_waiting.until_it_answers(lab))
    await twice.wait()
    print("waits" if not waiting.done() else "gave up")
    async with await asyncio.start_server(serve, "127.0.0.1", port):
        await waiting
    print("goes on")

asyncio.run(main())
"""
LOOKS = """
import asyncio
from jupyterhub.singleuser.extension import JupyterHubSingleUser
from noteyard_lab.lab import hub_waiting
async def look(lab): print("looked")
async def waited(lab): print("waited")
JupyterHubSingleUser.check_hub_version, hub_waiting.until_it_answers = look, waited
hub_waiting.wait_for_the_hub()
asyncio.run(JupyterHubSingleUser.check_hub_version(None))
"""


def said(script: str, *words: str) -> list[str]:
    command = [str(LAB / "python"), "-I", "-c", script, *words]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout.splitlines()


def test_a_lab_waits_until_the_hub_answers() -> None:
    port = free_port()
    first, *_, before, after = said(WAITS, str(port))
    assert first.startswith(f"The hub does not answer yet at http://127.0.0.1:{port}/hub/api: ")
    assert (before, after) == ("waits", "goes on")


def test_jupyterhubs_own_look_follows() -> None:
    assert said(LOOKS) == ["waited", "looked"]
