"""Where webhooks go, and with which secret."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from mockserver.game.errors import NotFound, Refused
from mockserver.webhooks.bodies import KINDS
from mockserver.webhooks.endpoints import Endpoints
from mockserver.webhooks.signing import new_secret, sign, verify


def endpoints(seed: str = "1") -> Endpoints:
    return Endpoints(KINDS, seed)


def test_the_signature_is_the_base64_of_an_hmac_sha256_over_the_raw_body() -> None:
    body = '{"name":"Zoë"}'.encode()
    by_hand = base64.b64encode(hmac.new(b"secret", body, hashlib.sha256).digest()).decode()
    assert sign("secret", body) == by_hand
    assert verify("secret", body, by_hand)


@pytest.mark.parametrize(
    "signature",
    ["", "x", "ÿ", "\ud800", sign("another", b"{}"), sign("secret", b"{ }"), sign("secret", b"{}")[:-1]],
)
def test_any_other_signature_does_not_verify(signature: str) -> None:
    assert not verify("secret", b"{}", signature)


def test_a_secret_that_is_not_given_is_made_the_same_for_the_same_seed_and_never_twice() -> None:
    made = [endpoints(seed).add("http://a.test/").secret for seed in ("1", "1", "2")]
    assert made[0] == made[1] == new_secret("1", 1) != made[2]
    rows = endpoints()
    assert rows.add("http://a.test/").secret != rows.add("http://a.test/").secret


def test_an_endpoint_wants_all_types_unless_it_names_some_and_none_when_it_is_off() -> None:
    rows = endpoints()
    assert all(rows.add("http://a.test/").wants(kind) for kind in KINDS)
    some = rows.add("https://a.test:9000/x?y=1", events=["streak.lost", "streak.lost"])
    assert some.events == ("streak.lost",)
    assert [kind for kind in KINDS if some.wants(kind)] == ["streak.lost"]
    assert not any(rows.add("http://a.test/", active=False).wants(kind) for kind in KINDS)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "must begin with http:// or https://"),
        ("localhost:9000/trophy", "must begin with http:// or https://"),
        ("ftp://a.test/", "must begin with http:// or https://"),
        ("http://", "names no host"),
        ("http:///trophy", "names no host"),
        ("http://a.test:99999/", "cannot be read"),
        ("http://a.test:0/", "names port 0"),
        ("http://a..b/", "names a host that cannot be"),
        ("http://.test/", "names a host that cannot be"),
        ("http://" + "a" * 70, "names a host that cannot be"),
        ("http://[::1/", "cannot be read"),
        ("http://a test/", "contains white space"),
        ("http://a.test/\n", "contains white space"),
        ("http://a\x7f.test/", "contains a control character"),
        ("http://a.test/\u202e", "contains a control character"),
        ("http://a.test/\udcff", "contains a control character, or what is not UTF-8"),
    ],
)
def test_an_address_that_cannot_be_sent_to_is_refused_with_the_reason_and_an_example(url: str, why: str) -> None:
    with pytest.raises(Refused) as refusal:
        endpoints().add(url)
    assert f'webhook "url" {why}' in str(refusal.value)
    assert "http://127.0.0.1:9000/trophy" in str(refusal.value)


@pytest.mark.parametrize(
    "url", ["http://localhost/", "http://a.test./x", "http://[::1]:9000/", "https://bücher.example/"]
)
def test_an_address_that_can_be_is_taken(url: str) -> None:
    assert endpoints().add(url).url == url


def test_a_type_that_the_spec_does_not_have_is_refused_with_the_nearest_one() -> None:
    rows = endpoints()
    with pytest.raises(Refused, match=r'"streak.freeze_used" is not a webhook type; did you mean "streak.'):
        rows.add("http://a.test/", events=["streak.lost", "streak.freeze_used"])
    assert len(rows) == 0


def test_an_empty_secret_is_refused() -> None:
    with pytest.raises(Refused, match="secret"):
        endpoints().add("http://a.test/", secret="")


def test_an_endpoint_is_found_by_its_id_until_it_is_removed_and_ids_are_never_used_twice() -> None:
    rows = endpoints()
    first = rows.add("http://a.test/")
    assert rows.get("endpoint-1") is first
    rows.remove("endpoint-1")
    with pytest.raises(NotFound, match=r'no webhook endpoint "endpoint-1" \(there are: none\)'):
        rows.get("endpoint-1")
    assert rows.add("http://a.test/").id == "endpoint-2"
