"""For colleagues: real host names over TLS, with a wildcard each for labs and dashboards."""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
import trustme
import yaml
from playwright.sync_api import Page, expect

from tests.support.ports import free_port
from tests.support.product import PASSWORD, Product, chromium

HUB, APPS = "yard.example.test", "apps.example-apps.test"


@dataclass
class Public:
    """A running installation with public names; `authority` signed its certificate."""

    product: Product
    authority: trustme.CA

    def get(self, host: str, path: str, port: int) -> httpx.Response:
        """A GET by name, as if DNS led it to this machine; the certificate is checked against the name."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        with httpx.Client(verify=context, timeout=30) as client:
            url = f"https://127.0.0.1:{port}{path}"
            return client.get(url, headers={"Host": f"{host}:{port}"}, extensions={"sni_hostname": host})


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Public]:
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    made = authority.issue_cert(HUB, f"*.{HUB}", f"*.{APPS}", "s3.example.test")
    files = {"certificate": folder / "certificate.pem", "key": folder / "key.pem"}
    files["certificate"].write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
    files["key"].write_bytes(made.private_key_pem.bytes())
    port = free_port()
    urls = {
        "hub": f"https://{HUB}:{port}",
        "apps": f"https://{APPS}:{port}",
        "s3": f"https://s3.example.test:{port + 1}",
    }
    state = folder / "state"
    state.mkdir()
    settings = {"port": port, "urls": urls, "tls": {name: str(path) for name, path in files.items()}}
    (state / "noteyard.yaml").write_text(yaml.safe_dump(settings))
    running = Product(state, port)
    assert "is running at https://yard.example.test" in running.command("up", "--detach", seconds=180)
    running.add("ada")
    yield Public(running, authority)
    running.command("down", seconds=120)


@pytest.fixture
def page(public: Public) -> Iterator[Page]:
    rules = f"MAP *.example.test 127.0.0.1, MAP *.{APPS} 127.0.0.1"
    with chromium(f"--host-resolver-rules={rules}") as browser:
        # The authority is the tests' own: names and certificates are checked in test_names_and_certificates.
        context = browser.new_context(ignore_https_errors=True)
        yield context.new_page()


def test_names_and_certificates(public: Public) -> None:
    product = public.product
    login = public.get(HUB, "/hub/login", product.port)
    assert login.status_code == 200
    assert login.headers["strict-transport-security"].startswith("max-age=")
    cookies = login.headers.get_list("set-cookie")
    assert cookies and all("secure" in cookie.lower() for cookie in cookies), cookies
    start = public.get(HUB, "/portal/", product.port)
    assert start.status_code in (302, 303, 307)
    assert start.headers["location"].startswith(("/", f"https://{HUB}:{product.port}/"))
    assert public.get(f"nothing.{APPS}", "/", product.port).status_code == 404
    assert public.get("s3.example.test", "/", product.port + 1).status_code == 403
    with pytest.raises(httpx.ConnectError, match=r"certificate is not valid for 'other\.example\.test'"):
        public.get("other.example.test", "/", product.port)


def test_login_and_lab_on_a_name_of_its_own(public: Public, page: Page) -> None:
    url = f"https://{HUB}:{public.product.port}"
    page.goto(f"{url}/portal/login")
    page.fill("#username", "ada")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url(lambda at: "/hub/" not in at and "/portal/login" not in at)
    page.goto(f"{url}/hub/spawn")
    page.wait_for_url(f"https://ada.{HUB}:{public.product.port}/user/ada/lab**", timeout=90_000)
    expect(page.locator(".jp-Launcher")).to_be_visible(timeout=60_000)


def test_nothing_is_missing_but_dns(public: Public) -> None:
    said = public.product.command("config", "check", code=1)
    assert "is not known to DNS" in said
    assert "certificate" not in said and "TLS" not in said
