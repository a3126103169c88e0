"""The module talos_image_info as Ansible runs it, against a lab Omni and a lab Image Factory."""

from __future__ import annotations

import json

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.boot.plan import boot_plan
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.custom import custom_image
from lab.factory import Factory
from support import images
from support.modules import warnings

pytest_plugins = ["support.omni"]

MODULE = "talos_image_info"
DIGEST, OTHER_DIGEST = "a" * 64, "b" * 64
JOIN = ["siderolink.api=grpc://h?jointoken=site-token", "talos.events.sink=h:1", "talos.logging.kernel=tcp://h:2"]
ISCSI = {"extensions": ["siderolabs/iscsi-tools"]}
TALOS = {"talos": {"version": "v1.11.4"}}
LOOSE = {"talos": {"version": "v1.11"}, "next": {"version": "omni"}, "exact": {"version": "v1.10.8"}}


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    """Without an Omni in the environment: a test says for itself which one is asked."""
    for name in ("OMNI_ENDPOINT", "OMNI_SERVICE_ACCOUNT_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def factory(tmp_path_factory):
    """Lists what Omni supports (1.10.8, 1.11.4, 1.11.5 and 1.12.0) and more, and has the images of v1.11.4."""
    root = tmp_path_factory.mktemp("factory")
    images.release(root, "v1.11.4")
    with Factory(root, listed=["v1.10.8", "v1.11.5", "v1.11.6", "v1.12.0", "v1.13.0-beta.1"]) as running:
        yield running


@pytest.fixture
def ask(modules, omni, factory):
    """The result of asking about classes."""

    def run(classes=None, **params) -> dict:
        return modules.converge(MODULE, {**omni.params, "factory_url": factory.url, "classes": classes or TALOS, **params})

    return run


def host(site="https://omni.lan", images=(), **versions) -> dict:
    """What talos_lock_info tells of a boot host."""
    meant = {name.replace("_", "."): version for name, version in versions.items()}
    return {"site": site, "present": list(meant.values()), "lock": {"images": list(images), "versions": meant}}


def locked(digest: str, version="v1.11.4") -> dict:
    """A stock image in a lock file, of which the kernel is known."""
    return {"version": version, "architecture": "amd64", "image": "stock", "files": {"vmlinuz": {"sha256": digest, "size": 1}}}


def test_exact_versions_ask_nobody(modules, omni, factory):
    params = {"classes": TALOS, "alignment": "ignore", "factory_url": factory.url, **omni.params}
    result = modules.converge(MODULE, params)
    assert result["classes"] == {"talos": {"version": "v1.11.4", "sha256": {}}}
    assert (result["versions"], result["moved"], factory.requests, omni.state.request_counts()) == ({}, {}, [], {})
    (image,) = result["images"]
    assert (image["path"], image["key"], image["kernel_args"]) == ("talos/v1.11.4", "stock", None)
    assert image["urls"]["kernel"] == "https://github.com/siderolabs/talos/releases/download/v1.11.4/vmlinuz-amd64"


def test_without_a_key_nothing_is_compared(modules):
    assert modules.converge(MODULE, {"classes": {"talos": {"version": "v1.99.0"}}})["images"][0]["version"] == "v1.99.0"


def test_loose_versions(ask, factory):
    result = ask(LOOSE)
    assert result["versions"] == {"v1.11": "v1.11.5", "omni": "v1.12.0"}
    assert {name: settings["version"] for name, settings in result["classes"].items()} == {"talos": "v1.11.5", "next": "v1.12.0", "exact": "v1.10.8"}
    assert [image["path"] for image in result["images"]] == ["talos/v1.11.5", "talos/v1.12.0", "talos/v1.10.8"]
    factory.broken = ["v1.11.5"]
    assert ask(LOOSE)["versions"]["v1.11"] == "v1.11.4"
    assert ask(LOOSE, factory_url="")["versions"]["v1.11"] == "v1.11.5"


def test_who_is_asked_for_loose_versions(ask, omni, factory):
    ask(LOOSE)
    assert (omni.state.request_counts(), len(factory.requests)) == ({"List": 4}, 8)


def test_running_again_stays_and_a_new_host_adopts(ask, omni, factory):
    hosts = {"boot1": host(v1_11="v1.11.4"), "new": host(), "elsewhere": host("https://other.lan", v1_11="v1.11.5")}
    site = {name: {**facts, "site": omni.server.endpoint if facts["site"] == "https://omni.lan" else facts["site"]} for name, facts in hosts.items()}
    result = ask({"talos": {"version": "v1.11"}}, boot_hosts=site)
    assert (result["versions"], result["moved"], factory.requests) == ({"v1.11": "v1.11.4"}, {}, [])
    result = ask({"talos": {"version": "v1.11"}}, boot_hosts=site, refresh=True)
    assert result["moved"] == {"v1.11": {"before": ["v1.11.4"], "after": ["v1.11.5"]}}


def test_pins_count_more_than_locks(ask):
    hosts = {"boot1": host(None, [locked(DIGEST)], v1_11="v1.11.4"), "boot2": host(None, [locked(OTHER_DIGEST)], v1_11="v1.11.5")}
    pins = {"versions": {"v1.11": "v1.11.4"}, "images": [locked("c" * 64)]}
    result = ask({"talos": {"version": "v1.11"}}, boot_hosts=hosts, pins=pins)
    assert result["classes"] == {"talos": {"version": "v1.11.4", "sha256": {"kernel": "c" * 64}}}


def test_digests_that_a_neighbour_knows(ask):
    hosts = {"boot1": host(None, [locked(DIGEST), locked(OTHER_DIGEST, "v1.12.0")]), "new": host(None)}
    assert ask(boot_hosts=hosts)["images"][0]["sha256"] == {"kernel": DIGEST}
    assert ask({"talos": {**TALOS["talos"], "sha256": {"kernel": OTHER_DIGEST}}}, boot_hosts=hosts)["images"][0]["sha256"] == {"kernel": OTHER_DIGEST}


def test_a_class_that_omni_does_not_support(modules, omni, ask):
    params = {**omni.params, "classes": {"talos": {"version": "v1.11.3"}}}
    line = "class talos: Omni does not support Talos v1.11.3; it supports v1.11.5"
    assert modules.refuse(MODULE, params) == f"{line}; or set omni_matchbox_alignment: warn"
    assert warnings(ask(params["classes"], alignment="warn")) == [line]


def test_a_class_that_is_far_from_its_cluster(modules, omni, ask):
    for name, version in {"home": "1.12.0", "old": "1.10.8"}.items():
        cluster = {"type": "Clusters.omni.sidero.dev", "id": name, "spec": {"talos_version": version, "kubernetes_version": "1.33.5"}}
        assert modules.run("omni_resource", {**omni.params, **cluster})["changed"]
    machines = {"node1": {"mac": "52:54:00:00:00:01", "cluster": "home"}, "node2": {"mac": "52:54:00:00:00:02", "cluster": "old", "class": "next"}, "node3": {}}
    classes = {"talos": {"version": "v1.11.4", "default": True}, "next": {"version": "v1.12.0"}}
    message = modules.refuse(MODULE, {**omni.params, "classes": classes, "machines": machines})
    assert message.startswith("class next: its machine node2 goes to cluster old, which has Talos v1.10.8; from v1.12.0 that is more than one minor version")
    assert "v1.10.8, v1.11.5 would do" in message and "node1" not in message
    assert len(warnings(ask(classes, machines=machines, alignment="warn"))) == 1


def test_an_image_of_the_factory(ask, factory):
    schematic = factory.create({"customization": {"extraKernelArgs": [*JOIN, "-init_on_alloc"]}})
    classes = {**TALOS, "iscsi": {"version": "v1.11", **ISCSI, "kernel_args": ["pti=off"], "default": True}}
    pins = {"versions": {"v1.11": "v1.11.4"}}
    expected = ask(classes, join_args=JOIN, pins=pins)
    (wanted,) = expected["customizations"]
    assert {name: wanted[name] for name in ("talos_version", "architecture", "extensions")} == {"talos_version": "v1.11.4", "architecture": "amd64", **ISCSI}
    assert [path for path in factory.requests if "image" in str(path)] == []
    result = ask(classes, schematics={wanted["image_key"]: schematic}, join_args=JOIN, pins=pins)
    stock, made = result["images"]
    assert made["key"] == wanted["image_key"] == expected["images"][1]["key"]
    # Where it is not known, it is what it should be; here the factory's says something else.
    assert set(expected["images"][1]["kernel_args"]) - set(made["kernel_args"]) == {"init_on_alloc=1"}
    assert stock["key"] == "stock"
    assert made["path"] == f"talos/v1.11.4/{made['key']}/amd64"
    assert made["sizes"]["kernel"] == 300_000 and made["urls"]["kernel"].endswith("/image/@schematic@/v1.11.4/kernel-amd64")
    assert warnings(result) == [
        "class iscsi: its image's own kernel arguments count; beside those that Talos v1.11.4 should have it lacks init_on_alloc=1",
    ]
    exact = {name: {**settings, **result["classes"][name]} for name, settings in classes.items()}
    args = next(profile for profile in boot_plan(exact, {}, result["images"]).profiles if profile["id"] == "iscsi")["boot"]["args"]
    assert "init_on_alloc=1" not in args and "pti=off" in args and args[-1] == "@join_args@"
    text = json.dumps({name: value for name, value in result.items() if name != "invocation"})
    assert schematic not in text and "site-token" not in text and schematic not in json.dumps(result.get("invocation", {}))


@pytest.mark.parametrize(
    ("schematic", "message"),
    [
        ({}, "class talos: its schematic holds no join arguments;"),
        ({"customization": {"extraKernelArgs": ["a"]}}, "class talos: its schematic holds no join arguments;"),
        (
            {"customization": {"extraKernelArgs": [arg.replace("site-token", "old") for arg in JOIN]}},
            "holds other join arguments than this run's (siderolink.api",
        ),
    ],
)
def test_schematics_that_would_not_come_back(modules, omni, factory, schematic, message):
    by_class = {"classes": {"talos": {**TALOS["talos"], "schematic": factory.create(schematic)}}}
    classes = {"talos": {**TALOS["talos"], **ISCSI}}
    by_key = {"classes": classes, "schematics": {custom_image("talos", classes["talos"], factory.url, JOIN)["key"]: factory.create(schematic)}}
    for params in (by_class, by_key):
        said = modules.refuse(MODULE, {**omni.params, **params, "factory_url": factory.url, "join_args": JOIN})
        assert message in said and "(the UKI trap); either let Omni make the schematic" in said
        assert "site-token" not in said and factory.create(schematic) not in said


def test_a_schematic_that_the_class_names(ask, factory):
    schematic = factory.create({"customization": {"extraKernelArgs": JOIN}})
    result = ask({"talos": {**TALOS["talos"], "schematic": schematic}}, join_args=JOIN)
    assert (result["customizations"], len(result["images"][0]["sizes"])) == ([], 2)
    assert schematic not in json.dumps(result)


def test_images_of_an_archive_ask_nobody(ask, factory):
    classes = {"talos": {**TALOS["talos"], **ISCSI}, "other": {**TALOS["talos"], "extra_kernel_args": ["a=1"]}}
    folder = custom_image("talos", classes["talos"], factory.url, JOIN)["path"]
    result = ask(classes, join_args=JOIN, archived={folder: ["from=archive"]}, alignment="ignore")
    assert [image["kernel_args"][-1] for image in result["images"]] == ["from=archive", "a=1"]
    assert factory.requests == []


def bad_class(**settings) -> dict:
    return {"classes": {"talos": {**TALOS["talos"], **settings}}}


BAD = [
    # versions
    (bad_class(version="latest"), "class talos: 'latest' is no Talos version"),
    (bad_class(version="v1"), "class talos: 'v1' is no Talos version"),
    (bad_class(version="1.11.x"), "'1.11.x' is no Talos version"),
    (bad_class(version="v1.11.4 "), "is no Talos version"),
    (bad_class(version="../../etc"), "is no Talos version"),
    (bad_class(version=1.11), "class talos: 1.11 is a number in YAML"),
    (bad_class(version=None), "class talos: expected settings with a Talos version"),
    (bad_class(version=["v1.11.4"]), "is no Talos version"),
    (bad_class(version="v1.12.0-"), "is no Talos version"),
    (bad_class(version="v1.11"), "but Omni is not asked (no service-account key) and no boot host has one"),
    (bad_class(version="omni"), "omni means the newest version that Omni supports, but Omni is not asked"),
    ({"classes": {"talos": "v1.11.4"}}, "class talos: expected settings with a Talos version, such as {version: v1.11.4}, got 'v1.11.4'"),
    # architectures
    (bad_class(architecture="x86_64"), "class talos: architecture 'x86_64' is not known to Talos; write amd64"),
    (bad_class(architecture="AARCH64"), "write arm64"),
    (bad_class(architecture="riscv64"), "write amd64 or arm64"),
    (bad_class(architecture=64), "architecture 64 is not known to Talos"),
    # schematics
    (bad_class(schematic="abc"), "class talos: this is no schematic id"),
    (bad_class(schematic="A" * 64), "class talos: this is no schematic id"),
    (bad_class(schematic=5), "class talos: this is no schematic id"),
    (bad_class(schematic="a" * 64, extensions=["a/b"]), "class talos: schematic and extensions: what is in a schematic cannot be changed"),
    (bad_class(extensions=["a"]), "class talos: extensions: 'a' is no name of an extension"),
    (bad_class(extensions="a/b"), "class talos: extensions is a list of texts, got 'a/b'"),
    (bad_class(overlay={"name": "rpi"}), "class talos: overlay: {'name': 'rpi'} is no name of an overlay"),
    (bad_class(extra_kernel_args=["a b"]), "class talos: extra_kernel_args: number 1 is empty or holds white space"),
    (bad_class(extra_kernel_args=JOIN[:1]), "class talos: extra_kernel_args: number 1 is one of the join arguments"),
    ({**bad_class(**ISCSI), "join_args": []}, "class talos: its image holds the join arguments, so they are needed; give join_args"),
    # URLs
    ({"release_url": "mirror.lan"}, "release_url: 'mirror.lan' is neither an http, https or file URL nor an absolute path"),
    ({"release_url": "https://user:pw@mirror.lan"}, "release_url: a URL is shown in diffs and logs"),
    ({"release_url": "https://mirror.lan?x"}, "release_url: file names are added to this URL"),
    ({"release_url": "https://factory.talos.dev"}, "release_url: https://factory.talos.dev is an Image Factory"),
    ({"factory_url": "factory", **bad_class(**ISCSI)}, "class talos: factory_url: 'factory' is neither"),
    ({"factory_url": "", **bad_class(**ISCSI)}, "class talos: factory_url: '' is neither"),
    # digests
    (bad_class(sha256="a" * 64), "class talos: sha256: expected the digests of kernel and initramfs"),
    (bad_class(sha256={"vmlinuz": "a" * 64}), "class talos: sha256: expected the digests of kernel and initramfs"),
    (bad_class(sha256={"kernel": "a" * 63}), "class talos: sha256 of the kernel: "),
    (bad_class(sha256={"kernel": 5}), "class talos: sha256 of the kernel: '5' is not 64 hexadecimal digits"),
    # paths
    (bad_class(path="../talos"), "class talos: '../talos' is no folder below the assets"),
    (bad_class(path="/talos"), "class talos: '/talos' is no folder below the assets"),
    (bad_class(path="talos/v1.12.0"), "class talos: path talos/v1.12.0 is where another image lies"),
    (bad_class(path="a//b"), "is no folder below the assets"),
    # lock files and pins by hand
    ({"pins": {"version": {}}}, "omni_matchbox_images_lock: unknown field 'version'"),
    ({"pins": {"versions": {"v1.11": "v1.11"}}}, "omni_matchbox_images_lock: versions: v1.11: 'v1.11' is no exact Talos version"),
    ({"pins": {"versions": {"v1.11": "v1.10.8"}}}, "omni_matchbox_images_lock: versions: v1.11 cannot mean v1.10.8"),
    ({"pins": {"images": [locked("x" * 64)]}}, "omni_matchbox_images_lock: images: number 1: vmlinuz: sha256 "),
    ({"pins": {"images": [locked(DIGEST), locked(DIGEST)]}}, "number 2: v1.11.4 amd64 stock is there twice"),
    ({"boot_hosts": {"boot1": {"lock": {"images": "x"}}}}, "lock file of boot1: images is a list, not 'x'"),
    ({"boot_hosts": {"boot1": {"lock": {"versions": {"omni": "newest"}}}}}, "lock file of boot1: versions: omni: 'newest' is no exact Talos version"),
    ({"boot_hosts": {"boot1": None}}, "boot_hosts: boot1: expected what talos_lock_info tells, got None"),
    (
        {"boot_hosts": {"boot1": {"lock": {"images": [locked(DIGEST)]}}, "boot2": {"lock": {"images": [locked(OTHER_DIGEST)]}}}},
        "vmlinuz of Talos v1.11.4 amd64 is not the same on boot1 and boot2; pin the right sha256 in omni_matchbox_images_lock",
    ),
    (
        {**bad_class(version="v1.11"), "boot_hosts": {"boot1": host(None, v1_11="v1.11.4"), "boot2": host(None, v1_11="v1.11.5")}},
        "class talos: v1.11 means v1.11.4 on boot1 and v1.11.5 on boot2; say what it means in omni_matchbox_images_lock",
    ),
]


@pytest.mark.parametrize(("params", "message"), BAD)
def test_bad_input(modules, params, message):
    said = modules.refuse(MODULE, {"classes": TALOS, "join_args": JOIN, **params})
    assert message in said
    assert "pw" not in said
