"""Every spelling of an inner address is one, and the internet's are not."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.net.addresses import is_allowed, literal
from serving.net.transfer import BlockedUrl, check_url

INNER = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
]


@st.composite
def inner(draw: st.DrawFn) -> IPv4Address:
    network = ip_network(draw(st.sampled_from(INNER)))
    return IPv4Address(
        draw(st.integers(int(network.network_address), int(network.broadcast_address)))
    )


@st.composite
def spelled(draw: st.DrawFn) -> tuple[IPv4Address, str]:
    """An inner address in one of the forms that the C library reads."""
    address = draw(inner())
    octets = list(address.packed)
    count = draw(st.integers(1, 4))
    rest = int.from_bytes(bytes(octets[count - 1 :]), "big")
    parts = [*octets[: count - 1], rest]
    forms = [draw(st.sampled_from(["{}", "0x{:x}", "0X{:X}", "0{:o}", "0x000{:x}"])) for _ in parts]
    text = ".".join(form.format(part) for form, part in zip(forms, parts, strict=True))
    return address, text


@given(spelled())
def test_every_spelling_of_an_inner_address_is_blocked(case: tuple[IPv4Address, str]) -> None:
    address, text = case
    assert IPv4Address(socket.inet_aton(text)) == address
    assert literal(text) == address
    with pytest.raises(BlockedUrl):
        check_url(f"https://{text}/video.mp4")


@given(inner())
def test_inner_addresses_inside_ipv6_are_blocked(address: IPv4Address) -> None:
    number = int(address)
    carriers = [
        (0xFFFF << 32) | number,  # mapped
        number,  # compatible
        (0x0064_FF9B << 96) | number,  # NAT64
        (0x0064_FF9B_0001 << 80) | number,  # NAT64 of a site
        (0x2002 << 112) | (number << 80),  # 6to4
        (0x2001_0000 << 96) | (number ^ 0xFFFFFFFF),  # Teredo: the client's, inverted
        (0x2606_4700 << 96) | (0x0000_5EFE << 32) | number,  # ISATAP under a public prefix
        (0x2606_4700 << 96) | (0x0200_5EFE << 32) | number,
    ]
    for carrier in carriers:
        found = IPv6Address(carrier)
        assert not is_allowed(found), found
        with pytest.raises(BlockedUrl):
            check_url(f"https://[{found}]/video.mp4")


@pytest.mark.parametrize(
    "address",
    [
        *("::", "::1", "fe80::1", "fe80::1%1", "fc00::1", "fd12::1", "fec0::1", "ff02::1"),
        *("ff0e::1", "2001:db8::1", "3fff::1", "5f00::1", "100::1", "2001:20::1", "2002::1"),
        *("2620:4f:8000::1", "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.51.100.7"),
        *("203.0.113.9", "255.255.255.255"),
    ],
)
def test_special_addresses_are_never_opened(address: str) -> None:
    assert not is_allowed(ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001::1"]
)
def test_public_addresses_are_opened(address: str) -> None:
    assert is_allowed(ip_address(address))
    bracketed = f"[{address}]" if ":" in address else address
    assert check_url(f"https://{bracketed}/a") == f"https://{bracketed}/a"


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.0.9", "::1", "fd12::1"])
def test_private_networks_open_only_when_asked_for(address: str) -> None:
    assert is_allowed(ip_address(address), allow_private=True)
    assert not is_allowed(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "fe80::a9fe:a9fe", "168.63.129.16", "100.100.100.200"),
        *("fd00:ec2::254", "fd20:ce::254", "192.0.0.192", "0.0.0.0", "::", "224.0.0.1"),
        "::ffff:169.254.169.254",
    ],
)
def test_credentials_of_clouds_are_out_of_reach_even_in_private_networks(address: str) -> None:
    assert not is_allowed(ip_address(address), allow_private=True)


@given(st.ip_addresses())
def test_private_only_adds(address: IPv4Address | IPv6Address) -> None:
    if is_allowed(address):
        assert is_allowed(address, allow_private=True)
        assert address.is_global
        assert not address.is_multicast


@pytest.mark.parametrize("name", ["example.com", "a", "x.1.2.3.4", "1.2.3.4.5", "0x", "exämple.de"])
def test_names_are_no_addresses(name: str) -> None:
    assert literal(name) is None
