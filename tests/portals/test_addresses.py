"""The visitor's network address: as far as our own proxies tell it, and no further."""

import pytest

from portals import addresses


@pytest.fixture
def request_from(rf):
    """Make a request with a connection and what its headers claim."""

    def make(connection, forwarded=None):
        headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
        return rf.get("/", REMOTE_ADDR=connection, headers=headers)

    return make


class TestAddressOf:
    def test_is_that_of_the_connection(self, request_from):
        assert addresses.address_of(request_from("192.0.2.7")) == "192.0.2.7"

    def test_ignores_what_a_visitor_claims_where_there_is_no_proxy(self, request_from):
        assert addresses.address_of(request_from("192.0.2.7", "198.51.100.1")) == "192.0.2.7"

    @pytest.mark.parametrize(
        ("proxies", "forwarded", "expected"),
        [
            (1, "198.51.100.1", "198.51.100.1"),
            (1, "10.9.9.9, 198.51.100.1", "198.51.100.1"),
            (2, "10.9.9.9, 198.51.100.1, 203.0.113.5", "198.51.100.1"),
            (2, "198.51.100.1", "192.0.2.7"),
            (1, "2001:db8::1", "2001:db8::1"),
            (1, "::ffff:198.51.100.1", "198.51.100.1"),
            (1, "nonsense", None),
        ],
    )
    def test_counts_proxies_from_the_right(self, request_from, settings, proxies, forwarded, expected):
        settings.PROXY_COUNT = proxies

        assert addresses.address_of(request_from("192.0.2.7", forwarded)) == expected

    def test_is_unknown_without_a_connection(self, request_from):
        assert addresses.address_of(request_from("")) is None


class TestClientNetwork:
    def test_is_the_address_itself_for_ipv4(self, request_from):
        assert addresses.client_network(request_from("192.0.2.7")) == "192.0.2.7"

    def test_is_the_whole_network_that_one_subscriber_has_for_ipv6(self, request_from):
        first, second = (addresses.client_network(request_from(f"2001:db8:1:2::{end}")) for end in ("1", "abcd"))

        assert first == second == "2001:db8:1:2::/64"


class TestShortened:
    @pytest.mark.parametrize(
        ("address", "expected"),
        [("192.0.2.7", "192.0.2.0/24"), ("2001:db8:1:2::3", "2001:db8:1::/48"), (None, ""), ("", "")],
    )
    def test_leaves_out_the_last_part(self, address, expected):
        assert addresses.shortened(address) == expected
