"""What a loosely named version means, and whether versions go together."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.alignment import too_far, unsupported
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.lock import Lock
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.resolve import Candidates, moves, newest_patches, settled
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.version import LooseVersion, Version, parse_wanted


def versions(text: str) -> list[Version]:
    return [Version.parse(version) for version in text.split()]


SUPPORTED = versions("v1.10.8 v1.11.9 v1.11.10 v1.12.0 v1.13.0-beta.1")


@pytest.mark.parametrize(
    ("written", "wanted"),
    [("v1.11", (1, 11)), ("1.11", (1, 11)), ("omni", None)],
)
def test_loose_versions(written, wanted):
    assert parse_wanted(written) == LooseVersion(wanted)
    assert parse_wanted(str(parse_wanted(written))) == LooseVersion(wanted)


def test_exact_versions_are_wanted_as_they_are():
    assert parse_wanted("1.13.0-beta.1") == Version.parse("v1.13.0-beta.1")


@pytest.mark.parametrize("written", ["latest", "Omni", "v1", "v1.x", "v1.11.", "", None, 1, True, [], "v1.11 ", "v01.11", "v1.11-beta"])
def test_what_is_no_version(written):
    with pytest.raises(InputError, match="is no Talos version; write v1.11.4, v1.11 for its newest patch, or omni for the newest that Omni supports"):
        parse_wanted(written)


def test_a_number_of_yaml():
    with pytest.raises(InputError, match="1.1 is a number in YAML"):
        parse_wanted(1.10)


@pytest.mark.parametrize(
    ("wanted", "published", "found"),
    [
        ("v1.11", None, "v1.11.10"),
        ("omni", None, "v1.12.0"),
        ("v1.11", SUPPORTED, "v1.11.10"),
        ("v1.11", versions("v1.11.9 v1.11.11"), "v1.11.9"),
        ("omni", versions("v1.13.0-beta.1 v1.10.8"), "v1.10.8"),
    ],
)
def test_the_newest_that_omni_supports_and_the_factory_has(wanted, published, found):
    assert str(Candidates(SUPPORTED, published).newest(parse_wanted(wanted))) == found


@pytest.mark.parametrize(
    ("candidates", "wanted", "message"),
    [
        (Candidates(SUPPORTED), "v1.13", "v1.13: there is no such version; Omni supports v1.10.8, v1.11.10, v1.12.0"),
        (Candidates(SUPPORTED, []), "v1.11", "v1.12.0, but the Image Factory has none of them that is not broken"),
        (Candidates([]), "omni", "omni: there is no such version; Omni supports none"),
        (Candidates(), "v1.11", "v1.11 means the newest version that Omni supports, but Omni is not asked"),
        (Candidates(present=versions("v1.12.0")), "v1.11", "no boot host has one; write an exact version, or what it means into omni_matchbox_images_lock"),
    ],
)
def test_where_there_is_none(candidates, wanted, message):
    with pytest.raises(InputError) as refused:
        candidates.newest(parse_wanted(wanted))
    assert message in str(refused.value)


def test_without_omni_it_is_the_newest_on_a_boot_host():
    assert str(Candidates(present=versions("v1.11.9 v1.11.10 v1.12.0")).newest(parse_wanted("v1.11"))) == "v1.11.10"


LOCKS = {"boot1": Lock(versions={"v1.11": "v1.11.4"}), "boot2": Lock(), "boot3": Lock(versions={"v1.11": "v1.11.4", "omni": "v1.12.0"})}
APART = {**LOCKS, "boot4": Lock(versions={"v1.11": "v1.11.5"})}


@pytest.mark.parametrize(
    ("wanted", "pins", "locks", "refresh", "found"),
    [
        ("v1.11", {}, LOCKS, False, "v1.11.4"),
        ("omni", {}, LOCKS, False, "v1.12.0"),
        ("v1.12", {}, LOCKS, False, None),
        ("v1.11", {}, {"new": Lock()}, False, None),
        ("v1.11", {}, LOCKS, True, None),
        ("v1.11", {}, APART, True, None),
        ("v1.11", {"v1.11": "v1.11.6"}, APART, False, "v1.11.6"),
        ("v1.11", {"v1.11": "v1.11.6"}, LOCKS, True, "v1.11.6"),
    ],
)
def test_what_is_settled(wanted, pins, locks, refresh, found):
    meant = settled(parse_wanted(wanted), pins, locks, refresh)
    assert (meant and str(meant)) == found


def test_boot_hosts_that_disagree():
    with pytest.raises(InputError) as refused:
        settled(parse_wanted("v1.11"), {}, APART)
    assert str(refused.value) == (
        "v1.11 means v1.11.4 on boot1, boot3 and v1.11.5 on boot4; say what it means in omni_matchbox_images_lock,"
        " or ask anew with omni_matchbox_versions_refresh: true"
    )
    assert settled(parse_wanted("omni"), {}, APART) == Version.parse("v1.12.0")


def test_moves():
    assert moves({"v1.11": "v1.11.4", "omni": "v1.13.0", "v1.12": "v1.12.0"}, LOCKS) == {"omni": {"before": ["v1.12.0"], "after": ["v1.13.0"]}}
    assert moves({"v1.11": "v1.11.4"}, APART) == {"v1.11": {"before": ["v1.11.4", "v1.11.5"], "after": ["v1.11.4"]}}


def test_newest_patches():
    assert newest_patches(SUPPORTED) == versions("v1.10.8 v1.11.10 v1.12.0")


def test_versions_that_omni_does_not_support():
    lines = unsupported({"a": Version.parse("v1.11.4"), "b": Version.parse("v1.12.0"), "c": Version.parse("v1.9.0")}, SUPPORTED)
    assert lines == [
        "class a: Omni does not support Talos v1.11.4; it supports v1.11.10",
        "class c: Omni does not support Talos v1.9.0; it supports v1.10.8, v1.11.10, v1.12.0",
    ]


@pytest.mark.parametrize(
    ("version", "cluster", "apart"),
    [
        ("v1.11.4", "v1.11.9", False),
        ("v1.10.8", "v1.11.9", False),
        ("v1.12.0", "v1.11.9", False),
        ("v1.9.0", "v1.11.9", True),
        ("v1.13.0", "v1.11.9", True),
        ("v2.11.0", "v1.11.9", True),
    ],
)
def test_how_far_a_class_may_be_from_its_cluster(version, cluster, apart):
    members = [("node1", "talos", "home"), ("node2", "talos", "home"), ("node3", "talos", "not there yet")]
    lines = too_far({"talos": Version.parse(version)}, {"home": Version.parse(cluster)}, members, SUPPORTED)
    assert (
        lines
        == [
            f"class talos: its machine node1 goes to cluster home, which has Talos v1.11.9; from {version} that is more than one minor version;"
            " v1.10.8, v1.11.10, v1.12.0 would do"
        ]
        * apart
    )
