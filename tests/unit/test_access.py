"""Access as a table: who × what × allowed."""

import pytest
from noteyard.access import Action, allowed, may_administer, may_open
from noteyard.domain import Audience, Person, Role, Sharing

OWNER = "ada"
PEOPLE = {
    "owner": Person("ada"),
    "viewer": Person("vera"),
    "viewer by group": Person("vito", frozenset({"sales"})),
    "manager": Person("max"),
    "manager by group": Person("mia", frozenset({"leads"})),
    "stranger": Person("sam", frozenset({"other"})),
    "administrator": Person("root", admin=True),
}
SHARES = [
    Sharing("person", "vera", Role.VIEWER),
    Sharing("group", "sales", Role.VIEWER),
    Sharing("person", "max", Role.MANAGER),
    Sharing("group", "leads", Role.MANAGER),
]
TABLE = {
    #                     list read  run   edit  stop  delete transfer
    "owner": "            yes  yes   yes   yes   yes   yes    yes",
    "viewer": "           yes  yes   no    no    no    no     no",
    "viewer by group": "  yes  yes   no    no    no    no     no",
    "manager": "          yes  yes   yes   yes   yes   yes    yes",
    "manager by group": " yes  yes   yes   yes   yes   yes    yes",
    "stranger": "         no   no    no    no    no    no     no",
    "administrator": "    yes  no    no    no    yes   yes    yes",
}
CASES = [
    (who, action, word == "yes")
    for who, words in TABLE.items()
    for action, word in zip(Action, words.split(), strict=True)
]


@pytest.mark.parametrize(("who", "action", "expected"), CASES)
def test_who_may_do_what(who: str, action: Action, expected: bool) -> None:
    assert allowed(PEOPLE[who], action, OWNER, SHARES) is expected


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("action", [Action.RUN, Action.EDIT, Action.STOP, Action.DELETE, Action.TRANSFER])
def test_a_token_that_may_read_changes_nothing(who: str, action: Action) -> None:
    person = PEOPLE[who]
    reader = Person(person.name, person.groups, person.admin, frozenset({"read"}))
    assert allowed(reader, action, OWNER, SHARES) is False


@pytest.mark.parametrize("who", PEOPLE)
def test_a_token_without_scopes_sees_nothing(who: str) -> None:
    person = PEOPLE[who]
    nobody = Person(person.name, person.groups, person.admin, frozenset())
    assert not any(allowed(nobody, action, OWNER, SHARES, admin_access=True) for action in Action)
    assert may_open(nobody, OWNER, Audience.USERS, SHARES) is False


def test_an_administrators_token_needs_the_admin_scope() -> None:
    narrow = Person("root", admin=True, scopes=frozenset({"read", "write"}))
    assert may_administer(narrow) is False
    assert allowed(narrow, Action.STOP, OWNER) is False


def test_administrators_read_contents_only_where_the_setting_allows_it() -> None:
    root = PEOPLE["administrator"]
    assert allowed(root, Action.READ, OWNER, admin_access=True) is True
    assert allowed(root, Action.RUN, OWNER, admin_access=True) is False


AUDIENCES = {
    #                     me   people groups users public
    "owner": "            yes  yes    yes    yes   yes",
    "viewer": "           no   yes    yes    yes   yes",
    "viewer by group": "  no   no     yes    yes   yes",
    "manager": "          yes  yes    yes    yes   yes",
    "manager by group": " yes  yes    yes    yes   yes",
    "stranger": "         no   no     no     yes   yes",
    "administrator": "    no   no     no     yes   yes",
    "the public": "       no   no     no     no    yes",
}


@pytest.mark.parametrize(
    ("who", "audience", "expected"),
    [
        (who, audience, word == "yes")
        for who, words in AUDIENCES.items()
        for audience, word in zip(Audience, words.split(), strict=True)
    ],
)
def test_who_may_open_a_dashboard(who: str, audience: Audience, expected: bool) -> None:
    assert may_open(PEOPLE.get(who), OWNER, audience, SHARES) is expected


def test_administrators_open_private_dashboards_only_where_the_setting_allows_it() -> None:
    root = PEOPLE["administrator"]
    assert may_open(root, OWNER, Audience.ME, []) is False
    assert may_open(root, OWNER, Audience.ME, [], admin_access=True) is True
