from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation import addresses


@pytest.mark.parametrize(
    ("remote", "inside"),
    [
        ("203.0.113.9", True),
        ("::ffff:203.0.113.9", True),
        ("203.0.114.9", False),
        ("2001:db8:1::7", True),
        ("2001:db9::7", False),
        ("", False),
        ("unix:", False),
    ],
)
def test_it_knows_what_lies_in_a_block(remote: str, inside: bool) -> None:
    assert addresses.within(remote, ["203.0.113.0/24", "2001:db8::/32"]) is inside


@given(st.ip_addresses(), st.integers(0, 32))
def test_an_address_lies_in_every_block_made_from_it(address: ipaddress.IPv4Address, bits: int) -> None:
    known = addresses.address_of(str(address))
    assert addresses.within(str(address), [addresses.network(f"{known}/{bits}")])


@pytest.mark.parametrize("text", ["", "300.1.1.1", "10.0.0.0/33", "example.org", "10.0.0.1 10.0.0.2"])
def test_what_is_no_block_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither an address nor a block"):
        addresses.network(text)


def test_one_visitor_has_a_whole_64_of_ipv6() -> None:
    assert addresses.visitor_of("2001:db8::1") == addresses.visitor_of("2001:db8::2") == "2001:db8::"
    assert addresses.visitor_of("::ffff:10.0.0.1") == "10.0.0.1"
    assert addresses.visitor_of("nonsense") is None
