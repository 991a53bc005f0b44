"""Hub, edge and API as real processes over a fresh state folder, for tests that need a login or a lab."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml
from noteyard.backends.local import parts as local
from noteyard.backends.local.health import answers
from noteyard.backends.local.lab_environment import MARK
from noteyard.backends.local.ports import choose_ports
from noteyard.backends.local.processes import environment, kill_all, processes, with_descendants
from noteyard.instance import Instance
from noteyard.settings import Settings
from noteyard.settings_file import load
from noteyard.store import Database
from noteyard.store.migrate import migrate
from noteyard.store.people import create_person, set_groups, set_password
from noteyard.urls import PublicUrls

from tests.support.ports import free_port
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery"


@dataclass
class Installation:
    """A running installation; `processes` by part's name: hub, edge, api."""

    settings: Settings
    instance: Instance
    database: Database
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    clients: list[httpx.Client] = field(default_factory=list)

    @property
    def urls(self) -> PublicUrls:
        return PublicUrls.of(self.settings)

    def start(self, *names: str) -> None:
        """Start parts and wait until they are well."""
        healthy = {}
        for part in local.local_parts(self.settings, self.instance):
            if part.name not in names:
                continue
            argv = list(part.argv)
            if part.name == "api":
                argv[argv.index("noteyard.api.app:create")] = "tests.support.small_api:create"
            self.processes[part.name] = self._launch(argv, part.name)
            healthy[part.name] = part.healthy
        for name, address in healthy.items():
            until(lambda address=address: answers(address), 60, f"{name} ({self.log(name)[-2000:]})")

    def _launch(self, argv: list[str], name: str) -> subprocess.Popen[bytes]:
        state = str(self.instance.state)
        variables = {"PYTHONPATH": str(ROOT), "NOTEYARD_STATE": state, "NOTEYARD_INSTANCE": state}
        with (self.instance.logs / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                argv,
                cwd=self.instance.run,
                env={**os.environ, **variables},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_for_hub(self) -> None:
        """Wait until the hub answers through the edge."""
        client = self.client()
        until(lambda: client.get("/hub/health").status_code == 200, 60, "the hub behind the edge")

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def log(self, name: str) -> str:
        path = self.instance.logs / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def person(self, name: str, *, admin: bool = False, groups: tuple[str, ...] = ()) -> str:
        """A person who logs in with PASSWORD and need not change it."""
        with self.database.write() as session:
            create_person(session, name, PASSWORD, admin=admin)
            set_password(session, name, PASSWORD)
            set_groups(session, name, groups)
        return name

    def client(self, host: str | None = None) -> httpx.Client:
        """A browser without scripts, at the hub's host or another; both resolve to the edge."""
        base = f"{'https' if self.urls.secure else 'http'}://127.0.0.1:{self.settings.port}"
        name = host or self.urls.hub_host
        headers = {"Host": f"{name}:{self.settings.port}"}
        return self._kept(httpx.Client(base_url=base, headers=headers, timeout=30, verify=not self.urls.secure))

    def logged_in(self, name: str, password: str = PASSWORD) -> httpx.Client:
        """A client of the hub that is logged in."""
        client = self.client()
        answer = log_in(client, name, password)
        assert answer.status_code == 302, answer.text
        return client

    def hub_api(self) -> httpx.Client:
        """The hub's API with our service's token."""
        token = self.instance.secret("hub-api")
        url = f"{self.instance.internal_url('hub')}/hub/api"
        return self._kept(httpx.Client(base_url=url, headers={"Authorization": f"token {token}"}, timeout=60))

    def _kept(self, client: httpx.Client) -> httpx.Client:
        self.clients.append(client)
        return client

    def labs(self) -> list[Any]:
        """Processes of labs that run."""
        alive = processes()
        marked = [p for p in alive.values() if self._is_ours(environment(p)) and MARK in environment(p)]
        return with_descendants(marked, alive)

    def lab_servers(self, person: str) -> list[int]:
        """Pids of a person's lab's server; more than one would be one too many."""
        found = [p for p in self.labs() if "noteyard_lab.lab" in p.argv and environment(p).get(MARK) == person]
        return [process.id.pid for process in found]

    def _is_ours(self, variables: dict[str, str]) -> bool:
        return variables.get("NOTEYARD_INSTANCE") == str(self.instance.state)

    def end(self) -> None:
        for client in self.clients:
            client.close()
        for name in ("hub", "edge", "api"):
            if name in self.processes:
                self.kill(name)

        def left() -> list[Any]:
            return [p for p in processes().values() if self._is_ours(environment(p))]

        assert kill_all(left, 10)
        self.database.close()


@contextmanager
def installation(folder: Path, **settings: Any) -> Iterator[Installation]:
    """An installation with hub, edge and API up, and nobody in it; `settings` are those of noteyard.yaml."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "noteyard.yaml").write_text(yaml.safe_dump({"port": free_port(), **settings}))
    loaded = load(folder)
    instance = Instance.of(loaded)
    instance.make_secrets()
    choose_ports(instance)
    database = Database(loaded.database_url or instance.database_url)
    migrate(database, instance.run)
    running = Installation(loaded, instance, database)
    try:
        running.start("api", "edge", "hub")
        running.wait_for_hub()
        yield running
    except BaseException:
        for name in ("hub", "api", "edge"):
            sys.stderr.write(f"--- {name}\n{running.log(name)[-4000:]}\n")
        raise
    finally:
        running.end()


def log_in(client: httpx.Client, name: str, password: str, next: str = "") -> httpx.Response:
    """Send the hub's login form; 302 when it is right."""
    page = client.get("/hub/login", params={"next": next} if next else {})
    assert page.status_code == 200, page.text
    _keep_session(client, page)
    form = {"username": name, "password": password, "_xsrf": client.cookies["_xsrf"]}
    answer = client.post("/hub/login", params={"next": next} if next else {}, data=form)
    _keep_session(client, answer)
    return answer


def _keep_session(client: httpx.Client, answer: httpx.Response) -> None:
    # JupyterHub sets this cookie for the hub's domain, which our client does not know as its own.
    for header in answer.headers.get_list("set-cookie"):
        name, _, value = header.partition(";")[0].partition("=")
        if name == "jupyterhub-session-id":
            client.cookies.set(name, value)


def token_of(client: httpx.Client, name: str, *scopes: str) -> httpx.Response:
    """Ask for an API token as the token page does."""
    headers = {"X-XSRFToken": client.cookies["_xsrf"], "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
    body = {"note": "test", "expires_in": 600, "scopes": list(scopes)}
    return client.post(f"/hub/api/users/{name}/tokens", json=body, headers=headers)
