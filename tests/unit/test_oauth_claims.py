"""What providers' claims say: nested groups, roles, teams, lasting ids; names that are safe here."""

import jwt
import pytest
from noteyard.names import group_from, is_group, is_person, person_from
from noteyard.oauth_claims import Claims, at_path


def token(**claims: object) -> str:
    return jwt.encode(claims, "not checked, and long enough for its algorithm")


def test_paths_lead_into_nested_claims_and_take_names_with_dots() -> None:
    claims = {"a": {"b": {"c": [1]}}, "https://x.example/roles": ["r"], "https://x.example/y": {"z": 2}}
    assert at_path(claims, "a.b.c") == [1]
    assert at_path(claims, "https://x.example/roles") == ["r"]
    assert at_path(claims, "https://x.example/y.z") == 2
    assert at_path(claims, "a.b.c.d") is None
    assert at_path(claims, "nothing") is None


def test_groups_are_found_where_the_provider_tells_them() -> None:
    keycloak = Claims(
        {"sub": "1", "groups": ["/sales"]},
        {"access_token": token(realm_access={"roles": ["publisher"]}), "id_token": token(sub="1", aud="x")},
    )
    assert keycloak.names("groups") == {"/sales"}
    assert keycloak.names("realm_access.roles") == {"publisher"}
    entra = Claims({"sub": "1"}, {"id_token": token(groups=["6f1c-42"]), "access_token": "opaque"})
    assert entra.names("groups") == {"6f1c-42"}
    teams = [{"slug": "data", "organization": {"login": "acme"}}]
    assert Claims({}, {"teams": teams, "access_token": "opaque"}).names("teams") == {"acme:data"}
    assert Claims({"groups": "one"}, {}).names("groups") == {"one"}
    assert Claims({"groups": None}, {}).names("groups") == frozenset()
    assert Claims({"groups": {"id": 7}}, {}).names("groups") == {"7"}
    assert Claims({}, {}).names(None) == frozenset()


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ({"sub": "f3", "id": 1}, "f3"),
        ({"id": 583231}, "583231"),
        ({"uuid": "{a}"}, "{a}"),
        ({"metadata": {"uid": "u"}}, "u"),
        ({"name": "ada"}, ""),
    ],
)
def test_a_person_has_a_lasting_id(user: dict[str, object], subject: str) -> None:
    assert Claims(user, {}).subject == subject


def test_tokens_for_others_or_about_others_are_not_believed() -> None:
    def said(aud: object, sub: str) -> str:
        return Claims({"sub": "1"}, {"id_token": token(aud=aud, sub=sub)}).contradiction("noteyard")

    assert said("noteyard", "1") == ""
    assert said(["other", "noteyard"], "1") == ""
    assert said("other", "1") == "its ID token is not for Noteyard"
    assert said("noteyard", "2") == "its answers are about two people"
    assert Claims({"sub": "1"}, {}).contradiction("noteyard") == ""


@pytest.mark.parametrize(
    ("told", "name"),
    [("Ada", "ada"), (" ada.l ", "ada.l"), ("Ada@Example.org", "ada"), ("ada@other.org", "ada@other.org")],
)
def test_names_of_people_are_made_small_and_lose_known_domains_only(told: str, name: str) -> None:
    assert person_from(told, ["example.ORG"]) == name


def test_no_two_names_become_one_by_being_mended() -> None:
    for told in ("ada lovelace", "ada/lovelace", "ＡＤＡ", "../etc", "", "ada@x", "a" * 41, "ada\n"):
        name = person_from(told)
        assert name == "ada" if told == "ada\n" else not is_person(name)


def test_names_of_groups_are_usable_and_differ_where_the_provider_s_do() -> None:
    assert group_from("/sales") == "sales"
    assert group_from("Sales") == "sales"
    assert group_from("6f1c9b1e-0000-4a42-9d7e-0123456789ab") == "6f1c9b1e-0000-4a42-9d7e-0123456789ab"
    told = [
        "Data Science",
        "data-science",
        "/data/science",
        "data_science",
        "noteyard:administrators",
        "数据",
        "x" * 60,
    ]
    names = [group_from(name) for name in told]
    assert len(set(names)) == len(told)
    assert all(is_group(name) for name in names), names
    assert names[0].startswith("data-science--")
