"""The portal's way through the hub's login, and what it says to whom it ends badly."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from noteyard.api.app import make_app
from noteyard.store.people import disable_person
from noteyard.store.tables import Account

from tests.support.installation import Installation, installation


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("portal") / "state") as running:
        yield running


@pytest.fixture
def browser(hub: Installation) -> Iterator[TestClient]:
    app = make_app(hub.settings)
    headers = {"Accept": "text/html"}
    with TestClient(app, base_url=hub.urls.hub, headers=headers, follow_redirects=False) as made:
        yield made


def back_from_hub(hub: Installation, browser: TestClient, person: str, target: str = "/portal/runs") -> str:
    """Where the hub sends a browser that logs in to the portal on its way to the target."""
    to_hub = browser.get("/portal/login", params={"next": target}).headers["location"]
    return hub.logged_in(person).get(to_hub.removeprefix(hub.urls.hub)).headers["location"]


def test_a_login_leads_to_where_it_was_going(hub: Installation, browser: TestClient) -> None:
    back = back_from_hub(hub, browser, hub.person("ada"))
    answer = browser.get(back)
    assert (answer.status_code, answer.headers["location"]) == (302, f"{hub.urls.hub}/portal/runs")
    assert browser.get("/portal/runs").status_code == 200


@pytest.mark.parametrize(
    ("target", "there"),
    [
        ("/d/продажи/?a=1&b=%20x", "/d/%D0%BF%D1%80%D0%BE%D0%B4%D0%B0%D0%B6%D0%B8/?a=1&b=%20x"),
        ('/portal/runs?mine="a, b; c"', "/portal/runs?mine=%22a,%20b;%20c%22"),
        (f"/portal/runs?{'x' * 5000}", "/"),
        ("//elsewhere.example/", "/"),
        ("/\t/elsewhere.example/", "/"),
        ("/\\elsewhere.example/", "/"),
    ],
)
def test_where_a_login_leads_is_kept_whatever_it_is_called(
    hub: Installation, browser: TestClient, target: str, there: str
) -> None:
    with hub.database.read() as session:
        known = session.get(Account, "jo")
    back = back_from_hub(hub, browser, "jo" if known else hub.person("jo"), target)
    assert browser.get(back).headers["location"] == f"{hub.urls.hub}{there}"


def test_whom_the_hub_knows_still_and_we_do_not_is_told_on_a_page(hub: Installation, browser: TestClient) -> None:
    # A redirect to the login would go round: the hub sends a browser back at once until it has looked again.
    back = back_from_hub(hub, browser, hub.person("bob"))
    with hub.database.write() as session:
        disable_person(session, "bob")
    answer = browser.get(back)
    assert answer.status_code == 403
    assert "This account is disabled, or may not use Noteyard any more." in answer.text
    assert "Ask an administrator of Noteyard, and log in again afterwards." in answer.text
    assert "set-cookie" not in answer.headers


def test_a_login_that_can_not_be_finished_is_told_on_a_page(hub: Installation, browser: TestClient) -> None:
    back = back_from_hub(hub, browser, hub.person("eve"))
    answer = browser.get(back.replace("code=", "code=x"))
    assert answer.status_code == 403
    assert "The login could not be finished; it may have taken too long." in answer.text
    assert "Log in again; if it goes on, tell an administrator of Noteyard." in answer.text
