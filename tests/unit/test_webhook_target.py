"""Which addresses webhooks reach: a table, and the pinning of what was checked."""

import ipaddress
import socket
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from noteyard.webhook_target import WebhookRefused, allowed, check_saved, host_of, resolve

REFUSED = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",  # metadata of most clouds
    "100.100.100.200",  # Alibaba's
    "168.63.129.16",  # Azure's
    "192.0.0.192",  # Oracle's
    "100.64.0.1",
    "198.18.0.1",
    "192.0.2.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001:0:0:0:0:0:80ff:fffe",  # Teredo for 127.0.0.1
    "fe80::1",
    "fec0::1",
    "fc00::1",
    "fd00:ec2::254",  # AWS's metadata
    "ff02::1",
    "2001:db8::1",
]
ALLOWED = ["8.8.8.8", "93.184.216.34", "172.32.0.1", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", REFUSED)
def test_refused(address: str) -> None:
    assert not allowed(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ALLOWED)
def test_allowed(address: str) -> None:
    assert allowed(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("address", "networks", "expected"),
    [
        ("10.1.2.3", ["10.1.0.0/16"], True),
        ("10.2.2.3", ["10.1.0.0/16"], False),
        ("10.1.2.3", ["10.1.2.3"], True),
        ("::ffff:10.1.2.3", ["10.1.0.0/16"], True),
        ("127.0.0.1", ["ci.internal", "10.0.0.0/8"], False),
        ("fd00::5", ["fd00::/64"], True),
        ("169.254.169.254", ["0.0.0.0/0"], True),
    ],
)
def test_networks_that_the_settings_allow(address: str, networks: list[str], expected: bool) -> None:
    assert allowed(ipaddress.ip_address(address), networks) is expected


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/hook",
        "http://127.1/hook",
        "http://2130706433/hook",
        "http://0x7f000001/hook",
        "http://[::1]:8000/hook",
        "http://[::ffff:127.0.0.1]/hook",
        "http://localhost/hook",
        "http://LOCALHOST/hook",
        "http://169.254.169.254/latest/meta-data/",
        "https://user:password@10.0.0.1/hook",
    ],
)
async def test_however_a_private_address_is_written_it_is_refused(url: str) -> None:
    with pytest.raises(WebhookRefused, match="a private or reserved address"):
        await resolve(url, [])
    with pytest.raises(WebhookRefused, match="a private or reserved address"):
        check_saved(url, [])


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("ftp://example.com/x", "begins with https:// or http:// and a host"),
        ("file:///etc/passwd", "begins with https:// or http:// and a host"),
        ("https://", "begins with https:// or http:// and a host"),
        ("http://a" + "b" * 70 + ".example/", "can't be a host's name|can't be read"),
        ("http://exa mple/\x00", "can't be read"),
    ],
)
async def test_what_is_no_url_of_a_webhook_is_refused(url: str, text: str) -> None:
    with pytest.raises(WebhookRefused, match=text):
        await resolve(url, [])


@pytest.mark.parametrize(
    ("url", "allow"),
    [
        ("https://8.8.8.8/hook", []),
        ("https://[2606:2800:220:1::1]/hook", []),
        ("https://ci.internal/hook", []),
        ("https://127.0.0.1.example.org/hook", []),
        ("https://localhost.example.org/hook", []),
        ("http://10.1.2.3/hook", ["10.1.0.0/16"]),
        ("http://localhost:9/hook", ["127.0.0.0/8"]),
        ("http://LocalHost./hook", ["localhost"]),
    ],
)
def test_what_may_be_reached_or_is_only_known_when_it_is_sent_can_be_saved(url: str, allow: list[str]) -> None:
    check_saved(url, allow)


@pytest.mark.parametrize("url", ["http://localhost./hook", "http://ada.localhost/hook", "http://127.0.0.1./hook"])
def test_other_names_of_this_machine_can_not_be_saved(url: str) -> None:
    with pytest.raises(WebhookRefused, match="a private or reserved address"):
        check_saved(url, ["10.0.0.0/8"])


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://ada:secret@hooks.example.org/T0/secret?key=secret#secret", "hooks.example.org"),
        ("http://[2606:2800::1]:8080/secret", "[2606:2800::1]:8080"),
        ("http://exa mple/secret\x00", "a webhook"),
    ],
)
def test_only_the_host_of_a_webhook_is_shown(url: str, host: str) -> None:
    assert host_of(url) == host


def answers(monkeypatch: pytest.MonkeyPatch, *addresses: Sequence[str]) -> list[str]:
    """Makes the resolver answer with these in turn; returns what it was asked."""
    asked: list[str] = []
    turns, real = iter(addresses), socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *more: Any, **named: Any) -> list[tuple[Any, ...]]:
        if not str(host).rstrip(".").endswith((".example.org", ".internal")):
            return real(host, port, *more, **named)  # another test's thread asks
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in next(turns)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


async def test_the_checked_address_is_the_one_used(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answers(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
    target = await resolve("https://hooks.example.org:8443/a?b=c", [])
    async with httpx.AsyncClient() as client:
        request = target.request(client, b"{}", {"X-Test": "1"})
    assert str(request.url) == "https://93.184.216.34:8443/a?b=c"
    assert request.headers["host"] == "hooks.example.org:8443"
    assert request.extensions["sni_hostname"] == "hooks.example.org"
    assert asked == ["hooks.example.org"]


async def test_one_private_address_among_several_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, ["93.184.216.34", "10.0.0.1"])
    with pytest.raises(WebhookRefused) as refused:
        await resolve("https://hooks.example.org/", [])
    assert refused.value.message == "hooks.example.org is at 10.0.0.1, a private or reserved address."
    assert refused.value.hint == "Use a public address, or ask an administrator to add it to webhooks.allow_private."


async def test_a_host_that_the_settings_allow_may_be_private(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, ["10.0.0.1"], ["10.0.0.1"])
    target = await resolve("https://CI.internal./hook", ["ci.internal"])
    assert str(target.address) == "10.0.0.1"
    with pytest.raises(WebhookRefused):
        await resolve("https://evil-ci.internal/hook", ["ci.internal"])


async def test_a_literal_ipv6_address_keeps_its_brackets() -> None:
    target = await resolve("http://[2606:2800:220:1::1]:81/x", [])
    async with httpx.AsyncClient() as client:
        request = target.request(client, b"", {})
    assert str(request.url) == "http://[2606:2800:220:1::1]:81/x"
    assert request.headers["host"] == "[2606:2800:220:1::1]:81"
    assert "sni_hostname" not in request.extensions
