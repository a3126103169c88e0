"""The search for secrets finds what it has to find: a tool that finds nothing would make every test of secrets pass."""

from __future__ import annotations

import base64
import secrets
import string
import urllib.parse

import pytest
from support.secrets import PIECE, holders

TOKEN = "v2:" + "".join(secrets.choice(string.ascii_letters) for _letter in range(50)) + "+/=="

HIDING_PLACES = {
    "": TOKEN,
    "URL-encoded": urllib.parse.quote(TOKEN, safe=""),
    "in hexadecimal": TOKEN.encode().hex(),
    "in HEXADECIMAL": TOKEN.encode().hex().upper(),
    **{f"in base64 at {before}": base64.b64encode(b"x" * before + TOKEN.encode() + b"?").decode() for before in range(3)},
    "as an excerpt": "..." + TOKEN[3 : 3 + 2 * PIECE] + "...",
}


@pytest.mark.parametrize("place", HIDING_PLACES)
def test_a_secret_is_found(tmp_path, place):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/file").write_bytes(b"\0\xff\n" + HIDING_PLACES[place].encode() + b"\0")
    (tmp_path / "other").write_text(TOKEN[: PIECE - 1])
    found = holders({"token": [TOKEN]}, tmp_path)
    assert list(found) == [str(tmp_path / "deep/file")]
    assert ("token" if place in ("", "as an excerpt") else f"token {place}") in found[str(tmp_path / "deep/file")].split(", ")


def test_a_place_that_is_not_there_is_no_place_without_secrets(tmp_path):
    with pytest.raises(AssertionError):
        holders({"token": [TOKEN]}, tmp_path / "missing")
