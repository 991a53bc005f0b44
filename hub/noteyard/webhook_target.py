"""Where a webhook may go: a public address, or a private one that the settings allow.

People choose webhooks' URLs, and Noteyard's machine can reach what they can't: its own ports, its neighbours, a cloud's
metadata service. So the name is resolved here, every address it has is checked, and the request goes to a checked
address by number: a second look-up could answer otherwise (DNS rebinding). Redirects are for the caller not to follow.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from noteyard.errors import NoteyardError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_REFUSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32",  # Azure's platform services, on a public number
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata service is among them
        "2001::/23",  # the same for IPv6
        "64:ff9b:1::/48",  # NAT64 into private IPv4 networks
        "::/96",  # IPv4 written as IPv6 in a way that is no more
        "fec0::/10",  # site-local, no more but routed here and there
    )
)


class WebhookRefused(NoteyardError):
    """The URL can't be used, whatever is tried again."""

    title = "Webhook refused"


@dataclass(frozen=True)
class WebhookTarget:
    """A checked URL and the one address that it is sent to."""

    url: httpx.URL
    address: Address

    def request(self, client: httpx.AsyncClient, content: bytes, headers: dict[str, str]) -> httpx.Request:
        """A POST to the address; the name goes on in the Host header and in TLS, where the certificate is checked."""
        url = self.url.copy_with(host=str(self.address))
        name = self.url.raw_host.decode()
        extensions = {"sni_hostname": name} if _literal(name) is None else {}
        headers = {**headers, "Host": self.url.netloc.decode()}
        return client.build_request("POST", url, content=content, headers=headers, extensions=extensions)


async def resolve(url: str, allow_private: Sequence[str]) -> WebhookTarget:
    """Check a webhook's URL. `allow_private` as in the settings: networks or host names.

    Raises WebhookRefused for what may not be reached, OSError when the name can't be resolved at the moment.
    """
    parsed = _parse(url)
    host = parsed.raw_host.decode()
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    try:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise WebhookRefused(f"{host} can't be a host's name.", "Correct the webhook's URL.") from None
    addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    for address in addresses:
        if not _named(host, allow_private) and not allowed(address, allow_private):
            raise WebhookRefused(
                f"{host} is at {address}, a private or reserved address.",
                "Use a public address, or ask an administrator to add it to webhooks.allow_private.",
            )
    return WebhookTarget(parsed, addresses[0])


def check_saved(url: str, allow_private: Sequence[str]) -> None:
    """Refuse what can be told of a URL without asking for a name: who writes it down is told then, not when it fails.

    Raises WebhookRefused. Names are looked at when something is sent: what they stand for changes.
    """
    host = _parse(url).raw_host.decode()
    address = _written(host)
    if address is not None and not _named(host, allow_private) and not allowed(address, allow_private):
        raise WebhookRefused(
            f"{host} is a private or reserved address.",
            "Use a public address, or ask an administrator to add it to webhooks.allow_private.",
        )


def host_of(url: str) -> str:
    """A webhook's host, with its port where it names one: what may be shown of a URL whose rest can be a secret."""
    try:
        return _parse(url).netloc.decode()
    except WebhookRefused:
        return "a webhook"


def allowed(address: Address, allow_private: Sequence[str] = ()) -> bool:
    """Whether an address is public, or within one of the networks among `allow_private`."""
    inner = _unwrapped(address)
    for network in (found for entry in allow_private if (found := _network(entry)) is not None):
        if inner.version == network.version and inner in network:
            return True
    refused = any(inner.version == network.version and inner in network for network in _REFUSED)
    return inner.is_global and not inner.is_multicast and not refused


def _parse(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise WebhookRefused(f"The webhook's URL can't be read: {error}.", "Correct it in the schedule.") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise WebhookRefused(
            "A webhook's URL begins with https:// or http:// and a host.", "Correct it in the schedule."
        )
    return parsed


def _unwrapped(address: Address) -> Address:
    # IPv6 addresses that stand for an IPv4 one are judged as that.
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None) or address


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None  # a host name


def _named(host: str, allow_private: Sequence[str]) -> bool:
    return host.rstrip(".").lower() in {entry.rstrip(".").lower() for entry in allow_private}


def _written(host: str) -> Address | None:
    """The address that a host is written as, in any way that systems read one; None for a name."""
    plain = host.rstrip(".").lower()
    if plain == "localhost" or plain.endswith(".localhost"):  # RFC 6761: never anything else
        return ipaddress.IPv4Address("127.0.0.1")
    literal = _literal(plain)
    if literal is not None:
        return literal
    try:
        return ipaddress.IPv4Address(socket.inet_aton(plain))  # 127.1, 2130706433, 0x7f000001
    except (OSError, ValueError):
        return None


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
