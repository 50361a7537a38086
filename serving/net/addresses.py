"""Which network addresses this server may open a connection to.

Lists of our own instead of ``ipaddress``'s ``is_global``: that one calls 192.0.0.8, fec0::1, a 6to4
address of 127.0.0.1 and Azure's metadata host global, and changes between patches of Python.
Source: IANA's special-purpose registries for IPv4 and IPv6, October 2025.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

# What a server in a private network is reached by.
_PRIVATE = tuple(
    ip_network(network)
    for network in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"),
        *("::1/128", "fc00::/7"),
    )
)
# Clouds hand out credentials at these; 169.254.169.254 is link-local, as is fe80::/10.
_METADATA = tuple(
    ip_network(network)
    for network in ("168.63.129.16/32", "100.100.100.200/32", "fd00:ec2::/32", "fd20:ce::/32")
)
_NOT_PUBLIC_4 = tuple(
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    )
)
# Everything public in IPv6 is in here; mapped (::ffff:…) and NAT64 (64:ff9b::…) are outside.
_PUBLIC_6 = ip_network("2000::/3")
# Teredo and other protocols, documentation, and 6to4: the last three can carry an IPv4 address.
_NOT_PUBLIC_6 = tuple(
    ip_network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48")
)
# The last 64 bits of ISATAP addresses: an IPv4 address behind one of these.
_ISATAP = (0x00005EFE, 0x02005EFE)


def is_allowed(address: Address, *, allow_private: bool = False) -> bool:
    """Whether to connect to an address.

    Args:
        address: as resolved.
        allow_private: also loopback and private networks; never link-local addresses, those at
            which clouds hand out credentials, multicast or reserved ones.
    """
    if any(address in network for network in _METADATA):
        return False
    if allow_private and any(address in network for network in _PRIVATE):
        return True
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    isatap = (int(address) >> 32) & 0xFFFFFFFF in _ISATAP
    return (
        address in _PUBLIC_6
        and not isatap
        and address.scope_id is None
        and not any(address in network for network in _NOT_PUBLIC_6)
    )


def literal(host: str) -> Address | None:
    """The address that a host spells, in any form that the C library reads; None for a name.

    ``127.0.0.1``, ``127.1``, ``0x7f000001``, ``0177.0.0.1`` and ``2130706433`` are the same.
    """
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host.rstrip(".")))
    except (OSError, UnicodeEncodeError):
        return None
