"""Login and lab with real host names over TLS, as colleagues elsewhere have them; and on paths, without wildcards."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.installation import PASSWORD, Installation, installation
from tests.support.lab_attack import ATTACK, tokens
from tests.support.ports import free_port

NAMES = ("lab.example.test", "*.lab.example.test", "*.apps.example.test", "s3.example.test")


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("tls")
    certificate = trustme.CA().issue_cert(*NAMES)
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(key)
    port = free_port()
    urls = {"hub": f"https://lab.example.test:{port}", "apps": f"https://apps.example.test:{port}"}
    urls["s3"] = f"https://s3.example.test:{port + 1}"
    tls = {"certificate": str(chain), "key": str(key)}
    with installation(folder / "state", port=port, urls=urls, tls=tls) as running:
        running.person("ada")
        yield running


@pytest.fixture(scope="module")
def on_paths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("paths") / "state", urls={"lab_hosts": False}) as running:
        running.person("ada")
        yield running


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Browser]:
    """A browser whose DNS knows the installation's names."""
    names = "--host-resolver-rules=MAP *.example.test 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", names])
        yield browser
        browser.close()


def log_in_to_lab(page: Page, hub: str) -> None:
    page.goto(f"{hub}/hub/login?next=%2Fhub%2Fspawn")
    page.fill("#username", "ada")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url("**/user/ada/lab**", timeout=90_000)
    # Without what was open in the test before:
    page.goto(f"{page.url.partition('/user/')[0]}/user/ada/lab?reset")
    expect(page.locator(".jp-Launcher")).to_be_visible(timeout=60_000)


def test_a_lab_on_a_name_of_its_own_over_tls(secure: Installation, elsewhere: Browser) -> None:
    context = elsewhere.new_context(ignore_https_errors=True)
    page = context.new_page()
    log_in_to_lab(page, secure.urls.hub)
    assert page.url.startswith(f"https://ada.lab.example.test:{secure.settings.port}/user/ada/lab")
    cookies = {cookie["name"]: cookie for cookie in context.cookies()}
    login = cookies["__Host-jupyterhub-hub-login"]
    assert (login["secure"], login["httpOnly"], login["domain"]) == (True, True, "lab.example.test")
    page.locator(".jp-LauncherCard[data-category='Notebook']").first.click()
    expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']")).to_be_visible(timeout=60_000)
    assert secure.client().get("/hub/login").headers["strict-transport-security"] == "max-age=31536000"
    context.close()


def test_a_script_on_the_same_site_reaches_nothing_as_the_viewer(secure: Installation, elsewhere: Browser) -> None:
    # Browsers send the hub's cookies along from here, unlike from one *.localhost to another.
    context = elsewhere.new_context(ignore_https_errors=True)
    page = context.new_page()
    log_in_to_lab(page, secure.urls.hub)
    hub, before = secure.urls.hub, tokens(context, secure.urls.hub)
    tries = {
        "who": ["GET", f"{hub}/hub/api/user"],
        "tokens": ["GET", f"{hub}/hub/token"],
        "new token": ["POST", f"{hub}/hub/api/users/ada/tokens"],
        "stop": ["DELETE", f"{hub}/hub/api/users/ada/server"],
        "spawn": ["POST", f"{hub}/hub/spawn"],
        "hub on the lab's host": ["GET", "/hub/api/user"],
    }
    loot = page.evaluate(ATTACK, tries)
    assert "hub-login" not in loot.pop("cookies")
    assert set(loot.values()) == {"refused"}
    assert tokens(context, hub) == before
    assert page.evaluate("fetch('/user/ada/api').then((answer) => answer.status)") == 200, "the lab is still there"
    context.close()


def test_labs_on_paths_where_there_are_no_wildcards(on_paths: Installation, elsewhere: Browser) -> None:
    context = elsewhere.new_context()
    page = context.new_page()
    log_in_to_lab(page, on_paths.urls.hub)
    assert page.url.startswith(f"{on_paths.urls.hub}/user/ada/lab")
    context.close()


def test_a_lab_on_a_path_is_not_on_a_dashboards_host(on_paths: Installation) -> None:
    answer = on_paths.client("sales.apps.localhost").get("/user/ada/api")
    assert answer.status_code == 404


def test_the_certificate_is_the_configured_one(secure: Installation, tmp_path: Path) -> None:
    import socket
    import ssl

    context = ssl.create_default_context(cafile=str(secure.settings.tls.certificate))
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    for port in (secure.settings.port, secure.settings.port + 1):
        with socket.create_connection(("127.0.0.1", port)) as plain:
            name = "lab.example.test" if port == secure.settings.port else "s3.example.test"
            with context.wrap_socket(plain, server_hostname=name) as wrapped:
                assert wrapped.version() in ("TLSv1.3", "TLSv1.2")
