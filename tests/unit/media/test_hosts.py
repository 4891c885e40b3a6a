"""Which hosts may be asked, and at which addresses."""

from __future__ import annotations

import pytest

from consumer.errors import ErrorCode, PermanentError, TransientError
from consumer.media.hosts import HostRules, resolve

PUBLIC = "93.184.215.14"


def rules(*allowed: str, address: str = PUBLIC) -> HostRules:
    return HostRules(allowed, lambda host, port: [address])


def refused(made: HostRules, host: str, port: int = 443) -> None:
    with pytest.raises(PermanentError, match="ALLOWED_HOSTS") as caught:
        made.addresses(host, port)
    assert caught.value.code is ErrorCode.SOURCE_REFUSED
    assert "video_url" in caught.value.message


def test_nothing_is_allowed_by_default() -> None:
    refused(rules(), "videos.example.com")


def test_a_listed_host_may_live_anywhere() -> None:
    assert rules("Videos.example.com", address="10.0.0.1").addresses("videos.EXAMPLE.com.", 443) is None
    assert rules("127.0.0.1").addresses("127.0.0.1", 80) is None
    assert rules("[::1]").addresses("::1", 80) is None


def test_a_port_may_be_named() -> None:
    assert rules("videos.example.com:8443").addresses("videos.example.com", 8443) is None
    refused(rules("videos.example.com:8443"), "videos.example.com", 443)


def test_patterns_take_public_addresses_only() -> None:
    assert rules("*.example.com").addresses("a.b.example.com", 443) == [PUBLIC]
    assert rules("*").addresses("anything.test", 443) == [PUBLIC]
    refused(rules("*.example.com"), "example.com")
    refused(rules("*.example.com"), "badexample.com")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104
        "224.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "::",
        "::127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0:7f00:1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "2001:0:7f00:1::",
        "fec0::1",
        "fd00:ec2::254",
        "ff02::1",
        "255.255.255.255",
        "198.18.0.1",
        "192.0.0.192",
        "168.63.129.16",
        "::ffff:168.63.129.16",
        "2002:7f00:1::",
        "fe80::1%eth0",
        "fc00::1",
    ],
)
def test_no_pattern_reaches_an_inner_address(address: str) -> None:
    refused(rules("*", address=address), "sly.example.com")


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14"])
def test_public_addresses(address: str) -> None:
    assert rules("*", address=address).addresses("videos.example.com", 443) == [address]


def test_names_that_do_not_resolve_are_tried_again_later() -> None:
    with pytest.raises(TransientError) as caught:
        resolve("no-such-name.invalid", 80)
    assert caught.value.code is ErrorCode.SOURCE_UNREACHABLE
