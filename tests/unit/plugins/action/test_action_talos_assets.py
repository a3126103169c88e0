"""Plays over several boot hosts: lines while images come, and a controller that fetches for all of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from lab.downloads import TALOS_RELEASES, Downloads
from support import images
from support.modules import REPOSITORY

pytestmark = pytest.mark.thorough

KERNEL, INITRAMFS = (f"/{TALOS_RELEASES}/v1.11.4/{name}-amd64{ending}" for name, ending in (("vmlinuz", ""), ("initramfs", ".xz")))
PLAYBOOK = """
- hosts: all
  gather_facts: false
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  tasks:
    - usableapps.omni_matchbox.talos_assets:
        assets_path: "{{ root }}/{{ inventory_hostname }}"
        retries: 0
        release_url: "{{ release_url }}"
        images: [{version: v1.11.4}]
        source: "{{ source | default(omit) }}"
        cache_path: "{{ cache_path | default(omit) }}"
        offline: "{{ offline | default(omit) }}"
      register: had
    - ansible.builtin.debug:
        msg: "{{ had.files | map(attribute='verified_by') | list | to_json }} {{ had.diff.after | to_json }}"
"""


@pytest.fixture
def server(tmp_path):
    images.release(tmp_path / "released", "v1.11.4", initramfs=images.initramfs(size=8_000_000))
    with Downloads(tmp_path / "released") as running:
        yield running


@pytest.fixture
def released(tmp_path):
    (tmp_path / "released").mkdir()


@pytest.fixture
def play(released, server, tmp_path):
    """Runs the task on the given hosts; what was printed. ``heard`` is called with all of that after each line."""
    (tmp_path / "play.yml").write_text(PLAYBOOK)

    def run(hosts="boot1,", *options, fails=False, heard=lambda said: None, **arguments) -> str:
        variables = {"root": str(tmp_path), "release_url": f"{server.url}/{TALOS_RELEASES}", **arguments}
        (tmp_path / "variables.json").write_text(json.dumps(variables))
        argv = ["-i", hosts, "-e", f"@{tmp_path / 'variables.json'}", *options, str(tmp_path / "play.yml")]
        environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "build/collections"), "ANSIBLE_LOCAL_TEMP": str(tmp_path / "local")}
        pipe, said = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}, ""
        with subprocess.Popen([sys.executable, "-m", "ansible.cli.playbook", *argv], env=environment, **pipe) as process:
            for line in process.stdout:
                said += line
                heard(said)
        assert (process.returncode != 0) == fails, said
        return said

    return run


def test_lines_tell_how_far_each_host_is(play, server, tmp_path):
    """The file comes slowly until each host has told how far it is, however seldom somebody looks."""
    hosts = ("boot1", "boot2")

    def go_on(said: str) -> None:
        if all(f"{host}: Talos images: " in said for host in hosts):
            server.faults.clear()

    server.fault(INITRAMFS, "slow", seconds=0.5)
    said = play("boot1,boot2,", heard=go_on)
    for host in hosts:
        lines = re.findall(rf"^{host}: Talos images: (.*)$", said, re.MULTILINE)
        assert 2 <= len(lines) <= 11, said
        assert re.fullmatch(r"\d+ % of 8.3 MB, \d+\.\d MB/s, \d+ s left \(talos/v1.11.4/initramfs.xz\)", lines[-2])
        assert re.fullmatch(r"8.3 MB in \d+ s", lines[-1])
        assert (tmp_path / host / "talos/v1.11.4/initramfs.xz").stat().st_size == 8_000_000
    assert "changed=1" in said
    assert not list((tmp_path / "boot1").glob(".omni*"))


def test_a_second_run_and_a_preview_say_nothing(play, server):
    before = play("boot1,", "--check")
    assert "changed=1" in before
    play()
    server.requests.clear()
    again = play()
    assert "changed=0" in again
    assert "Talos images" not in before + again
    assert server.requests == []


def test_an_error_is_one_line(play, server):
    server.fault(INITRAMFS, "corrupt")
    said = play(fails=True)
    assert re.search(r'"msg": "http://\S+/initramfs-amd64.xz was damaged or replaced: [^\n]*"', said), said


@pytest.fixture
def copied(play, tmp_path):
    """The same with a controller that fetches."""

    def run(*words, **arguments):
        return play(*words, source="controller", cache_path=str(tmp_path / "cache"), **arguments)

    return run


def test_a_controller_fetches_once_for_all(copied, server, tmp_path):
    predicted = copied("boot1,boot2,boot3,", "--check")
    assert not list(tmp_path.glob("boot*")) and "GET" not in server.methods()
    said = copied("boot1,boot2,boot3,")
    assert server.methods(INITRAMFS).count("GET") == server.methods(KERNEL).count("GET") == 1
    for host in ("boot1", "boot2", "boot3"):
        assert (tmp_path / host / "talos/v1.11.4/initramfs.xz").read_bytes() == images.initramfs(size=8_000_000)
        assert (tmp_path / host / "talos/images.lock").read_text() == (tmp_path / "cache/talos/images.lock").read_text()
        assert f"{host}: Talos images to the boot host: 8.3 MB" in said
    assert said.count("to the controller: 8.3 MB") == 1
    assert messages(said) == messages(predicted)
    server.requests.clear()
    assert copied("boot1,boot2,boot3,").count("changed=0") == 3
    assert server.requests == []


def messages(said: str) -> list[str]:
    return sorted(re.findall(r'"msg": (.*)', said))


def test_a_new_host_gets_what_the_others_have_without_a_request(copied, server):
    copied("boot1,")
    server.requests.clear()
    assert '[\\"controller\\", \\"controller\\"]' in copied("boot1,boot2,", offline=True)
    assert server.requests == []


def test_what_the_controller_lacks_is_told_when_nothing_may_be_fetched(copied, server):
    assert "lacks Talos v1.11.4 for amd64, and nothing is to be fetched" in copied("boot1,", offline=True, fails=True)
    assert server.requests == []


def test_what_differs_from_what_the_host_knows_is_refused(copied, server, tmp_path):
    """The controller trusts what it finds, the boot host remembers something else."""
    copied("boot1,")
    (tmp_path / "boot1/talos/v1.11.4/vmlinuz").unlink()
    lock = json.loads((tmp_path / "boot1/talos/images.lock").read_text())
    lock["images"][0]["files"]["vmlinuz"]["sha256"] = "0" * 64
    (tmp_path / "boot1/talos/images.lock").write_text(json.dumps(lock))
    assert "vmlinuz-amd64 has changed" in copied("boot1,", fails=True)
