"""What people may write: the table of what is refused, and what holds for everything that is accepted."""

from __future__ import annotations

import json

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.model import Group
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.reader import read_group, read_profile
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.script import ipxe_script
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.validate import valid_group, valid_profile
from hypothesis import assume, given
from hypothesis import strategies as st

ONE_LINE = "has a line break or another control character; write it on one line"
ID = "is no id; begin with a letter or digit, go on with letters, digits, '.', '_' and '-'"


def boot(**fields) -> dict:
    return {"id": "p", "boot": {"kernel": "/k", **fields}}


def selector(**pairs) -> dict:
    return {"id": "g", "profile": "p", "selector": pairs}


def nested(depth: int) -> object:
    return {"a": nested(depth - 1)} if depth else "x"


PROFILES = [
    ("talos", "profiles: number 1: is a text; write a dictionary with the fields id, name, boot, generic_id, ignition_id, cloud_id"),
    ({}, "profiles: number 1: id is missing; give an id such as 'talos'"),
    ({"id": None}, "profiles: number 1: id is missing; give an id such as 'talos'"),
    ({"id": 5}, "profiles: number 1: id is the number 5; write it as text, in quotes"),
    ({"id": ""}, f"profiles: number 1: id '' {ID}"),
    ({"id": "../x"}, f"profiles: number 1: id '../x' {ID}"),
    ({"id": "a/b"}, f"profiles: number 1: id 'a/b' {ID}"),
    ({"id": ".hidden"}, f"profiles: number 1: id '.hidden' {ID}"),
    ({"id": "a\n"}, f"profiles: number 1: id 'a\\n' {ID}"),
    ({"id": "ü"}, f"profiles: number 1: id 'ü' {ID}"),
    ({"id": "a" * 201}, f"profiles: number 1: id {'a' * 20}... has 201 letters; write at most 200, it is a file's name"),
    (
        {"id": "omni-matchbox-meanwhile-p"},
        "profiles: number 1: id 'omni-matchbox-meanwhile-p' begins with omni-matchbox-meanwhile-, which is kept for what is there during a run; choose another",
    ),
    (
        {"id": "p", "ignitionId": "x"},
        "profiles: number 1: unknown field 'ignitionId'; known are id, name, boot, generic_id, ignition_id, cloud_id",
    ),
    ({"id": "p", "name": True}, "profile p: name is the truth value true; write it as text, in quotes"),
    ({"id": "p", "name": "a\nb"}, f"profile p: name {ONE_LINE}"),
    ({"id": "p", "cloud_id": "../x"}, f"profile p: cloud_id '../x' {ID}"),
    ({"id": "p", "boot": []}, "profile p: boot: is a list; write a dictionary with the fields kernel, initrd, args"),
    ({"id": "p", "boot": {"Kernel": "/k"}}, "profile p: boot: unknown field 'Kernel'; known are kernel, initrd, args"),
    ({"id": "p", "boot": {}}, "profile p: boot.kernel is empty; give a value or leave it out"),
    (boot(kernel=5), "profile p: boot.kernel is the number 5; write it as text, in quotes"),
    (boot(kernel="/k quiet"), "profile p: boot.kernel has a blank; give the URL or path alone, arguments belong into boot.args"),
    (boot(kernel="#k"), "profile p: boot.kernel has a word that begins with #, where iPXE begins a comment; take it out"),
    (boot(kernel="/k\\"), "profile p: boot.kernel ends with a backslash, with which iPXE goes on in the next line; take it out"),
    (boot(initrd="/i"), "profile p: boot.initrd is a text; write a list of texts"),
    (boot(initrd=["/i", None]), "profile p: boot.initrd number 2 is null; write it as text, in quotes"),
    (boot(initrd=["/i\nshell"]), f"profile p: boot.initrd number 1 {ONE_LINE}"),
    (boot(args={"a": "b"}), "profile p: boot.args is a dictionary; write a list of texts"),
    (boot(args=["a", 1.5]), "profile p: boot.args number 2 is the number 1.5; write it as text, in quotes"),
    (boot(args=[""]), "profile p: boot.args number 1 is empty; give a value or leave it out"),
    (boot(args=["  "]), "profile p: boot.args number 1 is empty; give a value or leave it out"),
    (boot(args=["x=1\r"]), f"profile p: boot.args number 1 (x=...) {ONE_LINE}"),
    (boot(args=["x=1\u2028"]), f"profile p: boot.args number 1 (x=...) {ONE_LINE}"),
    (boot(args=["x=\ud800"]), f"profile p: boot.args number 1 (x=...) {ONE_LINE}"),
    (boot(args=["x=\\"]), "profile p: boot.args number 1 (x=...) ends with a backslash, with which iPXE goes on in the next line; take it out"),
    (boot(args=["a ; b"]), "profile p: boot.args number 1 has the word ;, where iPXE ends the command; take it out"),
    (boot(args=["&&"]), "profile p: boot.args number 1 has the word &&, where iPXE ends the command; take it out"),
    (boot(args=["x=1 || y"]), "profile p: boot.args number 1 (x=...) has the word ||, where iPXE ends the command; take it out"),
    (boot(args=["a #b"]), "profile p: boot.args number 1 has a word that begins with #, where iPXE begins a comment; take it out"),
    (
        boot(args=["host=${serial}"]),
        "profile p: boot.args number 1 (host=...) has ${...}, which iPXE replaces; only profiles that are given whole may use that",
    ),
]

GROUPS = [
    ({"id": "g"}, "group g: profile is missing; give an id such as 'talos'"),
    ({"id": "g", "profile": "p.json/.."}, f"group g: profile 'p.json/..' {ID}"),
    (
        {"id": "g", "profile": "p", "selectors": {}},
        "groups: number 1: unknown field 'selectors'; known are id, name, profile, selector, metadata",
    ),
    ({"id": "g", "profile": "p", "selector": ["mac=x"]}, "group g: selector is a list; write a dictionary such as {mac: '52:54:00:12:34:56'}"),
    (selector(**{"": "x"}), "group g: selector has the key ''; name a label that machines send, such as mac, uuid or serial"),
    (selector(**{"os=x": "y"}), "group g: selector has the key 'os=x'; name a label that machines send, such as mac, uuid or serial"),
    (selector(serial=""), "group g: selector.serial is empty, which selects machines that do not send it; give a value or leave it out"),
    (selector(serial=None), "group g: selector.serial is null; write it as text, in quotes"),
    (selector(serial=123), "group g: selector.serial is the number 123; write it as text, in quotes"),
    (selector(serial="a\tb"), f"group g: selector.serial {ONE_LINE}"),
    (selector(mac=41138123456), "group g: selector.mac is the number 41138123456; write it as '52:54:00:12:34:56'"),
    (
        selector(mac="525400123456"),
        "group g: selector.mac '525400123456' is no MAC address that every Matchbox reads; write it as '52:54:00:12:34:56'",
    ),
    (
        selector(mac="52:54:00-12:34:56"),
        "group g: selector.mac '52:54:00-12:34:56' is no MAC address that every Matchbox reads; write it as '52:54:00:12:34:56'",
    ),
    (selector(MAC="52:54:00:12:34:56"), "group g: selector.MAC never matches; write it in lower case, mac, as machines send it"),
    (
        selector(uuid="4C4C4544-0051-3510-8052-B4C04F4E3333"),
        "group g: selector.uuid '4C4C4544-0051-3510-8052-B4C04F4E3333' never matches; machines send it in lower case, write"
        " '4c4c4544-0051-3510-8052-b4c04f4e3333'",
    ),
    (
        selector(uuid="4c4c4544005135108052b4c04f4e3333"),
        "group g: selector.uuid '4c4c4544005135108052b4c04f4e3333' is no UUID, so it never matches; write it as '4c4c4544-0051-3510-8052-b4c04f4e3333'",
    ),
    (selector(arch="amd64"), "group g: selector.arch 'amd64' never matches; to iPXE it is 'x86_64'"),
    ({"id": "g", "profile": "p", "metadata": "x"}, "group g: metadata is a text; write a dictionary"),
    ({"id": "g", "profile": "p", "metadata": {"a": {"b": "x\ny"}}}, f"group g: metadata.a.b {ONE_LINE}"),
    (
        {"id": "g", "profile": "p", "metadata": {"a": [float("nan")]}},
        "group g: metadata.a number 1 is a number that Matchbox cannot keep; write it as text, in quotes",
    ),
    ({"id": "g", "profile": "p", "metadata": {"a": 10**400}}, "group g: metadata.a is a number that Matchbox cannot keep; write it as text, in quotes"),
    (
        {"id": "g", "profile": "p", "metadata": {"a": 2**53 + 1}},
        "group g: metadata.a is a number that Matchbox cannot keep; write it as text, in quotes",
    ),
    ({"id": "g", "profile": "p", "metadata": {"a": nested(60)}}, f"group g: metadata{'.a' * 31}.... is more than 50 levels deep; write it flatter"),
    ({"id": "g", "profile": "p", "metadata": {5: "x"}}, "group g: metadata has the key 5; write it as text, in quotes"),
    (
        {"id": "g", "profile": "p", "metadata": {"request": {}}},
        "group g: metadata.request is replaced by what a machine sends; give it another name",
    ),
]


@pytest.mark.parametrize(("data", "message"), PROFILES)
def test_refused_profiles(data, message):
    with pytest.raises(InputError) as refused:
        valid_profile(data, "profiles: number 1")
    assert str(refused.value) == message


@pytest.mark.parametrize(("data", "message"), GROUPS)
def test_refused_groups(data, message):
    with pytest.raises(InputError) as refused:
        valid_group(data, "groups: number 1")
    assert str(refused.value) == message


def test_errors_about_arguments_show_no_value():
    with pytest.raises(InputError) as refused:
        valid_profile(boot(args=["siderolink.api=grpc://omni:8090?jointoken=SECRET\n"]), "p")
    assert str(refused.value) == f"profile p: boot.args number 1 (siderolink.api=...) {ONE_LINE}"


def test_a_profile_as_a_site_has_it_byte_for_byte():
    profile = {
        "id": "talos",
        "name": "Talos Linux for Omni",
        "boot": {
            "kernel": "/assets/talos/v1.11.4/vmlinuz",
            "initrd": ["/assets/talos/v1.11.4/initramfs.xz"],
            "args": ["initrd=initramfs.xz", "slab_nomerge=", "talos.events.sink=[fdae:41e4:649b:9303::1]:8091"],
        },
    }
    assert valid_profile(profile, "p").text() == json.dumps(profile, indent=2) + "\n"


def test_fields_come_in_upstreams_order_and_absent_ones_not_at_all():
    group = valid_group({"metadata": {}, "selector": {"b": "1", "a": "2"}, "profile": "p", "name": None, "id": "g"}, "g")
    assert group.text() == '{\n  "id": "g",\n  "profile": "p",\n  "selector": {\n    "b": "1",\n    "a": "2"\n  }\n}\n'
    profile = valid_profile({"cloud_id": "c", "generic_id": "g", "boot": {"args": ["a"], "kernel": "/k"}, "id": "p"}, "p")
    assert list(json.loads(profile.text())) == ["id", "boot", "generic_id", "cloud_id"]
    assert list(json.loads(profile.text())["boot"]) == ["kernel", "args"]


def test_ipxe_variables_where_the_caller_allows_them():
    args = ["hostname=${serial}"]
    assert valid_profile(boot(args=args), "p", variables=True).boot.args == args


IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,9}", fullmatch=True)
# Letters that could end a line, a command or a text, and letters outside ASCII.
NASTY = st.text(alphabet="ab=/#;&|$\"'\\ \t\n\r\x00\x0b\x7f\x85\u00a0\u2028ü\U0001f600\ud800", max_size=12)
PLAIN = st.text(alphabet="ab=/;&|\"'\\\u00a0ü\U0001f600", min_size=1, max_size=12)
WORDS = st.lists(st.sampled_from(["a", "b=c", "#", "#a", "a#", ";", "a;", "&&", "||", "\u00a0#a", "a\u2003||"]), max_size=3).map(" ".join)
HEX = "0123456789abcdefABCDEF"
LABELLED = st.fixed_dictionaries(
    {},
    optional={
        "mac": st.from_regex(f"[{HEX}]{{2}}([:-])[{HEX}]{{2}}(\\1[{HEX}]{{2}}){{4}}", fullmatch=True),
        "uuid": st.uuids().map(str),
        "serial": PLAIN,
        "arch": st.sampled_from(["x86_64", "arm64", "i386"]),
    },
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN, inner, max_size=3),
    max_leaves=6,
)


def accepted(valid, data):
    """What ``valid`` makes of ``data``; data that it refuses is not looked at further."""
    try:
        return valid(data, "x")
    except InputError:
        return assume(False)


def ipxe_commands(script: str) -> list[list[bytes]]:
    """The commands of a script as iPXE finds them: lines, of which those that end with a backslash go on; words between white space; comments.

    A word by itself may end a command in the middle of a line.
    """
    commands, begun = [], b""
    for line in script.encode("utf-8", "surrogatepass").split(b"\n"):
        begun += line.removesuffix(b"\r")
        if begun.endswith(b"\\"):
            begun = begun[:-1]
            continue
        commands.append([])
        for word in begun.split():
            if word.startswith(b"#"):
                break
            commands[-1].append(word)
            if word in (b";", b"&&", b"||"):
                commands.append([])
        begun = b""
    return commands + [[begun]] * bool(begun)


def test_how_ipxe_reads_a_script():
    script = "#!ipxe\nkernel a\\\nb # c\nx ; y\r\n"
    assert ipxe_commands(script) == [[], [b"kernel", b"ab"], [b"x", b";"], [b"y"], []]


@given(st.lists(PLAIN | NASTY | WORDS, max_size=2), st.lists(PLAIN, max_size=1), PLAIN, st.booleans())
def test_every_line_of_a_script_is_one_ipxe_command(args, initrd, kernel, variables):
    data = {"id": "p", "boot": {"kernel": kernel, "initrd": initrd, "args": args}}
    boot_of = accepted(lambda data, place: valid_profile(data, place, variables=variables), data).boot
    expected = [["kernel", kernel, *args], *(["initrd", path] for path in initrd), ["boot"]]
    assert ipxe_commands(ipxe_script(boot_of)) == [[], *(" ".join(texts).encode().split() for texts in expected), []]


@given(IDS, PLAIN, st.lists(PLAIN, max_size=4), st.none() | IDS)
def test_a_profile_reads_back_as_it_was_written(name, text, texts, reference):
    profile = accepted(valid_profile, {"id": name, "name": text, "boot": {"kernel": text, "initrd": texts, "args": texts}, "cloud_id": reference})
    assert read_profile(profile.text().encode()) == profile
    assert valid_profile(json.loads(profile.text()), "x") == profile


@given(IDS, IDS, st.dictionaries(PLAIN, PLAIN, max_size=2) | LABELLED, st.dictionaries(PLAIN, JSON, max_size=3))
def test_a_group_reads_back_as_it_was_written(name, profile, pairs, metadata):
    group = accepted(valid_group, {"id": name, "profile": profile, "selector": pairs, "metadata": metadata})
    assert read_group(group.text().encode()) == group
    assert valid_group(json.loads(group.text()), "x") == group


def test_a_mac_address_has_one_spelling():
    assert valid_group(selector(mac="5254.00AB.CDEF"), "g") == Group("g", "", "p", {"mac": "52:54:00:ab:cd:ef"})
