"""Scripts and metadata. The recordings under tests/unit/engine compare whole answers; here are the rules one by one."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.model import Boot, Group
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.script import CHAIN_SCRIPT, grub_script, ipxe_script, metadata


def test_the_first_script():
    assert len(CHAIN_SCRIPT) == 132
    assert CHAIN_SCRIPT == (
        "#!ipxe\nchain ipxe?uuid=${uuid}&mac=${mac:hexhyp}&domain=${domain}&hostname=${hostname}&serial=${serial}&arch=${buildarch:uristring}\n"
    )


def test_ipxe():
    assert ipxe_script(Boot("/k", ["/i", "/j"], ["a", "b"])) == "#!ipxe\nkernel /k a b\ninitrd /i\ninitrd /j\nboot\n"
    assert ipxe_script(Boot()) == "#!ipxe\nkernel \nboot\n"


def test_grub():
    assert grub_script(Boot("/k", ["/i", "/j"], ["{a}", "b"])).splitlines()[4:9] == [
        'echo "Loading kernel"',
        'linuxefi "/k" {a} b',
        'echo "Loading initrd"',
        'initrdefi  "/i" "/j"',
        "}",
    ]
    assert grub_script(Boot("/k")).splitlines()[7] == "initrdefi "


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (0.0, "0"), (-0.0, "-0"), (7.0, "7"), (7, "7"), (100000.0, "100000"), (999999.0, "999999"), (1e6, "1e+06"), (1234567.0, "1.234567e+06"),
        (8589934592.0, "8.589934592e+09"), (0.0001, "0.0001"), (1e-05, "1e-05"), (100000.5, "100000.5"), (-1.5e-7, "-1.5e-07"),
        (5e-324, "5e-324"), (1.7976931348623157e308, "1.7976931348623157e+308"), (9007199254740993.0, "9.007199254740992e+15"),
        (True, "true"), (False, "false"), ("", ""), ("a\nb", "a\nb"),
    ],
)  # fmt: skip
def test_values(value, printed):
    assert metadata(Group(metadata={"k": value}), {}, b"") == f"K={printed}\nREQUEST_RAW_QUERY=\n"


@pytest.mark.parametrize(
    ("name", "printed"),
    [("mi-x.k y", "MI-X.K Y"), ("straße", "STRAßE"), ("ı", "I"), ("ſ", "S"), ("µ", "Μ"), ("ǆ", "Ǆ"), ("ᾳ", "ᾼ"), ("ŉ", "ŉ"), ("ﬁ", "ﬁ"), ("", "")],
)
def test_names(name, printed):
    assert metadata(Group(metadata={name: "v"}), {}, b"") == f"{printed}=v\nREQUEST_RAW_QUERY=\n"


def test_the_tree():
    group = Group(metadata={"a": {"b": {"": 1.0}}, "n": None, "l": [1.0], "o": {}, "q": "lost", "request": {"x": "lost"}}, selector={"Q": "1"})
    printed = metadata(group, {"q": "1", "\udcff": "\udcff"}, b"q=1&%FF=%FF")
    assert printed == "A_B_=1\nQ=1\nREQUEST_QUERY_Q=1\nREQUEST_QUERY_\ufffd=\udcff\nREQUEST_RAW_QUERY=q=1&%FF=%FF\n"


def test_a_tree_too_deep_for_recursion():
    tree: dict = {"x": "v"}
    for _level in range(5000):
        tree = {"x": tree}
    assert metadata(Group(metadata=tree), {}, b"").startswith("X_X_")
