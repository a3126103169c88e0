"""What a single file of a group or profile holds that is taken otherwise than it looks."""

from __future__ import annotations

import json

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.reader import read_group, read_profile
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.surprises import group_surprises, profile_surprises, unmatchable

GROUP = '"profile": "p"'
BOOT = '"id": "p", "boot": {"kernel": "/k"}'


def found(check, read, text: str) -> list[str]:
    return list(check(text.encode(), read(text.encode())))


@pytest.mark.parametrize(
    ("selector", "reasons"),
    [
        ('{"mac": "52-54-00-12-34-56", "uuid": "abc", "serial": "ABC", "rack": "R1"}', []),
        ('{"uuid": "4C4C4544"}', ["selector.uuid 4C4C4544 never matches; machines send it in lower case"]),
        ('{"UUID": "4c4c4544"}', ["selector.UUID never matches; machines send uuid"]),
        ('{"Mac": "52:54:00:12:34:56"}', ["selector.Mac never matches; machines send mac"]),
        (
            '{"mac": "525400123456"}',
            ["selector.mac 525400123456 has no separators, and most builds of Matchbox then skip the group; write it as 52:54:00:12:34:56"],
        ),
    ],
)
def test_selectors_that_no_machine_has(selector, reasons):
    assert found(unmatchable, read_group, f'{{"selector": {selector}}}') == reasons


LABELS = "uuid, mac, domain, hostname, serial, arch"
FIELDS = "id, name, profile, selector, metadata"


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ('{"id": "g", "name": "G", "profile": "p", "selector": {"mac": "52:54:00:12:34:56"}, "metadata": {"rack": 7, "spare": false}}', []),
        ("null", ["has neither selector nor profile, so it is the group of every machine and boots none"]),
        ("{}", ["has neither selector nor profile, so it is the group of every machine and boots none"]),
        (f"{{{GROUP}}}", []),
        (f'{{{GROUP}, "selectors": {{}}}}', [f"selectors is no field that Matchbox knows, so it counts for nothing; known are {FIELDS}"]),
        ('{"PROFILE": "p"}', ["PROFILE counts as profile"]),
        ('{"profile": "p", "\u017felector": {}}', ["\u017felector counts as selector"]),
        ('{"profile": "p", "profile": "q"}', ["profile is there 2 times; the last one counts"]),
        (f'{{{GROUP}, "metadata": {{}}, "metadata": {{}}}}', ["metadata is there 2 times; they are merged"]),
        (f'{{{GROUP}, "selector": {{"arch": "a", "arch": "b"}}}}', ["selector.arch is there 2 times; the last one counts"]),
        (f'{{{GROUP}, "selector": {{"uuid": ""}}}}', ["selector.uuid is empty, so it selects the machines that do not send it"]),
        (f'{{{GROUP}, "selector": {{"uuid": null}}}}', ["selector.uuid is empty, so it selects the machines that do not send it"]),
        (f'{{{GROUP}, "selector": {{"serial": "A+B"}}}}', ["selector.serial holds +, which iPXE sends as it is; what arrives is another value"]),
        (f'{{{GROUP}, "selector": {{"uuid": "a+b"}}}}', []),
        (
            f'{{{GROUP}, "selector": {{"os": "x"}}}}',
            [f"selector.os matches only requests that were told to send it; after /boot.ipxe machines send {LABELS}"],
        ),
        (
            f'{{{GROUP}, "selector": {{"arch": "x", "ARCH": "y"}}}}',
            ["selector.arch is there 2 times, spelled differently; which of them /metadata tells is left to chance"],
        ),
        (f'{{{GROUP}, "metadata": {{"request": 1}}}}', ["metadata.request is replaced by what the machine sends; give it another name"]),
        (f'{{{GROUP}, "metadata": {{"a": {{"b": null, "c": [1]}}}}}}', ["metadata.a has null or a list, which /metadata leaves out"]),
        (
            f'{{{GROUP}, "metadata": {{"a": 1000000, "b": 999999, "c": -0.0}}}}',
            ["metadata.a has a number that /metadata tells in the form 1e+06; write it as text"],
        ),
        (
            f'{{{GROUP}, "metadata": {{"a": "x\\ny"}}}}',
            ["metadata.a has a line break or another control character, so that /metadata tells more than one line or cannot be read"],
        ),
        (
            f'{{{GROUP}, "metadata": {{"stra\u00dfe": ""}}}}',
            ["metadata.stra\u00dfe has a letter in a name that has no capital of one letter; /metadata tells it as it is"],
        ),
    ],
)
def test_groups(text, reasons):
    assert found(group_surprises, read_group, text) == reasons


def test_metadata_may_be_as_deep_as_upstream_reads_it():
    deep = '{"a":' * 9_990 + "null" + "}" * 9_990
    assert found(group_surprises, read_group, f'{{{GROUP}, "metadata": {deep}}}') == ["metadata.a has null or a list, which /metadata leaves out"]


KNOWN = "id, name, boot, generic_id, ignition_id, cloud_id"


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (f'{{{BOOT}, "name": "P", "generic_id": "g.tmpl"}}', []),
        ('{"id": " ", "boot": {"kernel": "/k", "args": ["host=${serial}"]}}', []),
        ('{"id": "p"}', ["has no boot, so its machines get 404 for their script"]),
        ('{"id": "p", "boot": null}', ["has no boot, so its machines get 404 for their script"]),
        ('{"id": "p", "boot": {}}', ["boot.kernel is empty; give a value or leave it out"]),
        (f'{{{BOOT}, "genericId": "g"}}', [f"genericId is no field that Matchbox knows, so it counts for nothing; known are {KNOWN}"]),
        (
            '{"id": "p", "boot": {"kernel": "/k", "initrds": [], "Args": []}}',
            [
                "boot.initrds is no field that Matchbox knows, so it counts for nothing; known are kernel, initrd, args",
                "boot.Args counts as boot.args",
            ],
        ),
        (f'{{{BOOT}, "boot": {{"args": ["a"]}}}}', ["boot is there 2 times; they are merged"]),
        ('{"id": "p", "boot": {"kernel": "/k", "args": ["a", null]}}', ["boot.args number 2 is empty; give a value or leave it out"]),
        (
            '{"id": "p", "boot": {"kernel": "/k", "args": ["a\\nshell"]}}',
            ["boot.args number 1 has a line break or another control character; write it on one line"],
        ),
        ('{"id": "p", "boot": {"kernel": "/k", "args": ["a || b"]}}', ["boot.args number 1 has the word ||, where iPXE ends the command; take it out"]),
        (f'{{{BOOT}, "generic_id": "../p"}}', ["generic_id '../p' is no id; begin with a letter or digit, go on with letters, digits, '.', '_' and '-'"]),
    ],
)
def test_profiles(text, reasons):
    assert found(profile_surprises, read_profile, text) == reasons


def test_no_token_is_shown():
    text = json.dumps({"id": "p", "boot": {"kernel": "/k", "args": ["siderolink.api=grpc://x?jointoken=SECRET \n"]}})
    (reason,) = found(profile_surprises, read_profile, text)
    assert reason.startswith("boot.args number 1 (siderolink.api=...) has a line break")
    assert "SECRET" not in reason
