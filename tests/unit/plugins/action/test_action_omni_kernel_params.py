"""A playbook over several hosts and two Omnis: who is asked how often, and what can be seen of it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import urllib.parse

import pytest
from support.modules import REPOSITORY

pytestmark = pytest.mark.thorough

pytest_plugins = ["support.omni"]

HOSTS = 3
PLAYBOOK = """
- hosts: all
  gather_facts: false
  module_defaults:
    group/usableapps.omni_matchbox.omni:
      ca_path: "{{ omni_ca }}"
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  tasks:
    - usableapps.omni_matchbox.omni_kernel_params:
        endpoint: "{{ omni_endpoint }}"
        service_account_key: "{{ omni_key }}"
      delegate_to: localhost
      register: asked
    - usableapps.omni_matchbox.omni_kernel_params:
        endpoint: "{{ omni_endpoint }}"
        service_account_key: "{{ omni_key }}"
        join_token: "{{ item }}"
      delegate_to: localhost
      loop: "{{ [omni_token] }}"
      loop_control: {label: token}
      register: looped
    - usableapps.omni_matchbox.omni_kernel_params:
        kernel_params: "{{ asked.kernel_params }}"
      delegate_to: localhost
      register: given
    - ansible.builtin.set_fact:
        kept: "{{ asked.kernel_params }}"
      no_log: true
    - ansible.builtin.assert:
        quiet: true
        that:
          - (omni_token in kept[0]) and (omni_token in looped.results[0].kernel_params[0])
          - given.kernel_params == asked.kernel_params
          - omni_token not in asked.invocation | default("") | string
          - omni_key not in asked | string
    - ansible.builtin.debug:
        msg: "{{ asked.redacted[0] }}"
    - usableapps.omni_matchbox.omni_kernel_params:
        endpoint: "{{ omni_endpoint }}"
        service_account_key: "{{ omni_key }}"
        join_token: "not-{{ omni_token }}"
      delegate_to: localhost
      ignore_errors: true
"""


@pytest.fixture
def play(tmp_path):
    """Runs the playbook over hosts of the given Omnis; returns all that was shown or logged."""

    def run(omnis: list, *options: str) -> str:
        groups = {
            f"site{number}": {
                "hosts": {f"site{number}-boot{host}": {} for host in range(HOSTS)},
                "vars": {
                    "omni_endpoint": omni.server.endpoint,
                    "omni_key": omni.key,
                    "omni_token": omni.state.default_token(),
                    "omni_ca": omni.ca_path,
                },
            }
            for number, omni in enumerate(omnis)
        }
        (tmp_path / "inventory.json").write_text(json.dumps({"all": {"children": groups}}))
        (tmp_path / "play.yml").write_text(PLAYBOOK)
        shown = subprocess.run(
            [os.path.join(os.path.dirname(sys.executable), "ansible-playbook"), "-i", "inventory.json", "play.yml", "--forks", "8", *options],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "build/collections"),
                "ANSIBLE_HOME": str(tmp_path / "home"),
                "ANSIBLE_LOCALHOST_WARNING": "0",
                "ANSIBLE_LOG_PATH": str(tmp_path / "log"),
            },
        )
        assert shown.returncode == 0, shown.stdout
        return shown.stdout + (tmp_path / "log").read_text()

    return run


def forms(secret: str) -> list[str]:
    return [secret, urllib.parse.quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("=")]


def secrets(omni) -> list[str]:
    """What must not be seen: the token, the key, and the lines of the private key in it."""
    lines = json.loads(base64.b64decode(omni.key))["pgp_key"].splitlines()
    return [form for secret in (omni.state.default_token(), omni.key) for form in forms(secret)] + [line for line in lines if len(line) == 64]


def test_each_omni_is_asked_once_and_nobody_sees_the_token(make_omni, play, tmp_path):
    omnis = [make_omni(), make_omni()]
    shown = play(omnis, "-vvvv", "--diff")
    for omni in omnis:
        # Three questions of three hosts: the default token, the same by loop, a token that does not exist.
        assert omni.state.request_counts()["GetMachineJoinConfig"] == 3
        assert [secret for secret in secrets(omni) if secret in shown] == []
    assert "jointoken=sha256:" in shown
    assert "is not known at https://" in shown
    # Ansible has removed the answers with the directory they were in.
    assert list((tmp_path / "home/tmp").iterdir()) == []
