"""What a data directory holds and what is wrong with it, from real files."""

from __future__ import annotations

import os

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.findings import Entry, Folder, Listing, report
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.listing import is_closed, read_listing

GOOD = {"profiles/p.json": '{"id": "p", "boot": {"kernel": "/k"}}', "groups/g.json": '{"profile": "p"}'}
EMPTY = {"broken": [], "never_win": [], "without_profile": [], "surprising": [], "unused": []}
LESS = "its machines boot what a less specific group says"


@pytest.fixture
def found(tmp_path):
    """What is found in a directory that has the good files and these: texts, or what makes something else of a path."""

    def findings(files: dict) -> dict:
        for folder in ("profiles", "groups"):
            (tmp_path / folder).mkdir()
        for name, content in {**GOOD, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            if callable(content):
                content(path)
            elif content is not None:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
        result = report(read_listing(str(tmp_path)))
        return {
            name: [entry if isinstance(entry, str) else (entry["file"], entry["reason"]) for entry in entries]
            for name, entries in result.items()
            if name in EMPTY and entries
        }

    return findings


def folder(path):
    path.mkdir()


def link(path):
    path.symlink_to("g.json" if path.parent.name == "groups" else "p.json")


def dangling(path):
    path.symlink_to("nowhere")


def group(selector: str) -> str:
    return f'{{"profile": "p", "selector": {selector}}}'


MAC, DOMAIN = group('{"mac": "52:54:00:12:34:56"}'), group('{"domain": "d"}')
OTHER = {"profiles/q.json": '{"id": "q", "boot": {"kernel": "/q"}}', "groups/q.json": '{"profile": "q", "selector": {"uuid": "4c"}}'}
AS_LINK = "is a link, which the engine follows; the modules replace none, so move a file here"
WITHOUT = "its machines get 404, no other group takes them"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, {}),
        # What cannot be read.
        ({"groups/x.json": "{"}, {"broken": [("groups/x.json", f"is skipped: no JSON: expected a key in double quotes at character 1; {LESS}")]}),
        ({"groups/x.json": ""}, {"broken": [("groups/x.json", f"is skipped: no JSON: expected a value at character 0; {LESS}")]}),
        ({"groups/x.json": "\ufeff{}"}, {"broken": [("groups/x.json", f"begins with a byte order mark; save it as UTF-8 without one; {LESS}")]}),
        ({"groups/x.json": group('{"mac": "52:54"}')}, {"broken": [("groups/x.json", f"is skipped: selector.mac is no MAC address; {LESS}")]}),
        ({"profiles/x.json": "{}"}, {"broken": [("profiles/x.json", "is skipped: it has no id; its machines get 404")]}),
        # What is no file, or not named as one.
        ({"groups/x.json": folder}, {"broken": [("groups/x.json", "is a folder; what is in it is not read")]}),
        ({"profiles/sub": folder}, {"broken": [("profiles/sub", "is a folder; what is in it is not read, unless a group names it as a path")]}),
        ({"profiles/p2.json": link}, {"broken": [("profiles/p2.json", AS_LINK)], "unused": ["p2"]}),
        (
            {"groups/x.json": dangling},
            {"broken": [("groups/x.json", AS_LINK), ("groups/x.json", f"is skipped: No such file or directory; {LESS}")]},
        ),
        ({"groups/x.JSON": MAC}, {"broken": [("groups/x.JSON", "does not end in .json, so it is not read")]}),
        ({"groups/g.json.bak": MAC}, {"broken": [("groups/g.json.bak", "does not end in .json, so it is not read")]}),
        ({"groups/g.txt": MAC}, {"broken": [("groups/g.txt", "does not end in .json, so it is not read; but g.json counts twice because of it")]}),
        ({"groups/g": MAC}, {"broken": [("groups/g", "does not end in .json, so it is not read; but g.json counts twice because of it")]}),
        ({"profiles/p.txt": MAC}, {"broken": [("profiles/p.txt", "does not end in .json, so it is not read")]}),
        ({"groups/.ansible_tmpx.json": MAC}, {"broken": [("groups/.ansible_tmpx.json", "is hidden, but read as a group all the same")]}),
        (
            {"profiles/.x.json": "{"},
            {
                "broken": [
                    ("profiles/.x.json", "is hidden; it is read only if a group names it so"),
                    ("profiles/.x.json", "is skipped: no JSON: expected a key in double quotes at character 1; its machines get 404"),
                ]
            },
        ),
        ({"groups/a b.json": MAC}, {"broken": [("groups/a b.json", "has a name that the modules do not write; use letters, digits, '.', '_' and '-'")]}),
        (
            {os.fsdecode(b"groups/\xff.json"): MAC},
            {"broken": [("groups/\\xff.json", "has a name that the modules do not write; use letters, digits, '.', '_' and '-'")]},
        ),
        (
            {"profiles/omni-matchbox-meanwhile-p.json": GOOD["profiles/p.json"]},
            {
                "broken": [("profiles/omni-matchbox-meanwhile-p.json", "was left by a run that was ended; the next one of its task removes it")],
                "unused": ["omni-matchbox-meanwhile-p"],
            },
        ),
        # Groups that nobody gets, or that get nothing.
        (
            {"groups/a.json": "{}", "profiles/.json": '{"id": " "}'},
            {
                "broken": [("profiles/.json", "is hidden; it is read only if a group names it so")],
                "never_win": [("groups/g.json", "selects every machine, as a.json does; the first name wins")],
                "surprising": [
                    ("groups/a.json", "has neither selector nor profile, so it is the group of every machine and boots none"),
                    ("profiles/.json", "has no boot, so its machines get 404 for their script"),
                ],
            },
        ),
        ({"groups/g-a.json": GOOD["groups/g.json"]}, {"never_win": [("groups/g.json", "selects every machine, as g-a.json does; the first name wins")]}),
        (
            {"groups/m.json": MAC, "groups/n.json": MAC.replace(":12", "-12").replace("52:54:00-12:", "52-54-00-12-").replace("34:56", "34-56")},
            {"never_win": [("groups/n.json", "selects mac=52:54:00:12:34:56, as m.json does; the first name wins")]},
        ),
        (
            {f"groups/{number}.json": group(f'{{"domain": "{min(number, 20)}"}}') for number in range(10, 22)},
            {"never_win": [("groups/21.json", "selects domain=20, as 20.json does; with more than 12 groups either may win")]},
        ),
        (
            # With the good one, twelve.
            {f"groups/{number}.json": group(f'{{"domain": "{min(number, 20)}"}}') for number in range(11, 22)},
            {"never_win": [("groups/21.json", "selects domain=20, as 20.json does; the first name wins")]},
        ),
        (
            # The second name of a group makes the thirteenth.
            {**{f"groups/{number}.json": group(f'{{"domain": "{min(number, 20)}"}}') for number in range(11, 22)}, "groups/11": ""},
            {
                "broken": [("groups/11", "does not end in .json, so it is not read; but 11.json counts twice because of it")],
                "never_win": [("groups/21.json", "selects domain=20, as 20.json does; with more than 12 groups either may win")],
            },
        ),
        ({"groups/x.json": group('{"uuid": "4C"}')}, {"never_win": [("groups/x.json", "selector.uuid 4C never matches; machines send it in lower case")]}),
        ({"groups/x.json": '{"selector": {"uuid": "4c"}}'}, {"without_profile": [("groups/x.json", f"names no profile; {WITHOUT}")]}),
        (
            {"groups/x.json": '{"selector": {"uuid": "4c"}, "profile": "p.json"}'},
            {"without_profile": [("groups/x.json", f"names the profile 'p.json', but profiles/p.json.json: No such file or directory; {WITHOUT}")]},
        ),
        (
            {"groups/x.json": '{"selector": {"uuid": "4c"}, "profile": "x"}', "profiles/x.json": "{}"},
            {
                "broken": [("profiles/x.json", "is skipped: it has no id; its machines get 404")],
                "without_profile": [("groups/x.json", f"names the profile 'x', but profiles/x.json: it has no id; {WITHOUT}")],
            },
        ),
        # What surprises in files together.
        (
            {"groups/x.json": '{"selector": {"uuid": "4c"}, "profile": "./p"}'},
            {"surprising": [("groups/x.json", "names the profile './p', which is a path, from profiles/ on")]},
        ),
        ({"groups/m.json": MAC, **OTHER}, {"surprising": [("groups", "a machine may be in a group by uuid and in one by mac; that by uuid wins")]}),
        ({"groups/m.json": MAC, "groups/d.json": DOMAIN}, {}),
        (
            {"profiles/p.json": '{"id": "p", "boot": {"kernel": "/k"}, "generic_id": "g", "ignition_id": "i.ign"}', "ignition/i.ign": "variant: fcos"},
            {
                "surprising": [
                    ("generic/g", "is named by a profile and cannot be read: No such file or directory; who asks for it gets 404"),
                    ("ignition/i.ign", "is no JSON; machines are sent an empty Ignition configuration, not an error"),
                ]
            },
        ),
        ({"profiles/p.json": '{"id": "p", "boot": {"kernel": "/k"}, "ignition_id": "i.ign"}', "ignition/i.ign": "{}"}, {}),
        (
            {"profiles/p.json": '{"id": "p", "boot": {"kernel": "/k"}, "cloud_id": "../groups/g.json"}'},
            {
                "surprising": [
                    ("profiles/p.json", "cloud_id '../groups/g.json' is no id; begin with a letter or digit, go on with letters, digits, '.', '_' and '-'"),
                    ("groups/g.json", "is named by a profile as a template and sent to whoever asks for it"),
                ]
            },
        ),
        ({"profiles/x.json": GOOD["profiles/p.json"]}, {"unused": ["x"]}),
    ],
)
def test_findings(found, files, expected):
    assert found(files) == expected


def test_what_is_there(tmp_path):
    for name, content in GOOD.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(content)
    (tmp_path / "groups/m.json").write_text('{"name": "M", "profile": "p", "selector": {"mac": "52-54-00-12-34-56"}}')
    result = report(read_listing(str(tmp_path)))
    assert result["groups"] == [
        {"id": "g", "name": "", "profile": "p", "selector": {}},
        {"id": "m", "name": "M", "profile": "p", "selector": {"mac": "52:54:00:12:34:56"}},
    ]
    boot = {"kernel": "/k", "initrd": [], "args": []}
    assert result["profiles"] == [{"id": "p", "name": "", "boot": boot, "generic_id": "", "ignition_id": "", "cloud_id": ""}]


def test_without_folders(tmp_path):
    result = report(read_listing(str(tmp_path)))
    reason = "cannot be read: No such file or directory"
    assert result["broken"] == [{"file": "groups", "reason": reason}, {"file": "profiles", "reason": reason}]


@pytest.mark.parametrize(("entry", "broken"), [(Entry("g.json"), []), (Entry("g.json", closed=True), ["groups/g.json"])])
def test_a_file_that_the_engine_may_not_read(entry, broken):
    nothing = Folder([], {}, {})
    result = report(Listing(Folder([entry], {}, {}), nothing, {}, {}))
    assert [finding["file"] for finding in result["broken"]] == broken


@pytest.mark.parametrize(
    ("mode", "group", "engine", "closed"),
    [(0o640, 7, 7, False), (0o600, 7, 7, True), (0o604, 7, 7, True), (0o640, 8, 7, True), (0o644, 8, 7, False), (0o600, 0, 0, False)],
)
def test_to_whom_a_file_is_closed(mode, group, engine, closed):
    status = os.stat_result((mode, 0, 0, 0, 0, group, 0, 0, 0, 0))
    assert is_closed(status, engine) is closed


def test_a_closed_file_is_seen(tmp_path):
    """The engine is taken to be in the group of the data directory."""
    engine = 54321 if os.geteuid() == 0 else os.getegid()
    (tmp_path / "groups").mkdir()
    for name, mode in (("a.json", 0o640), ("b.json", 0o600)):
        (tmp_path / "groups" / name).write_text("{}")
        (tmp_path / "groups" / name).chmod(mode)
        os.chown(tmp_path / "groups" / name, -1, engine)
    os.chown(tmp_path, -1, engine)
    assert read_listing(str(tmp_path)).groups.entries == [Entry("a.json"), Entry("b.json", closed=True)]
