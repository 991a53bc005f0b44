"""A person of the installation on a cluster, as a program: starts labs, reads pages, sees what the hub tells."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx

from tests.kubernetes.cluster import Cluster
from tests.support.installation import log_in, token_of
from tests.support.lab_client import LabClient
from tests.support.waiting import until

STARTED_WITHIN = 240
"""Seconds that a lab may take on a machine that is shared by many."""


@dataclass
class LabPerson:
    """Somebody who has an account."""

    cluster: Cluster
    name: str

    @cached_property
    def web(self) -> httpx.Client:
        """Logged in at the hub."""
        client = self._client("localhost")
        answer = log_in(client, self.name, "correct horse battery")
        assert answer.status_code == 302, answer.text
        return client

    def begin(self, **options: Any) -> None:
        """Ask for a lab, as the form or the failed page's button does."""
        page = self.web.get("/hub/spawn")
        assert page.status_code in (200, 302), page.text
        fields = {name: str(value) for name, value in options.items()}
        answer = self.web.post("/hub/spawn", params={"_xsrf": self.web.cookies["_xsrf"]}, data=fields)
        assert answer.status_code == 302, answer.text

    def lab(self, **options: Any) -> LabClient:
        """A lab that is ready, started when it is off."""
        if not self.ready():
            self.begin(**options)
            self.until_ready()
        token = token_of(self.web, self.name, f"access:servers!user={self.name}").json()["token"]
        http = self._client(f"{self.name}.localhost")
        http.headers["Authorization"] = f"token {token}"
        return LabClient(http, self.name, token, self.cluster.port)

    def until_ready(self) -> None:
        def there() -> bool:
            page = self.pending_page()
            assert page.status_code != 500, page.text
            return self.ready()

        until(there, STARTED_WITHIN, f"the lab of {self.name}")

    def failure(self, **options: Any) -> str:
        """Start a lab that fails; the page that the person then sees."""
        self.begin(**options)
        page = until(lambda: (page := self.pending_page()).status_code == 500 and page, STARTED_WITHIN, "the failure")
        assert page and "Your lab did not start" in page.text
        return page.text

    def pending_page(self) -> httpx.Response:
        return self.web.get(f"/hub/spawn-pending/{self.name}")

    def server(self) -> dict[str, Any] | None:
        """The hub's model of the lab; None when it is off."""
        answer = self.web.get(f"/hub/api/users/{self.name}", headers=self._api_headers())
        servers = answer.raise_for_status().json().get("servers") or {}
        found: dict[str, Any] | None = servers.get("")
        return found

    def ready(self) -> bool:
        return bool((self.server() or {}).get("ready"))

    def stop(self) -> None:
        """Stop the lab and wait until it is off."""
        answer = self.web.delete(f"/hub/api/users/{self.name}/server", headers=self._api_headers())
        assert answer.status_code in (202, 204, 404), answer.text
        until(lambda: self.server() is None, 90, f"the end of the lab of {self.name}")

    def pod(self) -> dict[str, Any] | None:
        """The lab's pod."""
        found = [pod for pod in self.cluster.pods(component="lab") if pod["metadata"]["name"] == f"lab-{self.name}"]
        return found[0] if found else None

    def progress(self) -> list[dict[str, Any]]:
        """What the waiting page is told, until the start is over."""
        path = f"/hub/api/users/{self.name}/server/progress"
        events = []
        with self.web.stream("GET", path, headers=self._api_headers(), timeout=STARTED_WITHIN) as answer:
            for line in answer.iter_lines():
                if line.startswith("data:"):
                    events.append(json.loads(line.removeprefix("data:")))
        return events

    def _api_headers(self) -> dict[str, str]:
        return {"X-XSRFToken": self.web.cookies["_xsrf"], "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}

    def _client(self, host: str) -> httpx.Client:
        port = self.cluster.port
        headers = {"Host": f"{host}:{port}"}
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60)
        self.cluster.clients.append(client)
        return client


def person(cluster: Cluster, name: str, *groups: str) -> LabPerson:
    """Somebody new, or who is there already, with no lab."""
    if name not in cluster.sql("select name from people").split():
        cluster.add(name, *groups)
    found = LabPerson(cluster, name)
    if found.server() is not None:
        found.stop()
    return found
