"""Real host names over TLS, with everything on: cookies, lab, dashboard, websockets, `yard`, runs and S3.

Names lead to this machine without touching it: Chromium maps them, Python's processes get a `sitecustomize`. The
certificates are checked by the authority's file alone, as in a company with an authority of its own.
"""

import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
import yaml
from noteyard.instance import Instance
from noteyard.s3_environment import s3_environment
from noteyard.store import Database
from noteyard.store.s3_keys import key_for_person
from playwright.sync_api import BrowserContext, expect

from tests.support.ports import free_port
from tests.support.product import LAB, PASSWORD, YARD, Product, chromium, log_in
from tests.support.waiting import until

HUB, APPS, S3 = "noteyard.test", "apps.noteyard-apps.test", "s3.noteyard.test"
RESOLVE = """
import socket
_real = socket.getaddrinfo
def _nearby(host, *rest, **more):
    return _real("127.0.0.1" if str(host).endswith(".test") else host, *rest, **more)
socket.getaddrinfo = _nearby
"""
OVER_S3 = """
import io, os, boto3
s3 = boto3.client("s3", verify=os.environ["AUTHORITY"])
big = os.urandom(20 << 20)
s3.put_object(Bucket="team", Key="tls/small.txt", Body=b"over TLS")
s3.upload_fileobj(io.BytesIO(big), "team", "tls/big.bin")
taken = io.BytesIO()
s3.download_fileobj("team", "tls/big.bin", taken)
assert taken.getvalue() == big
url = s3.generate_presigned_url("get_object", {"Bucket": "team", "Key": "tls/small.txt"})
assert url.startswith("https://s3.noteyard.test:"), url
print([found["Key"] for found in s3.list_objects_v2(Bucket="team", Prefix="tls/")["Contents"]])
"""
IN_A_RUN = """import os, boto3
boto3.client("s3").put_object(Bucket="team", Key="tls/run.txt", Body=b"by a run")
print(os.environ["AWS_ENDPOINT_URL"])"""
COUNTER = """import ipywidgets as w
button, said = w.Button(description="Ask"), w.Label("not asked")
button.on_click(lambda _: setattr(said, "value", "answered"))
w.VBox([button, said])"""


class ToThisMachine(httpx.HTTPTransport):
    """Connects to loopback whatever the name; Host, SNI and the certificate's check are of the name."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions = {**request.extensions, "sni_hostname": request.url.host}
        request.url = request.url.copy_with(host="127.0.0.1")
        return super().handle_request(request)


@dataclass
class Public(Product):
    """A product with public names; `authority` is the certificate file of who signed for them."""

    authority: Path = Path()

    @property
    def url(self) -> str:
        return f"https://{HUB}:{self.port}"

    @property
    def s3(self) -> str:
        return f"https://{S3}:{self.port + 1}"

    def client(self, name: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token(name)}"}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=60, transport=self.transport())

    def transport(self) -> httpx.HTTPTransport:
        return ToThisMachine(verify=ssl.create_default_context(cafile=str(self.authority)))

    def yard(self, name: str, *words: str, code: int = 0) -> str:
        own = {"NOTEYARD_URL": self.url, "NOTEYARD_TOKEN": self.token(name), "SSL_CERT_FILE": str(self.authority)}
        return self.in_lab([str(YARD), *words], own, code)

    def in_lab(self, words: list[str], variables: dict[str, str], code: int = 0) -> str:
        """What a command in the lab's environment prints; names lead to this machine."""
        given = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(self.authority.parent / "resolve"), **variables}
        done = subprocess.run(
            words, env=given, cwd=self.state, capture_output=True, text=True, timeout=180, check=False
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Public]:
    folder = tmp_path_factory.mktemp("tls")
    state = folder / "state"
    for made in (state, folder / "resolve"):
        made.mkdir()
    (folder / "resolve" / "sitecustomize.py").write_text(RESOLVE)
    port = free_port()
    product = Public(state, port, authority=folder / "authority.pem")
    urls = {"hub": product.url, "apps": f"https://{APPS}:{port}", "s3": product.s3}
    settings = {"port": port, "urls": urls, "tls": certificate(folder, product.authority)}
    (state / "noteyard.yaml").write_text(yaml.safe_dump(settings))
    with company_authority(product.authority):
        assert f"running at {product.url}" in product.command("up", "--detach", seconds=180)
    try:
        product.add("ada")
        product.add("bob")
        yield product
    finally:
        product.command("down", seconds=120)


def certificate(folder: Path, authority: Path) -> dict[str, str]:
    """The setting `tls` with a certificate for all names; the authority's own goes into its file."""
    signing = trustme.CA()
    signing.cert_pem.write_to_path(authority)
    made = signing.issue_cert(HUB, f"*.{HUB}", f"*.{APPS}")
    made.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "certificate.pem").write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
    return {"certificate": str(folder / "certificate.pem"), "key": str(folder / "key.pem")}


@contextmanager
def company_authority(path: Path) -> Iterator[None]:
    """As an administrator starts Noteyard where an authority of one's own is trusted."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            patch.setenv(name, str(path))
        yield


@pytest.fixture(scope="module")
def browser(public: Public) -> Iterator[BrowserContext]:
    """A browser in which bob has logged in, sent there by the link of a dashboard on another domain."""
    public.publish("ada", public.write("counter.ipynb", COUNTER), "counter", "--audience", "users")
    with chromium("--host-resolver-rules=MAP *.test 127.0.0.1") as chrome:
        # Names and certificates are checked by everything here that is no browser.
        made = chrome.new_context(ignore_https_errors=True)
        made.set_default_timeout(60_000)
        page = log_in(made, public, "bob", "/d/counter/")
        page.wait_for_url(f"https://counter.{APPS}:{public.port}/")
        page.close()
        yield made


def test_every_name_has_a_good_certificate(public: Public) -> None:
    with httpx.Client(transport=public.transport(), timeout=30) as client:
        assert client.get(f"{public.url}/hub/login").status_code == 200
        assert client.get(f"https://nothing.{APPS}:{public.port}/").status_code == 404
        sent = client.get(f"https://nobody.{HUB}:{public.port}/")
        assert sent.headers["location"] == f"{public.url}/"
        assert client.get(f"{public.s3}/team").status_code == 403
        link = client.get(f"{public.url}/d/nothing/")
        assert link.headers["location"].startswith(f"{public.url}/portal/login")


def test_plain_http_on_the_port_gives_nothing_away(public: Public) -> None:
    answer = httpx.get(f"http://127.0.0.1:{public.port}/hub/login", headers={"Host": f"{HUB}:{public.port}"})
    assert answer.status_code in (400, 404)
    assert "set-cookie" not in answer.headers


def test_s3_by_boto3(public: Public) -> None:
    database = Database(Instance(public.state).database_url)
    with database.write() as session:
        variables = s3_environment(key_for_person(session, "ada"), public.s3)
    database.close()
    said = public.in_lab([str(LAB / "python"), "-c", OVER_S3], {**variables, "AUTHORITY": str(public.authority)})
    assert "['tls/big.bin', 'tls/small.txt']" in said
    assert (public.state / "s3" / "team" / "tls" / "small.txt").read_bytes() == b"over TLS"


def test_yard_from_elsewhere_and_a_run_that_writes_to_s3(public: Public) -> None:
    notebook = public.write("tls.ipynb", RESOLVE, IN_A_RUN)
    assert public.yard("ada", "run", str(notebook), "--wait")
    assert (public.state / "s3" / "team" / "tls" / "run.txt").read_text() == "by a run"
    with public.client("ada") as client:
        [found] = client.get("/runs").raise_for_status().json()["items"]
        assert found["url"] == f"{public.url}/portal/runs/{found['id']}"
        assert public.s3 in client.get(f"/runs/{found['id']}/log").raise_for_status().text


def test_a_dashboard_is_used_over_a_websocket(public: Public, browser: BrowserContext) -> None:
    page = browser.new_page()
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.goto(f"{public.url}/d/counter/")
    expect(page.locator("#state")).to_have_text("Live", timeout=60_000)
    frame = page.frame_locator("#live")
    frame.get_by_role("button", name="Ask").click()
    expect(frame.get_by_text("answered", exact=True)).to_be_visible()
    page.close()
    beginning = f"wss://counter.{APPS}:{public.port}/live/api/kernels/"
    assert sockets and all(url.startswith(beginning) for url in sockets), sockets


def test_a_lab_opens_on_its_own_host(public: Public, browser: BrowserContext) -> None:
    page = browser.new_page()
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.goto(f"{public.url}/hub/spawn")
    host = f"bob.{HUB}:{public.port}"
    page.wait_for_url(f"https://{host}/user/bob/lab**", timeout=90_000)
    expect(page.locator(".jp-Launcher")).to_be_visible(timeout=90_000)
    until(lambda: page.evaluate("true") and sockets, 30, "the lab's websocket")
    page.close()
    assert all(url.startswith(f"wss://{host}/user/bob/") for url in sockets), sockets


def test_cookies_keep_to_tls_and_to_their_host(public: Public, browser: BrowserContext) -> None:
    cookies: list[Any] = browser.cookies()
    assert [(cookie["name"], cookie["domain"]) for cookie in cookies if not cookie["secure"]] == []
    # JupyterHub shares this one with the labs, to tell sessions apart at a logout; it opens nothing.
    assert {cookie["name"] for cookie in cookies if cookie["domain"].startswith(".")} <= {"jupyterhub-session-id"}
    ours = {cookie["name"]: cookie for cookie in cookies}
    assert ours["__Host-noteyard-session"]["domain"] == HUB
    assert ours["__Host-noteyard-viewer"]["domain"] == f"counter.{APPS}"
    for name in ("__Host-noteyard-session", "__Host-noteyard-viewer"):
        assert ours[name]["httpOnly"] and ours[name]["path"] == "/"
    on_hub = [cookie["name"] for cookie in cookies if cookie["domain"] == HUB and "jupyterhub" in cookie["name"]]
    assert on_hub and all(name.startswith("__Host-") for name in on_hub), on_hub


def test_a_new_password_leaves_the_browser_that_chose_it_logged_in(public: Public, browser: BrowserContext) -> None:
    page = browser.new_page()
    page.goto(f"{public.url}/portal/account")
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password again").fill(PASSWORD)
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_role("status")).to_contain_text("Your other browsers are logged out.")
    for address in (f"{public.url}/hub/token", f"https://bob.{HUB}:{public.port}/user/bob/api/status"):
        answer = page.goto(address)
        assert answer is not None and (answer.status, page.url) == (200, address)
    page.close()


def test_logging_out_ends_the_cookies(public: Public, browser: BrowserContext) -> None:
    page = browser.new_page()
    page.goto(f"{public.url}/portal/account")
    page.get_by_role("button", name="Log out", exact=True).click()
    page.wait_for_url("**/hub/log**")
    kept = {cookie["name"] for cookie in browser.cookies() if cookie.get("domain") == HUB}
    assert "__Host-noteyard-session" not in kept
    assert not any("hub-login" in name for name in kept), kept


def test_a_renewed_certificate_is_taken_without_a_restart(public: Public) -> None:
    before = public.command("status")
    certificate(public.authority.parent, public.authority)

    def trusted() -> bool:
        with httpx.Client(transport=public.transport(), timeout=30) as client:
            try:
                return all(client.get(url).status_code for url in (f"{public.url}/hub/login", f"{public.s3}/team"))
            except httpx.ConnectError as error:
                assert "CERTIFICATE_VERIFY_FAILED" in str(error)
                return False

    until(trusted, 30, "the new certificate at both ports")
    assert public.command("status") == before
