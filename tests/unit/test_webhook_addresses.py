"""A company's webhook must not become a way into the operator's own network."""

from __future__ import annotations

import ipaddress

import pytest

from storage.outgoing.webhook_addresses import LONGEST_URL, is_allowed, is_reachable, webhook_url

OFFICE = (ipaddress.ip_network("10.1.2.0/24"),)


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_the_public_internet_is_called(address: str) -> None:
    """Also where a gateway translates IPv6 to IPv4 (RFC 6052)."""
    assert is_reachable(ipaddress.ip_address(address), ())


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *(
            str(ipaddress.IPv4Address(0)),
            "255.255.255.255",
            "224.0.0.1",
            "240.0.0.1",
            "198.18.0.1",
            "192.0.0.9",
            "192.88.99.1",
        ),
        *("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1"),
        # IPv6 addresses that stand for an IPv4 address of ours: mapped, compatible, 6to4, NAT64, Teredo
        *("::ffff:10.0.0.1", "::127.0.0.1", "2002:a00:1::1", "64:ff9b::a00:1", "64:ff9b:1::a00:1"),
        "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    ],
)
def test_no_network_of_ours_is_called(address: str) -> None:
    """Loopback, private, link-local with the metadata of clouds in it, and whatever else is not public."""
    assert not is_reachable(ipaddress.ip_address(address), ())


def test_an_operator_may_allow_a_network() -> None:
    """That one and no other, also by its IPv6 form."""
    allowed = [
        one
        for one in ("10.1.2.3", "::ffff:10.1.2.3", "10.1.3.3", "8.8.8.8")
        if is_allowed(ipaddress.ip_address(one), OFFICE)
    ]

    assert allowed == ["10.1.2.3", "::ffff:10.1.2.3"]
    assert is_reachable(ipaddress.ip_address("10.1.2.3"), OFFICE)
    assert not is_reachable(ipaddress.ip_address("10.1.3.3"), OFFICE)


@pytest.mark.parametrize(
    ("entered", "kept"),
    [
        (" https://erp.example.com/in?x=1 ", "https://erp.example.com/in?x=1"),
        ("https://ERP.example.com", "https://erp.example.com/"),
        ("https://bücher.example:8443/", "https://xn--bcher-kva.example:8443/"),
        ("https://[2001:4860::8]/a", "https://[2001:4860::8]/a"),
    ],
)
def test_an_address_is_kept_as_http_writes_it(entered: str, kept: str) -> None:
    """So it is signed, sent and shown in one form."""
    assert webhook_url(entered, ()) == kept


@pytest.mark.parametrize(
    "entered",
    [
        *("", "erp", "ftp://erp.example.com/", "https://", "https:///x", "http://erp.example.com/"),
        *(
            "https://user:secret@erp.example.com/",
            "https://erp.example.com/#a",
            "https://erp.example.com:99999/",
        ),
        *("https://erp.example.com/a b", "https://erp.example.com/ü", "https://erp.example.com/\r\nHost: x"),
        *("https://[::1", f"https://erp.example.com/{'a' * LONGEST_URL}", f"https://{'a' * 64}.example/"),
    ],
)
def test_what_is_no_address_for_calls_is_refused(entered: str) -> None:
    """With a sentence that says what to do; nothing that would end up in a header field."""
    with pytest.raises(ValueError, match=r"."):
        webhook_url(entered, ())


def test_http_is_for_allowed_networks() -> None:
    """Where the operator has named some; what it leads to is seen when it is called."""
    assert webhook_url("http://erp.office.example/in", OFFICE) == "http://erp.office.example/in"
