"""A certificate and its key at every step of a change, with the real openssl."""

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.host import placement
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.host.certificate import wish
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.host.pair import Pair


@pytest.mark.parametrize("lost", [[], ["key"], ["certificate"], ["key", "certificate"]], ids="-".join)
def test_after_no_step_a_key_lies_beside_the_certificate_of_another(tmp_path, monkeypatch, lost):
    pair = Pair(str(tmp_path / "certificate"), str(tmp_path / "key"), wish(["a.example.com"], [], 825, 30), 0o600, None)
    pair.apply(pair.plan())
    for name in lost:
        (tmp_path / name).unlink()
    seen = []
    place = placement.place

    def place_and_look(path, state):
        place(path, state)
        seen.append(public_keys(tmp_path))

    monkeypatch.setattr(placement, "place", place_and_look)
    pair.apply(pair.plan())
    assert bool(seen) is bool(lost)
    assert all(len(keys) <= 1 for keys in seen)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["certificate", "key"]


def public_keys(directory) -> set[str]:
    """The public keys of what lies there."""
    commands = {"key": ["pkey", "-pubout"], "certificate": ["x509", "-noout", "-pubkey"]}
    there = [[*words, "-in", str(directory / name)] for name, words in commands.items() if (directory / name).exists()]
    return {subprocess.run(["openssl", *words], check=True, capture_output=True, text=True).stdout for words in there}
