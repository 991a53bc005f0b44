"""Labs' hosts: one a person, and nobody else's."""

import pytest
from noteyard.urls import PublicUrls

URLS = PublicUrls("https://lab.example.org", "https://dash.lab.example.org", "https://s3.lab.example.org")


@pytest.mark.parametrize(("person", "host"), [("alice", "alice.lab.example.org"), ("a-1", "a-1.lab.example.org")])
def test_a_plain_name_is_its_own_label(person: str, host: str) -> None:
    assert URLS.lab_host(person) == host


@pytest.mark.parametrize("person", ["dash", "s3"])
def test_another_parts_host_is_not_given_away(person: str) -> None:
    host = URLS.lab_host(person)
    assert host.startswith(f"{person}--")
    assert host.endswith(".lab.example.org")


def test_names_that_differ_have_hosts_that_differ() -> None:
    names = ["a.b", "a_b", "a-b", "a--b", "a..b", "dash", "x"]
    hosts = [URLS.lab_host(name) for name in names]
    assert len(set(hosts)) == len(names)
    assert all(host.count(".") == 3 for host in hosts)
