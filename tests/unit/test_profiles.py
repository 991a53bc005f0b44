"""Which profiles are open to whom."""

import sys
from pathlib import Path

import pytest
from noteyard.domain import Person
from noteyard.errors import Forbidden, InvalidParameters
from noteyard.hub_pages import profile_choice
from noteyard.profiles import choose_profile, environment_folder, find_profile, offered
from noteyard.settings import Profile, Settings

OPEN = Profile(name="default", title="Data science")
BIG = Profile(name="big", description="More <b>room</b>", groups=["ml", "ops"], cpu=2, memory_mb=8000)
ALICE, BOB = Person("alice"), Person("bob", frozenset({"ml"}))


def settings(*profiles: Profile) -> Settings:
    return Settings(profiles=list(profiles))


def test_a_profile_with_groups_is_open_to_them_alone() -> None:
    assert offered([OPEN, BIG], []) == [OPEN]
    assert offered([OPEN, BIG], ["ml"]) == [OPEN, BIG]


def test_asked_for_nothing_the_first_open_one_is_taken() -> None:
    assert choose_profile(settings(BIG, OPEN), ALICE, None) == OPEN
    assert choose_profile(settings(BIG, OPEN), BOB, None) == BIG
    assert choose_profile(settings(OPEN, BIG), BOB, "big") == BIG


def test_what_is_not_open_is_refused_with_what_is() -> None:
    with pytest.raises(InvalidParameters, match="profile: 'big' is not open to you; choose one of: default"):
        choose_profile(settings(OPEN, BIG), ALICE, "big")
    with pytest.raises(Forbidden, match="No profile is open to you"):
        choose_profile(settings(BIG), ALICE, None)


def test_environments_lie_where_settings_say_or_beside_the_hubs(tmp_path: Path) -> None:
    plain, own = Profile(name="a"), Profile(name="b", environment=tmp_path / "env")
    assert environment_folder(settings(plain), plain) == Path(sys.prefix).parent / "lab"
    assert environment_folder(Settings(environment=tmp_path), plain) == tmp_path
    assert environment_folder(Settings(environment=tmp_path), own) == tmp_path / "env"


def test_a_profile_that_is_gone_is_none() -> None:
    assert find_profile(settings(OPEN), "default") == OPEN
    assert find_profile(settings(OPEN), "gone") is None


def test_the_form_marks_the_last_choice_and_escapes_texts() -> None:
    html = profile_choice([OPEN, BIG], "big")
    assert 'value="big" checked' in html
    assert 'value="default">' in html
    assert "More &lt;b&gt;room&lt;/b&gt;" in html
    assert "2 CPU · 7.81 GiB memory" in html
    assert 'value="default" checked' in profile_choice([OPEN, BIG], "gone")
