"""Whose call it is, by address. `remote` is what the web server believes: a proxy that was named (docs/settings.md)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from moderation.sentence import Sentence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def address_of(remote: str) -> Address | None:
    """None for a proxy's nonsense, or a Unix socket. An IPv4 address that was mapped into IPv6 is itself again."""
    try:
        found = ipaddress.ip_address(remote)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found


def visitor_of(remote: str) -> str | None:
    """Whose failures are counted together: an IPv4 address, or the /64 that one visitor has (RFC 6177)."""
    address = address_of(remote)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address) if address else None


def network(text: str) -> str:
    """One address or CIDR block as it is written properly (host bits cleared). Raises ValueError."""
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError as error:
        said = Sentence("%(text)s is neither an address nor a block like 203.0.113.0/24", text=text)
        raise ValueError(said) from error


def within(remote: str, networks: Iterable[str]) -> bool:
    """Whether the address lies in one of the blocks; what is no address lies in none."""
    address = address_of(remote)
    return address is not None and any(address in ipaddress.ip_network(block) for block in networks)
