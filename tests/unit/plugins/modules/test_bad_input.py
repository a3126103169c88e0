"""What people may write by mistake or malice, in YAML as they write it: each with the one line that it gets, and nothing changed."""

from __future__ import annotations

import pytest
import yaml

ID = "is no id; begin with a letter or digit, go on with letters, digits, '.', '_' and '-'"
ONE_LINE = "has a line break or another control character; write it on one line"
TEXT = "write it as text, in quotes"
ENDS = "where iPXE ends the command; take it out"
COMMENT = "has a word that begins with #, where iPXE begins a comment; take it out"
VARIABLE = "has ${...}, which iPXE replaces; only profiles that are given whole may use that"
NAME = "cannot be a name; use lower-case letters, digits, '-', '.' and '_'"
MAC = "write it as '52:54:00:12:34:56'"
PROFILE_FIELDS = "id, name, boot, generic_id, ignition_id, cloud_id"
GROUP_FIELDS = "id, name, profile, selector, metadata"
JOIN_ARGS = ["siderolink.api=grpc://192.168.1.8:8090?jointoken=SECRET", "talos.events.sink=[fd00::1]:8091", "talos.logging.kernel=tcp://[fd00::1]:8092"]
TOKEN = "siderolink.api=grpc://192.168.1.8:8090?jointoken=SECRET"
# A site with one class, to which the cases add.
CLASS = "classes: {talos: {version: v1.11.4}}"

PROFILE = {
    "id-traversal": ("{id: ../talos, boot: {kernel: /k}}", f"profile: id '../talos' {ID}"),
    "id-absolute": ("{id: /etc/passwd}", f"profile: id '/etc/passwd' {ID}"),
    "id-in-a-folder": ("{id: a/b}", f"profile: id 'a/b' {ID}"),
    "id-dots": ("{id: ..}", f"profile: id '..' {ID}"),
    "id-hidden": ("{id: .talos}", f"profile: id '.talos' {ID}"),
    "id-backslash": (r"{id: '..\talos'}", rf"profile: id '..\\talos' {ID}"),
    "id-empty": ("{id: ''}", f"profile: id '' {ID}"),
    "id-blank": ("{id: 'a b'}", f"profile: id 'a b' {ID}"),
    "id-newline": (r'{id: "talos\n"}', rf"profile: id 'talos\n' {ID}"),
    # Not NUL, at which ansible-core itself may stop, since no log takes it.
    "id-control-character": (r'{id: "talos\x01"}', rf"profile: id 'talos\x01' {ID}"),
    "id-umlaut": ("{id: tälos}", f"profile: id 'tälos' {ID}"),
    "id-look-alike": ("{id: tаlos}", f"profile: id 'tаlos' {ID}"),
    "id-right-to-left": (r'{id: "a\u202eb"}', rf"profile: id 'a\u202eb' {ID}"),
    "id-too-long": (f"{{id: {'a' * 256}}}", f"profile: id {'a' * 20}... has 256 letters; write at most 200, it is a file's name"),
    "id-of-an-intermediate": (
        "{id: omni-matchbox-meanwhile-talos}",
        "profile: id 'omni-matchbox-meanwhile-talos' begins with omni-matchbox-meanwhile-, which is kept for what is there during a run; choose another",
    ),
    "absent-id-traversal": ("{id: ../../etc/passwd, state: absent}", f"profile: id '../../etc/passwd' {ID}"),
    "name-newline": (r'{id: p, name: "a\nb"}', f"profile p: name {ONE_LINE}"),
    "name-escape": (r'{id: p, name: "\e[2J"}', f"profile p: name {ONE_LINE}"),
    "template-traversal": ("{id: p, ignition_id: ../profiles/talos.json}", f"profile p: ignition_id '../profiles/talos.json' {ID}"),
    "kernel-empty": ("{id: p, boot: {kernel: ''}}", "profile p: boot.kernel is empty; give a value or leave it out"),
    "kernel-with-arguments": (
        "{id: p, boot: {kernel: /k quiet}}",
        "profile p: boot.kernel has a blank; give the URL or path alone, arguments belong into boot.args",
    ),
    "kernel-newline": (r'{id: p, boot: {kernel: "/k\nshell"}}', f"profile p: boot.kernel {ONE_LINE}"),
    "kernel-backslash": (
        r"{id: p, boot: {kernel: '/k\'}}",
        "profile p: boot.kernel ends with a backslash, with which iPXE goes on in the next line; take it out",
    ),
    "kernel-separator": ("{id: p, boot: {kernel: ';'}}", f"profile p: boot.kernel has the word ;, {ENDS}"),
    "kernel-comment": ("{id: p, boot: {kernel: '#/k'}}", f"profile p: boot.kernel {COMMENT}"),
    "initrd-newline": (r'{id: p, boot: {kernel: /k, initrd: [/i, "/j\nshell"]}}', f"profile p: boot.initrd number 2 {ONE_LINE}"),
    "initrd-backslash": (
        r"{id: p, boot: {kernel: /k, initrd: ['/i\']}}",
        "profile p: boot.initrd number 1 ends with a backslash, with which iPXE goes on in the next line; take it out",
    ),
    "initrd-separator": ("{id: p, boot: {kernel: /k, initrd: [/i || shell]}}", f"profile p: boot.initrd number 1 has the word ||, {ENDS}"),
    "args-newline": (r'{id: p, boot: {kernel: /k, args: ["a\nshell"]}}', f"profile p: boot.args number 1 {ONE_LINE}"),
    "args-carriage-return": (r'{id: p, boot: {kernel: /k, args: ["a\rshell"]}}', f"profile p: boot.args number 1 {ONE_LINE}"),
    "args-nul": (r'{id: p, boot: {kernel: /k, args: ["a\0"]}}', f"profile p: boot.args number 1 {ONE_LINE}"),
    "args-line-separator": (r'{id: p, boot: {kernel: /k, args: ["a\u2028b"]}}', f"profile p: boot.args number 1 {ONE_LINE}"),
    "args-half-a-surrogate": (r'{id: p, boot: {kernel: /k, args: ["a\ud83d"]}}', f"profile p: boot.args number 1 {ONE_LINE}"),
    "args-semicolon": ("{id: p, boot: {kernel: /k, args: [a ; shell]}}", f"profile p: boot.args number 1 has the word ;, {ENDS}"),
    "args-and": ("{id: p, boot: {kernel: /k, args: [a, '&&', shell]}}", f"profile p: boot.args number 2 has the word &&, {ENDS}"),
    "args-or": ("{id: p, boot: {kernel: /k, args: [x=1 || shell]}}", f"profile p: boot.args number 1 (x=...) has the word ||, {ENDS}"),
    "args-comment": ("{id: p, boot: {kernel: /k, args: ['#quiet', x=1]}}", f"profile p: boot.args number 1 {COMMENT}"),
    "args-comment-within": ("{id: p, boot: {kernel: /k, args: ['x=1 #2']}}", f"profile p: boot.args number 1 (x=...) {COMMENT}"),
    "args-backslash": (
        r"{id: p, boot: {kernel: /k, args: ['x=\']}}",
        "profile p: boot.args number 1 (x=...) ends with a backslash, with which iPXE goes on in the next line; take it out",
    ),
    "args-blank": ("{id: p, boot: {kernel: /k, args: [' ']}}", "profile p: boot.args number 1 is empty; give a value or leave it out"),
    "args-without-the-join-arguments": (
        "{id: p, boot: {kernel: /k, args: ['@join_args@']}}",
        "profile p: @join_args@ stands for Omni's join arguments; give them as join_args",
    ),
    "args-with-a-token-beside-an-error": (
        f"{{id: p, boot: {{kernel: /k, args: ['{TOKEN} ;']}}}}",
        f"profile p: boot.args number 1 (siderolink.api=...) has the word ;, {ENDS}",
    ),
    "join-args-without-a-token": (
        "{id: p, boot: {kernel: /k, args: ['@join_args@']},"
        " join_args: ['siderolink.api=grpc://o:1', 'talos.events.sink=[fd00::1]:1', 'talos.logging.kernel=tcp://o:2']}",
        "join arguments: siderolink.api has no jointoken=; a machine without a token is refused by Omni",
    ),
    "join-args-token-alone": (
        "{id: p, boot: {kernel: /k, args: ['@join_args@']}, join_args: [SECRET]}",
        "join arguments: number 1 is none of siderolink.api, talos.events.sink, talos.logging.kernel; give exactly these three",
    ),
    "in-use": ("{id: talos, state: absent}", "profile talos: is to be removed, but group default on disk boots it; change or remove that group"),
}

GROUP = {
    "id-traversal": ("{id: ../g, profile: talos}", f"group: id '../g' {ID}"),
    "id-newline": (r'{id: "g\n", profile: talos}', rf"group: id 'g\n' {ID}"),
    "without-a-profile": ("{id: g}", "group g: profile is missing; give an id such as 'talos'"),
    "profile-that-is-not-there": ("{id: g, profile: rescue}", "group g: there is no profile 'rescue', neither given nor on disk; add it or name another"),
    "profile-that-is-broken": ("{id: g, profile: broken}", "group g: there is no profile 'broken', neither given nor on disk; add it or name another"),
    "profile-traversal": ("{id: g, profile: ../groups/default}", f"group g: profile '../groups/default' {ID}"),
    "profile-with-its-ending": ("{id: g, profile: talos.json}", "group g: there is no profile 'talos.json', neither given nor on disk; add it or name another"),
    "second-default": ("{id: g, profile: talos}", "group g: selects every machine, as group default on disk does; remove that one, or give it as g"),
    "second-default-empty-selector": (
        "{id: g, profile: talos, selector: {}}",
        "group g: selects every machine, as group default on disk does; remove that one, or give it as g",
    ),
    "twin": (
        "{id: g, profile: talos, selector: {mac: 52-54-00-AA-BB-CC}}",
        "group g: selects mac=52:54:00:aa:bb:cc, as group node1 on disk does; remove that one, or give it as g",
    ),
    "mac-unquoted": ("{id: g, profile: talos, selector: {mac: 52:54:00:12:34:56}}", f"group g: selector.mac is the number 41135085296; {MAC}"),
    "mac-digits-unquoted": ("{id: g, profile: talos, selector: {mac: 525400123456}}", f"group g: selector.mac is the number 525400123456; {MAC}"),
    "mac-without-separators": (
        "{id: g, profile: talos, selector: {mac: 5254001234ab}}",
        f"group g: selector.mac '5254001234ab' is no MAC address that every Matchbox reads; {MAC}",
    ),
    "mac-mixed-separators": (
        "{id: g, profile: talos, selector: {mac: '52:54:00-12-34-56'}}",
        f"group g: selector.mac '52:54:00-12-34-56' is no MAC address that every Matchbox reads; {MAC}",
    ),
    "mac-short": (
        "{id: g, profile: talos, selector: {mac: '52:54:00:12:34'}}",
        f"group g: selector.mac '52:54:00:12:34' is no MAC address that every Matchbox reads; {MAC}",
    ),
    "mac-zeros-left-out": (
        "{id: g, profile: talos, selector: {mac: '52:54:0:1:2:3'}}",
        f"group g: selector.mac '52:54:0:1:2:3' is no MAC address that every Matchbox reads; {MAC}",
    ),
    "mac-with-a-blank": (
        "{id: g, profile: talos, selector: {mac: ' 52:54:00:12:34:56'}}",
        f"group g: selector.mac ' 52:54:00:12:34:56' is no MAC address that every Matchbox reads; {MAC}",
    ),
    "mac-wide-digits": (
        "{id: g, profile: talos, selector: {mac: '５2:54:00:12:34:56'}}",
        f"group g: selector.mac '５2:54:00:12:34:56' is no MAC address that every Matchbox reads; {MAC}",
    ),
    "mac-list": ("{id: g, profile: talos, selector: {mac: ['52:54:00:12:34:56']}}", f"group g: selector.mac is a list; {MAC}"),
    "mac-in-capitals": (
        "{id: g, profile: talos, selector: {MAC: '52:54:00:12:34:56'}}",
        "group g: selector.MAC never matches; write it in lower case, mac, as machines send it",
    ),
    "uuid-in-capitals": (
        "{id: g, profile: talos, selector: {uuid: 4C4C4544-0051-3510-8052-B4C04F4E3333}}",
        "group g: selector.uuid '4C4C4544-0051-3510-8052-B4C04F4E3333' never matches; machines send it in lower case,"
        " write '4c4c4544-0051-3510-8052-b4c04f4e3333'",
    ),
    "uuid-without-hyphens": (
        "{id: g, profile: talos, selector: {uuid: 4c4c4544005135108052b4c04f4e3333}}",
        "group g: selector.uuid '4c4c4544005135108052b4c04f4e3333' is no UUID, so it never matches; write it as '4c4c4544-0051-3510-8052-b4c04f4e3333'",
    ),
    "arch-in-capitals": ("{id: g, profile: talos, selector: {arch: ARM64}}", "group g: selector.arch 'ARM64' never matches; to iPXE it is 'arm64'"),
    "arch-by-another-name": ("{id: g, profile: talos, selector: {arch: amd64}}", "group g: selector.arch 'amd64' never matches; to iPXE it is 'x86_64'"),
    "selector-key-empty": (
        "{id: g, profile: talos, selector: {'': x}}",
        "group g: selector has the key ''; name a label that machines send, such as mac, uuid or serial",
    ),
    "selector-key-newline": (
        r'{id: g, profile: talos, selector: {"a\nb": x}}',
        r"group g: selector has the key 'a\nb'; name a label that machines send, such as mac, uuid or serial",
    ),
    "selector-key-with-its-value": (
        "{id: g, profile: talos, selector: {serial=1: x}}",
        "group g: selector has the key 'serial=1'; name a label that machines send, such as mac, uuid or serial",
    ),
    "selector-value-empty": (
        "{id: g, profile: talos, selector: {serial: ''}}",
        "group g: selector.serial is empty, which selects machines that do not send it; give a value or leave it out",
    ),
    "selector-value-null": ("{id: g, profile: talos, selector: {serial: }}", f"group g: selector.serial is null; {TEXT}"),
    "selector-value-number": ("{id: g, profile: talos, selector: {serial: 0123}}", f"group g: selector.serial is the number 83; {TEXT}"),
    "selector-value-yes": ("{id: g, profile: talos, selector: {serial: yes}}", f"group g: selector.serial is the truth value true; {TEXT}"),
    "selector-value-newline": (r'{id: g, profile: talos, selector: {serial: "a\n"}}', f"group g: selector.serial {ONE_LINE}"),
    "selector-value-no-utf-8": (r'{id: g, profile: talos, selector: {serial: "\udcff"}}', f"group g: selector.serial {ONE_LINE}"),
    "metadata-newline": (r'{id: g, profile: talos, selector: {serial: x}, metadata: {a: ["x\ny"]}}', f"group g: metadata.a number 1 {ONE_LINE}"),
    "metadata-key-newline": (
        r'{id: g, profile: talos, selector: {serial: x}, metadata: {"a\nb": c}}',
        "group g: metadata has a key with a line break or another control character; write it on one line",
    ),
    "metadata-request": (
        "{id: g, profile: talos, selector: {serial: x}, metadata: {request: {query: x}}}",
        "group g: metadata.request is replaced by what a machine sends; give it another name",
    ),
    "metadata-infinite": (
        "{id: g, profile: talos, selector: {serial: x}, metadata: {a: .inf}}",
        f"group g: metadata.a is a number that Matchbox cannot keep; {TEXT}",
    ),
    "metadata-large-number": (
        "{id: g, profile: talos, selector: {serial: x}, metadata: {wwn: 5764888998739337217}}",
        f"group g: metadata.wwn is a number that Matchbox cannot keep; {TEXT}",
    ),
    "metadata-too-deep": (
        f"{{id: g, profile: talos, selector: {{serial: x}}, metadata: {'{a: ' * 60}x{'}' * 60}}}",
        f"group g: metadata{'.a' * 31}.... is more than 50 levels deep; write it flatter",
    ),
}

SITE = {
    "scope-empty": ("{classes: {}, scope: ''}", "scope: is empty, so what is written would be nobody's; give a name such as 'site'"),
    "class-name-traversal": ("classes: {../talos: {version: v1.11.4}}", f"class ../talos: '../talos' {NAME}"),
    "class-name-capitals": ("classes: {Talos: {version: v1.11.4}}", f"class Talos: 'Talos' {NAME}"),
    "class-is-a-text": ("classes: {talos: v1.11.4}", "class talos: expected settings with a Talos version, such as {version: v1.11.4}, got 'v1.11.4'"),
    "class-unknown-setting": (
        "classes: {talos: {version: v1.11.4, kernel_arg: [a]}}",
        "class talos: unknown setting 'kernel_arg'; known are architecture, console, default, "
        "extensions, extra_kernel_args, halt_if_installed, kernel_args, kernel_args_exact, overlay, path, schematic, secure_boot, sha256, version",
    ),
    "class-version-number": (
        "classes: {talos: {version: 1.11}}",
        "class talos: 1.11 is a number in YAML (1.10 would become 1.1); write the full version in quotes, such as 'v1.11.4'",
    ),
    "class-version-without-patch": ("classes: {talos: {version: v1.11}}", "class talos: 'v1.11' is no exact Talos version; write it in full, such as v1.11.4"),
    "class-version-traversal": (
        "classes: {talos: {version: v1.11.4/../..}}",
        "class talos: 'v1.11.4/../..' is no exact Talos version; write it in full, such as v1.11.4",
    ),
    "class-variable": (
        "classes: {talos: {version: v1.11.4, kernel_args: ['hostname=${serial}']}}",
        f"profile talos: boot.args number 11 (hostname=...) {VARIABLE}",
    ),
    "class-path-variable": (
        "classes: {talos: {version: v1.11.4, path: 'talos/${arch}'}}",
        "class talos: 'talos/${arch}' is no folder below the assets; use letters, digits, '-', '.', '_' and '/', such as talos or images/lab",
    ),
    "class-args-separator": ("classes: {talos: {version: v1.11.4, kernel_args: [a && b]}}", f"profile talos: boot.args number 11 has the word &&, {ENDS}"),
    "class-args-text": (
        "classes: {talos: {version: v1.11.4, kernel_args: quiet}}",
        "class talos: kernel_args is a list of texts, one kernel argument each, got 'quiet'",
    ),
    "class-args-join-argument": (
        f"classes: {{talos: {{version: v1.11.4, kernel_args: ['{TOKEN}']}}}}",
        "class talos: kernel_args has siderolink.api, which every profile is given; leave it out (what Omni shows can be pasted as"
        " omni_matchbox_kernel_params)",
    ),
    "classes-with-two-defaults": (
        "classes: {a: {version: v1.11.4, default: true}, b: {version: v1.12.0, default: true}}",
        "class b: a is the default for amd64 already; mark one class",
    ),
    "class-default-text": ("classes: {a: {version: v1.11.4, default: 'yes'}}", "class a: default is true or false, got 'yes'"),
    "machine-mac-unquoted": (
        f"{{{CLASS}, machines: {{node1: {{mac: 52:54:00:12:34:56}}}}}}",
        "machine node1: the MAC address was read as the number 41135085296; put it in quotes",
    ),
    "machine-without-identity": (
        f"{{{CLASS}, machines: {{node1: {{class: talos}}}}}}",
        "machine node1: nothing tells it from others; give its mac, uuid or serial",
    ),
    "machine-of-another-class": (
        f"{{{CLASS}, machines: {{node1: {{mac: '52:54:00:12:34:56', class: rescue}}}}}}",
        "machine node1: there is no class 'rescue'; known are talos",
    ),
    "machine-named-default": (
        f"{{{CLASS}, machines: {{default: {{mac: '52:54:00:12:34:56'}}}}}}",
        "machine default: this name is kept for machines that nobody named; choose another",
    ),
    "machines-with-one-mac": (
        f"{{{CLASS}, machines: {{a: {{mac: '52:54:00:12:34:56'}}, b: {{mac: 52-54-00-12-34-56}}}}}}",
        "machine b: mac 52:54:00:12:34:56 is that of machine a too; correct one of them",
    ),
    "machine-serial-number": (
        f"{{{CLASS}, machines: {{a: {{serial: 12}}}}}}",
        "machine a: 12 is no serial number; write it as text, in quotes, as the firmware shows it",
    ),
    "machine-uuid-bad": (
        f"{{{CLASS}, machines: {{a: {{uuid: 4c4c4544}}}}}}",
        "machine a: '4c4c4544' is no UUID; write it as '4c4c4544-0051-3510-8052-b4c04f4e3333'",
    ),
    "machine-unknown-setting": (
        f"{{{CLASS}, machines: {{a: {{mac: '52:54:00:12:34:56', profile: talos}}}}}}",
        "machine a: unknown setting 'profile'; known are class, cluster, mac, serial, uuid",
    ),
    "profile-given-twice": (
        "profiles: [{id: p, boot: {kernel: /k}}, {id: p, boot: {kernel: /l}}]",
        "profile p: is given 2 times; rename or remove one",
    ),
    "profile-of-a-class-given-twice": (f"{{{CLASS}, profiles: [{{id: talos}}]}}", "profile talos: is given 2 times; rename or remove one"),
    "profile-without-id": ("profiles: [{boot: {kernel: /k}}]", "profiles: number 1: id is missing; give an id such as 'talos'"),
    "profile-id-number": ("profiles: [{id: 5}]", f"profiles: number 1: id is the number 5; {TEXT}"),
    "profile-id-true": ("profiles: [{id: on}]", f"profiles: number 1: id is the truth value true; {TEXT}"),
    "profile-unknown-field": ("profiles: [{id: p, kernel: /k}]", f"profiles: number 1: unknown field 'kernel'; known are {PROFILE_FIELDS}"),
    "profile-field-in-capitals": ("profiles: [{id: p, Boot: {kernel: /k}}]", f"profiles: number 1: unknown field 'Boot'; known are {PROFILE_FIELDS}"),
    "profile-args-text": ("profiles: [{id: p, boot: {kernel: /k, args: a b}}]", "profile p: boot.args is a text; write a list of texts"),
    "profile-args-number": ("profiles: [{id: p, boot: {kernel: /k, args: [1.5]}}]", f"profile p: boot.args number 1 is the number 1.5; {TEXT}"),
    "profile-args-dictionary": ("profiles: [{id: p, boot: {kernel: /k, args: [a: b]}}]", f"profile p: boot.args number 1 is a dictionary; {TEXT}"),
    "profile-kernel-null": ("profiles: [{id: p, boot: {kernel: }}]", "profile p: boot.kernel is empty; give a value or leave it out"),
    "profile-boot-text": ("profiles: [{id: p, boot: /k}]", "profile p: boot: is a text; write a dictionary with the fields kernel, initrd, args"),
    "group-given-twice": (
        f"{{{CLASS}, groups: [{{id: g, profile: talos, selector: {{serial: a}}}}, {{id: g, profile: talos, selector: {{serial: b}}}}]}}",
        "group g: is given 2 times; rename or remove one",
    ),
    "group-beside-the-default": (
        f"{{{CLASS}, groups: [{{id: g, profile: talos}}]}}",
        "group g: selects every machine, as group default does; change or remove one",
    ),
    "group-twin-of-a-machine": (
        f"{{{CLASS}, machines: {{a: {{mac: '52:54:00:12:34:56'}}}}, groups: [{{id: g, profile: talos, selector: {{mac: 52-54-00-12-34-56}}}}]}}",
        "group g: selects mac=52:54:00:12:34:56, as group a does; change or remove one",
    ),
    "group-unknown-field": (
        f"{{{CLASS}, groups: [{{id: g, profile: talos, selectors: {{}}}}]}}",
        f"groups: number 1: unknown field 'selectors'; known are {GROUP_FIELDS}",
    ),
    "group-selector-text": (
        f"{{{CLASS}, groups: [{{id: g, profile: talos, selector: mac=x}}]}}",
        "group g: selector is a text; write a dictionary such as {mac: '52:54:00:12:34:56'}",
    ),
    "group-without-its-profile": (
        "groups: [{id: g, profile: rescue, selector: {serial: a}}]",
        "group g: there is no profile 'rescue', neither given nor on disk; add it or name another",
    ),
    "join-args-missing": (f"{{{CLASS}, join_args: }}", "profile talos: @join_args@ stands for Omni's join arguments; give them as join_args"),
}
# What Ansible itself refuses, in its own words, which differ from version to version: these must be among them.
BY_ANSIBLE = {
    "profile-unknown-field": ("{id: p, ignitionId: x}", ["Unsupported parameters", "ignitionId", "ignition_id"]),
    "profile-without-id": ("{boot: {kernel: /k}}", ["missing required arguments", "id"]),
    "profile-state": ("{id: p, state: gone}", ["state", "present, absent", "gone"]),
    "profile-boot-unknown-field": ("{id: p, boot: {kernel: /k, arguments: [quiet]}}", ["boot.arguments", "args, initrd, kernel"]),
    "profile-boot-without-a-kernel": ("{id: p, boot: {args: [quiet]}}", ["missing required arguments: kernel found in boot"]),
    "profile-boot-list": ("{id: p, boot: [quiet]}", ["dictionary"]),
    "group-unknown-field": ("{id: g, profile: talos, selectors: {}}", ["Unsupported parameters", "selectors", "selector"]),
    "group-selector-list": ("{id: g, profile: talos, selector: [serial]}", ["'selector'", "dict"]),
    "group-metadata-list": ("{id: g, profile: talos, metadata: [rack]}", ["'metadata'", "dict"]),
    "sync-classes-list": ("{classes: [talos]}", ["'classes'", "dict"]),
    "sync-profiles-text": ("{profiles: [talos]}", ["'profiles'", "dict"]),
    "sync-purge": ("{purge: everything}", ["purge", "managed, all, none", "everything"]),
    "sync-unknown-option": ("{machine: {}}", ["Unsupported parameters", "machine", "machines"]),
}
CASES = [
    pytest.param(f"matchbox_{module}", text, message, id=f"{module}-{name}")
    for module, cases in {"profile": PROFILE, "group": GROUP, "sync": SITE}.items()
    for name, (text, message) in cases.items()
]


@pytest.fixture
def data(tmp_path):
    """A data directory with a default, one machine and a broken profile."""
    files = {
        "profiles/talos": '{"id": "talos", "boot": {"kernel": "/k"}}',
        "profiles/broken": '{"boot": {}}',
        "groups/default": '{"profile": "talos"}',
        "groups/node1": '{"profile": "talos", "selector": {"mac": "52:54:00:aa:bb:cc"}}',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.json").write_text(text)
    return tmp_path


@pytest.mark.parametrize(("module", "text", "message"), CASES)
def test_refused(modules, data, module, text, message):
    params = {"join_args": JOIN_ARGS} if module == "matchbox_sync" else {}
    shown = modules.refuse(module, {"data_path": str(data), **params, **yaml.safe_load(text)})
    assert shown == message
    assert "SECRET" not in shown


@pytest.mark.parametrize(("name", "text", "words"), [(name, *case) for name, case in BY_ANSIBLE.items()], ids=BY_ANSIBLE)
def test_refused_by_ansible(modules, data, name, text, words):
    shown = modules.refuse(f"matchbox_{name.split('-')[0]}", {"data_path": str(data), **yaml.safe_load(text)})
    assert not [word for word in words if word not in shown], shown


def test_variables_are_for_raw_profiles(modules, data):
    """As in classes they are refused, here they have their uses."""
    params = {"data_path": str(data), "profiles": [{"id": "p", "boot": {"kernel": "/k-${buildarch}", "args": ["host=${serial}"]}}]}
    assert modules.converge("matchbox_sync", params)["written"] == ["profiles/p"]


def test_there_are_enough():
    assert len(CASES) + len(BY_ANSIBLE) >= 100
