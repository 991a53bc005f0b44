"""Links to outputs: they open one output for some minutes, and what opens it stays out of the logs."""

from pathlib import Path
from urllib.parse import urlsplit

from fastapi.testclient import TestClient
from noteyard.api.viewer.outputs import output_link
from noteyard.objects import output_key

from tests.support.app import api


async def test_a_link_opens_one_output_sandboxed(tmp_path: Path) -> None:
    with api(tmp_path) as app:
        await app.state.objects.put_async(output_key("r1", 1, "notebook.html"), b"<p>42</p>")
        link = output_link(app.state.urls, app.state.signing_key, "r1", 1, "notebook.html")
        parts = urlsplit(link)
        assert (parts.netloc, parts.path) == ("outputs.apps.localhost:8000", "/o/r1/1/notebook.html")
        client = TestClient(app, base_url=f"http://{parts.netloc}")
        answer = client.get(link)
        assert (answer.status_code, answer.text) == (200, "<p>42</p>")
        assert answer.headers["Content-Security-Policy"] == "sandbox allow-scripts"
        for wrong in (link.replace("/r1/", "/r2/"), link.replace("expires=1", "expires=2"), link[:-1], link + "é"):
            assert client.get(wrong).status_code == 404, wrong
