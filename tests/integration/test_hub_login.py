"""Logging in to the real hub behind the real edge."""

from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from noteyard.auth import NoteyardAuthenticator
from noteyard.store.logins import FREE
from noteyard.store.people import disable_person, enable_person, get_account, set_groups, set_password
from noteyard.store.sessions import allow_renewal, find_session, open_session

from tests.support.installation import PASSWORD, Installation, installation, log_in, token_of
from tests.support.waiting import until


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("login") / "state") as running:
        running.person("alice")
        yield running


def with_token(hub: Installation, token: str) -> dict[str, object]:
    answer = hub.client().get("/hub/api/user", headers={"Authorization": f"Bearer {token}"})
    return {"status": answer.status_code, **answer.json()}


def test_the_hub_does_not_think_that_nobody_can_log_in(caplog: pytest.LogCaptureFixture) -> None:
    NoteyardAuthenticator(database_url="sqlite://").check_allow_config()
    assert caplog.messages == []


def test_the_right_password_leads_to_the_portal(hub: Installation) -> None:
    client = hub.client()
    answer = log_in(client, "alice", PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (302, "/")
    cookies = answer.headers.get_list("set-cookie")
    assert cookies and all("SameSite=Lax" in cookie for cookie in cookies), cookies
    assert client.get("/hub/home").headers["location"] == "/"
    assert client.get("/hub/admin").headers["location"] == "/portal/people"
    assert client.get("/hub/").headers["location"] == "/"


@pytest.mark.parametrize("name", ["alice", "nobody"])
def test_a_wrong_password_is_refused_in_words(hub: Installation, name: str) -> None:
    answer = log_in(hub.client(), name, "wrong password")
    assert answer.status_code == 403
    assert "The name or the password is not right. Try again, or ask an administrator" in answer.text
    assert f'value="{name}"' in answer.text


def test_guessing_is_slowed_down_in_words(hub: Installation) -> None:
    hub.person("guessed")
    client = hub.client()
    for _ in range(FREE):
        assert log_in(client, "guessed", "wrong password").status_code == 403
    answer = log_in(client, "guessed", PASSWORD)
    assert answer.status_code == 429
    assert "Too many logins under this name have failed. Wait " in answer.text
    assert int(answer.headers["retry-after"]) >= 1
    until(lambda: log_in(client, "guessed", PASSWORD).status_code == 302, 30, "the end of the wait")


def test_a_disabled_person_is_out_at_once_with_cookies_and_tokens(hub: Installation) -> None:
    hub.person("gone")
    client = hub.logged_in("gone")
    token = token_of(client, "gone", "custom:noteyard:read!user").json()["token"]
    assert with_token(hub, token)["name"] == "gone"
    assert client.get("/hub/token").status_code == 200
    with hub.database.write() as session:
        disable_person(session, "gone")
    until(lambda: client.get("/hub/token").status_code == 302, 5, "the end of the login")
    until(lambda: with_token(hub, token)["status"] == 403, 5, "the end of the token")
    answer = log_in(hub.client(), "gone", PASSWORD)
    assert answer.status_code == 403
    assert "This account is disabled. Ask an administrator to enable it." in answer.text


def test_nothing_of_before_comes_back_when_a_person_is_enabled_again(hub: Installation) -> None:
    hub.person("back")
    client = hub.logged_in("back")
    token = token_of(client, "back", "custom:noteyard:read!user").json()["token"]
    with hub.database.write() as session:
        disable_person(session, "back")
        enable_person(session, "back")
    until(lambda: with_token(hub, token)["status"] == 403, 5, "the end of the token")
    # What the controller does for somebody who was disabled:
    assert hub.hub_api().delete("/users/back").status_code == 204
    with hub.database.write() as session:
        get_account(session, "back").hub_cleared = True
    assert hub.logged_in("back").get("/hub/token").status_code == 200
    assert client.get("/hub/token").status_code == 302
    assert with_token(hub, token)["status"] == 403


def test_a_new_password_ends_browsers_logins_and_their_way_into_labs_but_no_api_token(hub: Installation) -> None:
    hub.person("careful")
    here, other = hub.logged_in("careful"), hub.logged_in("careful")
    token = token_of(here, "careful", "custom:noteyard:read!user").json()["token"]
    in_lab = {client: lab_token(hub, client) for client in (here, other)}
    assert [with_token(hub, in_lab[client])["status"] for client in (here, other)] == [200, 200]
    with hub.database.write() as session:
        set_password(session, "careful", PASSWORD)
        portal = open_session(session, "careful", 1)
        session.flush()
        allow_renewal(session, portal, here.cookies["jupyterhub-session-id"])
    until(lambda: other.get("/hub/token").status_code == 302, 5, "the end of the other browser's login")
    here.cookies.set("noteyard-session", portal)
    other.cookies.set("noteyard-session", "not a session")
    for client in (other, here):
        answer = client.get("/hub/renew-login", params={"next": "/portal/account?done=x"})
        assert (answer.status_code, answer.headers["location"]) == (302, "/portal/account?done=x")
    assert other.get("/hub/token").status_code == 302
    assert here.get("/hub/token").status_code == 200
    until(lambda: with_token(hub, in_lab[other])["status"] == 403, 5, "the end of the other browser's lab")
    assert with_token(hub, in_lab[here])["status"] == 200
    assert with_token(hub, token)["status"] == 200
    other.cookies.set("noteyard-session", portal)
    assert other.get("/hub/renew-login").headers["location"] == "/"
    assert other.get("/hub/token").status_code == 302, "a login is renewed once"


def lab_token(hub: Installation, client: httpx.Client) -> str:
    """What a service that a browser logs in to gets for it, as labs do."""
    query = {
        "client_id": "service-noteyard",
        "redirect_uri": f"{hub.urls.hub}/portal/oauth_callback",
        "response_type": "code",
        "state": "x",
    }
    code = client.get("/hub/api/oauth2/authorize", params=query).headers["location"].split("code=")[1].split("&")[0]
    form = {**query, "client_secret": hub.instance.secret("hub-api"), "grant_type": "authorization_code", "code": code}
    url = f"{hub.instance.internal_url('hub')}/hub/api/oauth2/token"
    return str(httpx.post(url, data=form).json()["access_token"])


def test_somebody_with_a_first_password_is_led_to_its_change(hub: Installation) -> None:
    hub.person("fresh")
    client = hub.logged_in("fresh")
    assert client.get("/hub/token").status_code == 200
    with hub.database.write() as session:
        get_account(session, "fresh").must_change_password = True
    for path in ("/hub/spawn", "/hub/spawn/fresh", "/hub/spawn-pending/fresh", "/hub/token"):
        answer = client.get(path)
        there = f"/portal/account?next={quote(path, safe='')}"
        assert (answer.status_code, answer.headers.get("location")) == (302, there)
    lab = {"client_id": "jupyterhub-user-fresh", "response_type": "code", "state": "x"}
    for query in (lab, {**lab, "client_id": ["service-noteyard", "jupyterhub-user-fresh"]}):
        answer = client.get("/hub/api/oauth2/authorize", params=query)
        assert answer.status_code == 302
        assert answer.headers["location"].startswith("/portal/account?next=%2Fhub%2Fapi%2Foauth2%2Fauthorize%3F")
    refused = token_of(client, "fresh", "custom:noteyard:read!user")
    assert (refused.status_code, refused.json()["message"]) == (
        403,
        "Choose a password of your own first, in the portal under your name.",
    )
    assert lab_token(hub, client), "the portal, where it is changed, is open"


def test_groups_and_administration_follow_the_database(hub: Installation) -> None:
    hub.person("chief", admin=True, groups=("ops",))
    client = hub.logged_in("chief")
    assert hub_groups(client) == {"ops", "noteyard:administrators"}
    with hub.database.write() as session:
        set_groups(session, "chief", ["art"])
        get_account(session, "chief").admin = False
    until(lambda: hub_groups(client) == {"art"}, 10, "the change of groups")


def hub_groups(client: httpx.Client) -> set[str]:
    return set(client.get("/hub/api/user").json()["groups"])


def test_administrators_are_not_jupyterhubs_administrators(hub: Installation) -> None:
    hub.person("boss", admin=True)
    client = hub.logged_in("boss")
    assert client.get("/hub/api/user").json()["admin"] is False
    assert client.get("/hub/api/users").status_code == 403
    assert client.get("/hub/api/users/alice/tokens").status_code in (403, 404)
    answer = token_of(client, "boss", "custom:noteyard:admin", "custom:noteyard:write!user")
    scopes = with_token(hub, answer.json()["token"])["scopes"]
    assert {"custom:noteyard:admin", "custom:noteyard:write!user=boss"} <= set(scopes)  # type: ignore[call-overload]


def test_a_token_has_the_scopes_asked_for_and_no_others_can_be_had(hub: Installation) -> None:
    client = hub.logged_in("alice")
    found = with_token(hub, token_of(client, "alice", "custom:noteyard:read!user").json()["token"])
    assert [scope for scope in found["scopes"] if scope.startswith("custom:")] == [  # type: ignore[attr-defined]
        "custom:noteyard:read!user=alice"
    ]
    assert token_of(client, "alice", "custom:noteyard:admin").status_code == 400


def test_our_service_may_do_what_is_listed_and_no_more(hub: Installation) -> None:
    api = hub.hub_api()
    scopes = {scope.split("!")[0] for scope in api.get("/user").json()["scopes"]}
    assert scopes >= {"read:users:name", "read:servers", "start:servers", "delete:servers", "delete:users"}
    assert not {scope for scope in scopes if scope.startswith("admin") or "tokens" in scope or "access" in scope}


def test_logging_out_ends_the_portals_sessions_too(hub: Installation) -> None:
    client = hub.logged_in("alice")
    with hub.database.write() as session:
        portal = open_session(session, "alice", 1)
    assert client.get("/hub/logout").status_code == 302
    with hub.database.read() as session:
        assert find_session(session, portal) is None
    assert client.get("/hub/token").status_code == 302


def test_the_portals_login_needs_no_confirmation(hub: Installation) -> None:
    client = hub.logged_in("alice")
    query = {
        "client_id": "service-noteyard",
        "redirect_uri": f"{hub.urls.hub}/portal/oauth_callback",
        "response_type": "code",
        "state": "x",
    }
    answer = client.get("/hub/api/oauth2/authorize", params=query)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"{hub.urls.hub}/portal/oauth_callback?code=")
    elsewhere = client.get("/hub/api/oauth2/authorize", params={**query, "redirect_uri": "http://evil.localhost/"})
    assert elsewhere.status_code == 400


def test_pages_are_in_our_look_with_a_strict_policy(hub: Installation) -> None:
    page = hub.client().get("/hub/login")
    assert '<link rel="stylesheet" href="/portal/static/noteyard.css">' in page.text
    assert hub.client().get("/portal/static/noteyard.css").status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    port = hub.settings.port
    assert f"form-action 'self' http://*.localhost:{port} http://*.apps.localhost:{port}" in policy
    assert page.headers["cross-origin-resource-policy"] == "same-origin"
    assert page.headers["x-content-type-options"] == "nosniff"
    missing = hub.logged_in("alice").get("/hub/nothing")
    assert missing.status_code == 404
    assert "There is nothing here" in missing.text
