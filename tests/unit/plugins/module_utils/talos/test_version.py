"""Talos versions and architectures."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.version import Version, parse_architecture

# In order; between neighbours lies one rule of semantic versioning each.
ORDERED = [
    "v1.9.10",
    "v1.10.0-alpha",
    "v1.10.0-alpha.1",
    "v1.10.0-alpha.beta",
    "v1.10.0-beta",
    "v1.10.0-beta.2",
    "v1.10.0-beta.11",
    "v1.10.0-rc.1",
    "v1.10.0",
    "v1.10.2",
    "v1.10.11",
    "v2.0.0",
]


@pytest.mark.parametrize(
    ("written", "printed", "minor"),
    [
        ("v1.11.4", "v1.11.4", (1, 11)),
        ("1.11.4", "v1.11.4", (1, 11)),
        ("v1.14.0-rc.1", "v1.14.0-rc.1", (1, 14)),
        ("1.12.0-alpha.0-12-g1a2b3c4", "v1.12.0-alpha.0-12-g1a2b3c4", (1, 12)),
    ],
)
def test_what_can_be_written(written, printed, minor):
    assert str(Version.parse(written)) == printed
    assert Version.parse(written).minor == minor
    assert Version.parse(printed) == Version.parse(written)


@pytest.mark.parametrize(("lower", "higher"), list(itertools.combinations(ORDERED, 2)))
def test_order(lower, higher):
    assert Version.parse(lower) < Version.parse(higher)
    assert (Version.parse(higher) < Version.parse(lower)) is False
    assert Version.parse(higher) >= Version.parse(lower)


@pytest.mark.parametrize(
    "written",
    ["v1.11", "latest", "", "v1.11.4 ", "v1.11.4\n", "V1.11.4", "1.011.4", "v1.11.4-", "v1.11.4+build", "v1.11.x", "१.११.४", None, 1, True, ["v1.11.4"]],
)
def test_anything_else_is_refused(written):
    with pytest.raises(InputError) as error:
        Version.parse(written)
    assert str(error.value) == f"{written!r} is no exact Talos version; write it in full, such as v1.11.4"


def test_a_number_of_yaml_is_explained():
    with pytest.raises(InputError, match="1.11 is a number in YAML .*; write the full version in quotes, such as 'v1.11.4'"):
        Version.parse(1.11)


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_architectures(architecture):
    assert parse_architecture(architecture) == architecture


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("x86_64", "amd64"),
        ("X64", "amd64"),
        ("aarch64", "arm64"),
        ("AMD64", "amd64 or arm64"),
        ("riscv64", "amd64 or arm64"),
        (None, "amd64 or arm64"),
        (64, "amd64 or arm64"),
    ],
)
def test_other_spellings_name_the_right_one(written, right):
    with pytest.raises(InputError) as error:
        parse_architecture(written)
    assert str(error.value) == f"architecture {written!r} is not known to Talos; write {right}"
