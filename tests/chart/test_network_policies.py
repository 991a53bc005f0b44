"""What people's pods reach: names, wherever clusters have them from, the internet, and what is named."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from tests.chart.rendering import find, rendered


def egress(users: dict[str, Any] | None = None) -> list[Any]:
    rules: list[Any] = find(rendered({"users": users or {}}), "NetworkPolicy", "yard-to-noteyard")["spec"]["egress"]
    return rules


def networks(rule: Any) -> list[str]:
    return [peer["ipBlock"]["cidr"] for peer in rule["to"] if "ipBlock" in peer]


def test_names_are_looked_up_in_the_cluster_and_at_the_addresses_of_nodes_by_port_53_alone() -> None:
    for users in ({}, {"internet": False}):
        rules = egress(users)
        (names,) = [rule for rule in rules if "169.254.20.10/32" in networks(rule)]
        assert networks(names) == ["169.254.20.10/32", "169.254.169.254/32"]
        assert {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}} in names["to"]
        assert names["ports"] == [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
        assert sum("169.254.169.254/32" in networks(rule) for rule in rules) == 1


def open_to(address: str, rule: Any) -> bool:
    found = ip_address(address)
    return any(
        found in ip_network(peer["ipBlock"]["cidr"])
        and not any(found in ip_network(network) for network in peer["ipBlock"].get("except", []))
        for peer in rule["to"]
    )


def test_the_internet_is_open_and_no_network_that_is_not_part_of_it() -> None:
    (internet,) = [rule for rule in egress({"forbid": ["203.0.113.7/32"]}) if "0.0.0.0/0" in networks(rule)]
    assert open_to("198.51.100.7", internet) and open_to("168.63.129.17", internet) and open_to("2600::1", internet)
    shut = [
        *("10.1.2.3", "100.64.255.7", "172.31.255.7", "192.168.255.7", "169.254.169.254", "203.0.113.7"),
        *("192.0.0.8", "198.18.0.1", "198.19.255.7", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
        *("fd00::1", "fe80::1"),
    ]
    assert [address for address in shut if open_to(address, internet)] == []


@pytest.mark.parametrize(
    ("reach", "ports"),
    [
        ({"ports": [5432]}, [{"port": 5432, "protocol": "TCP"}]),
        ({"ports": [53]}, [{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]),
        ({"ports": [53], "protocols": ["TCP"]}, [{"port": 53, "protocol": "TCP"}]),
        (
            {"ports": [5353], "protocols": ["TCP", "UDP"]},
            [{"port": 5353, "protocol": "TCP"}, {"port": 5353, "protocol": "UDP"}],
        ),
        ({"protocols": ["UDP"]}, [{"protocol": "UDP"}]),
        ({}, None),
    ],
)
def test_what_is_named_is_reached_by_the_protocols_that_are_named(reach: dict[str, Any], ports: Any) -> None:
    rule = egress({"reach": [{"cidr": "10.1.2.0/24", **reach}]})[-1]
    assert rule["to"] == [{"ipBlock": {"cidr": "10.1.2.0/24"}}]
    assert rule.get("ports") == ports
