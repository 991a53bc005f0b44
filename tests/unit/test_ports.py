"""Ports: busy and forbidden ones named with what helps; internal ones kept, and out of the system's own range."""

import socket
from pathlib import Path

import pytest
from noteyard.backends.local.ports import LOCAL_RANGE, LOWEST, check_public_ports, choose_ports
from noteyard.errors import NoteyardError
from noteyard.instance import PORTS, Instance
from noteyard.settings import Settings

from tests.support.ports import free_port


def settings(**values: object) -> Settings:
    return Settings.model_validate(values)


@pytest.mark.parametrize("offset", [0, 1])
def test_a_busy_port(offset: int) -> None:
    port = free_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port + offset))
        other.listen()
        with pytest.raises(NoteyardError) as refusal:
            check_public_ports(settings(port=port))
    assert refusal.value.message == f"Port {port + offset} on 127.0.0.1 is in use by another program."
    option = "`port`" if offset == 0 else "`port (S3 takes the next one)`"
    assert refusal.value.hint == (
        f"Choose another with --port, or set {option} in noteyard.yaml; ss -ltnp names the program."
    )


def test_an_address_of_another_machine() -> None:
    with pytest.raises(NoteyardError) as refusal:
        check_public_ports(settings(bind="192.0.2.1", port=free_port()))
    assert refusal.value.message == ("The address '192.0.2.1' can't be listened on: Cannot assign requested address.")
    assert "`bind`" in (refusal.value.hint or "")


def test_free_ports_are_fine() -> None:
    check_public_ports(settings(port=free_port()))
    check_public_ports(settings(bind="::1", port=free_port()))


def test_internal_ports_are_kept_while_they_are_free(tmp_path: Path) -> None:
    instance = Instance(tmp_path)
    first = choose_ports(instance)
    assert set(first) == set(PORTS) and len(set(first.values())) == len(PORTS)
    assert choose_ports(instance) == first == instance.ports()
    with socket.socket() as other:
        other.bind(("127.0.0.1", first["api"]))
        other.listen()
        second = choose_ports(instance)
    assert second["api"] != first["api"]
    assert {**second, "api": 0} == {**first, "api": 0}


def test_internal_ports_are_not_the_systems_to_give_away(tmp_path: Path) -> None:
    lowest_of_system = int(LOCAL_RANGE.read_text().split()[0])
    assert all(
        LOWEST <= port < max(lowest_of_system, LOWEST + 5000) for port in choose_ports(Instance(tmp_path)).values()
    )
