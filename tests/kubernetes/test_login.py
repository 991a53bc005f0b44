"""Logins by a real Keycloak on a cluster: by the same code and settings as on one machine, the secret by a Secret."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.kubernetes.cluster import RELEASE, Cluster
from tests.kubernetes.login import logins_by
from tests.support.keycloak import Keycloak
from tests.support.provider_login import fill_in, groups_on_page, log_in_by_keycloak, log_out, to_keycloak

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(scope="module")
def yard(cluster: Cluster, keycloak: Keycloak, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with logins_by(keycloak, cluster, tmp_path_factory.mktemp("login")) as made:
        yield made


@pytest.fixture
def context(chrome: Browser) -> Iterator[BrowserContext]:
    made = chrome.new_context(viewport={"width": 1280, "height": 800})
    made.set_default_timeout(120_000)
    yield made
    made.close()


def test_only_the_hub_s_pod_has_the_client_s_secret(yard: Cluster) -> None:
    for part, has in (("hub", True), ("api", False), ("controller", False)):
        found = json.loads(yard.kubectl("get", f"deploy/{RELEASE}-{part}", "-o", "json"))
        volumes = [volume["name"] for volume in found["spec"]["template"]["spec"]["volumes"]]
        assert ("login" in volumes) == has, part


def test_a_person_logs_in_and_works_in_a_pod(yard: Cluster, keycloak: Keycloak, context: BrowserContext) -> None:
    page = log_in_by_keycloak(context, yard, "lin")
    assert groups_on_page(page, yard) == "analysts"
    page.goto(f"{yard.url}/hub/spawn")
    page.wait_for_url(f"{yard.host('lin')}/user/lin/lab**", timeout=300_000)
    expect(page.locator(".jp-Launcher")).to_be_visible(timeout=120_000)
    keycloak.put_into("lin", "analysts", "noteyard-admins")
    log_out(page, yard)
    assert keycloak.sessions("lin") == 0
    page = log_in_by_keycloak(context, yard, "lin")
    expect(page.get_by_role("link", name="People")).to_be_visible()


def test_a_person_without_the_group_is_refused_in_words(
    yard: Cluster, keycloak: Keycloak, context: BrowserContext
) -> None:
    page = context.new_page()
    to_keycloak(page, yard)
    fill_in(page, "eve")
    expect(page.get_by_role("alert")).to_contain_text(
        "Keycloak knows you, but you may not use Noteyard. Needed is one of these groups: /analysts."
    )
