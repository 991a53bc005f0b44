"""ID tokens of several browsers in one auth_state."""

from noteyard.oauth_browsers import KEPT, id_token_of, logged_in_by, with_browsers_of


def test_each_browser_keeps_the_token_that_it_logged_in_with() -> None:
    office = with_browsers_of(None, logged_in_by("office", {"id_token": "a"}))
    home = with_browsers_of(office, logged_in_by("home", {"id_token": "b"}))
    renewed = with_browsers_of(home, {"id_token": "b, renewed"})
    assert (id_token_of("office", renewed), id_token_of("home", renewed)) == ("a", "b")
    assert renewed["id_token"] == "b, renewed"
    assert id_token_of("", renewed) is None


def test_the_oldest_logins_are_forgotten() -> None:
    state = None
    for number in range(KEPT + 2):
        state = with_browsers_of(state, logged_in_by(f"browser-{number}", {"id_token": str(number)}))
    assert state is not None and [id_token_of(f"browser-{number}", state) for number in (1, 2)] == [None, "2"]


def test_a_login_from_before_browsers_were_marked() -> None:
    assert id_token_of("", {"id_token": "a"}) == "a"


def test_a_provider_without_id_tokens() -> None:
    state = with_browsers_of(None, logged_in_by("office", {"access_token": "x"}))
    assert state == {"access_token": "x"} and id_token_of("office", state) is None
