"""Bodies that come packed with gzip, within the limits of those that do not."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

import httpx2
import orjson
import pytest
from plane import Http, refused, speaking_to

from mockserver.spec.bodies import decoded
from mockserver.testing import MadeWorld

EVENT = orjson.dumps({"user": {"id": "ada"}, "value": 3})
PACKED = gzip.compress(EVENT, mtime=0)
PATH = "/metrics/words-written/event"


@pytest.fixture
def http(trophy_world: MadeWorld) -> Iterator[Http]:
    with speaking_to(trophy_world) as http:
        yield http


def post(http: Http, body: bytes, encoding: str) -> httpx2.Response:
    return http.api("POST", PATH, body, Content_Encoding=encoding, Content_Type="application/json")


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP"])
def test_a_packed_body_is_read(http: Http, trophy_world: MadeWorld, encoding: str) -> None:
    assert post(http, PACKED, encoding).json()["total"] == 3
    (row,) = trophy_world.requests(user="ada")
    assert row["request"] == orjson.loads(EVENT)


def test_several_members_in_a_row_are_one_body(http: Http) -> None:
    assert post(http, gzip.compress(EVENT[:9]) + gzip.compress(EVENT[9:]), "gzip").json()["total"] == 3


def test_identity_is_no_packing(http: Http) -> None:
    assert post(http, EVENT, "identity").json()["total"] == 3


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip"])
def test_other_encodings_are_refused_by_name(http: Http, trophy_world: MadeWorld, encoding: str) -> None:
    refused(post(http, zlib.compress(EVENT), encoding), 400, f'must be gzip or identity, not "{encoding}"')
    assert trophy_world.facts() == []


BROKEN = {"plain": b"not packed", "cut": PACKED[:-9], "longer": PACKED + b"more", "as it is": EVENT}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_what_is_not_the_whole_of_a_gzip_file_is_refused(http: Http, trophy_world: MadeWorld, body: bytes) -> None:
    refused(post(http, body, "gzip"), 400, "not the whole of a gzip file")
    assert trophy_world.facts() == []


def test_a_bomb_is_refused_where_it_grows_beyond_the_limit(http: Http) -> None:
    refused(post(http, gzip.compress(b" " * (64 << 20)), "gzip"), 400, "at most 1048576 bytes")
    most = b" " * ((1 << 20) - len(EVENT)) + EVENT
    assert post(http, gzip.compress(most), "gzip").json()["total"] == 3


@pytest.mark.parametrize("member", [b"", b" "], ids=["empty", "small"])
def test_a_body_of_very_many_members_is_refused_before_it_holds_up_others(http: Http, member: bytes) -> None:
    packed = gzip.compress(member, mtime=0)
    refused(post(http, packed * 10_001, "gzip"), 400, "at most 10000 members")
    assert post(http, packed * 9_999 + PACKED, "gzip").json()["total"] == 3


def test_what_follows_a_member_is_not_copied_with_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body of many small members would cost the square of their number."""
    copied = 0

    class Counting:
        def __init__(self, wbits: int) -> None:
            self._member = unpacking(wbits=wbits)

        def decompress(self, piece: bytes, most: int) -> bytes:
            nonlocal copied
            found = self._member.decompress(piece, most)
            copied += len(self._member.unused_data)
            return found

        def __getattr__(self, name: str) -> object:
            return getattr(self._member, name)

    unpacking = zlib.decompressobj
    monkeypatch.setattr(zlib, "decompressobj", Counting)
    body = gzip.compress(b"", mtime=0) * 9_999 + PACKED
    assert decoded(b"gzip", body) == EVENT
    assert copied < 60 * len(body)  # half of the body 10,000 times otherwise


def test_the_control_plane_reads_them_too(http: Http, trophy_world: MadeWorld) -> None:
    body = gzip.compress(b'{"frozen": true}')
    response = http.mock("PUT", "/clock", body, Content_Encoding="gzip")
    assert (response.status_code, response.json()["frozen"]) == (200, True)
    refused(http.mock("PUT", "/clock", body, Content_Encoding="br"), 400, "must be gzip or identity")
