#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: boot_host_info
short_description: What a boot host is and what would be in the way on it
version_added: 0.1.0
description:
  - Reads, in one task, what has to be known about a boot host before anything on it is changed.
  - What would be in the way is told in RV(problems) and does not fail the task.
author:
  - The usableapps.omni_matchbox founders (@usableapps)
attributes:
  check_mode:
    description: Only reads.
    support: full
  diff_mode:
    description: Changes nothing, so there is nothing to show.
    support: N/A
  platform:
    description: Linux with iproute2.
    platforms: linux
    support: full
options:
  interface:
    description: The network interface towards the machines.
    type: str
  ports:
    description: Ports on which services of the boot host will listen.
    type: list
    elements: dict
    default: []
    suboptions:
      protocol:
        description: The transport protocol.
        type: str
        choices: [tcp, udp]
        required: true
      port:
        description: The port.
        type: int
        required: true
      purpose:
        description: What it is for, in a word or two, for the problem's text.
        type: str
        default: ""
      bind:
        description:
          - Where our service will listen, which decides what hinders it.
          - V(any) for all addresses, where a listener on any one address hinders it; V(interface) for O(interface) and the
            loopback interface, where listeners on other interfaces do not matter; V(loopback) for 127.0.0.1.
        type: str
        choices: [any, interface, loopback]
        default: any
      allowed:
        description: Names of systemd units (with or without C(.service)) and of processes that may listen there, since they are ours.
        type: list
        elements: str
        default: []
  paths:
    description: How much space has to be free. Paths on the same file system have to share what is free there.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: A file or directory, which may not exist yet.
        type: path
        required: true
      bytes:
        description: How many bytes will be written there.
        type: int
        required: true
  clock:
    description:
      - What time it is on the controller, in seconds since the epoch.
      - A difference of more than 300 seconds is a problem. It is the time for which Omni accepts what the controller has signed.
    type: float
  distribution:
    description: Which distributions were tested. Another one of a family that was tested is told in a warning, any other is a problem.
    type: dict
    suboptions:
      family:
        description: The family of this host's distribution, as Ansible's fact C(os_family) tells it.
        type: str
        required: true
      tested:
        description: Families with their distributions (C(ID) in C(/etc/os-release)) with lists of major versions.
        type: dict
        required: true
      allow_untested:
        description: Warn of any other distribution too.
        type: bool
        default: false
  dhcp:
    description: What a DHCP server on O(interface) will tell machines. What does not suit the interface's network is a problem.
    type: dict
    suboptions:
      range:
        description: The addresses that are given to machines, C(start) and C(end), and maybe C(netmask) and C(lease).
        type: dict
        default: {}
      router:
        description: The router of the network.
        type: str
        default: ""
      name_servers:
        description: The name servers.
        type: list
        elements: str
        default: []
  certificate:
    description: A certificate that was brought to this host. It is a problem if it is not there, or if only one of it and its key is given.
    type: path
  private_key:
    description: The private key of O(certificate).
    type: path
  packages:
    description: Names of distribution packages to look up.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Look at the boot host
  usableapps.omni_matchbox.boot_host_info:
    interface: "{{ omni_matchbox_interface }}"
    clock: "{{ now().timestamp() }}"
    ports:
      - {protocol: tcp, port: 80, purpose: boot over HTTP, allowed: [nginx]}
      - {protocol: udp, port: 67, purpose: DHCP, bind: interface, allowed: [omni-matchbox-dnsmasq]}
    paths:
      - {path: /var/lib/matchbox, bytes: 2000000000}
    packages: [nginx-light, dnsmasq-base]
  register: boot_host

- name: Stop where something is in the way
  ansible.builtin.assert:
    that: not boot_host.problems
    fail_msg: "{{ boot_host.problems | join('; ') }}"
"""

RETURN = r"""
problems:
  description: What would be in the way and what to do about it, a line each.
  returned: success
  type: list
  elements: str
  sample:
    - >-
      udp port 67 (DHCP) is taken on 0.0.0.0 by dhcpd (pid 812, isc-dhcp-server.service):
      stop it (systemctl disable --now isc-dhcp-server.service) or let it listen elsewhere
interface:
  description: The interface O(interface); empty if there is none of that name. C(up) means switched on and with a carrier.
  returned: success
  type: dict
  sample: {name: eth0, mac: "52:54:00:12:34:56", up: true, addresses: [{address: 192.168.1.8, prefix: 24}]}
interfaces:
  description: The names of all interfaces but the loopback.
  returned: success
  type: list
  elements: str
  sample: [eth0, eth1]
ports:
  description: For each of O(ports) the sockets that listen there, who holds them and whether they are in the way.
  returned: success
  type: list
  elements: dict
  sample:
    - protocol: tcp
      port: 80
      purpose: boot over HTTP
      listeners:
        - address: 0.0.0.0
          interface: ""
          conflict: false
          holders: [{pid: 512, process: nginx, unit: nginx.service}]
paths:
  description: For each of O(paths) the free bytes, the needed ones, and the nearest directory that exists.
  returned: success
  type: list
  elements: dict
  sample: [{path: /var/lib/matchbox, existing: /var/lib, free: 21474836480, needed: 2000000000}]
clock:
  description: By how many seconds (C(skew)) the boot host's clock is ahead of O(clock).
  returned: success
  type: dict
  sample: {skew: 0.3}
systemd:
  description: Whether systemd is installed (C(present)) and has started the host (C(running)).
  returned: success
  type: dict
  sample: {present: true, running: true}
distribution:
  description: What C(/etc/os-release) says.
  returned: success
  type: dict
  sample: {id: debian, version: "12", codename: bookworm, like: [], name: Debian GNU/Linux 12 (bookworm)}
packages:
  description: O(packages), divided. Without dpkg all are C(missing).
  returned: success
  type: dict
  sample: {installed: [dnsmasq-base], missing: [nginx-light]}
firewall:
  description:
    - C(backends) are those of C(firewalld), C(ufw), C(iptables) and C(nftables) that may keep machines out. C(dropping_chains) are the
      nftables input chains that drop or reject something, without those of the other three.
    - Without the program C(nft) the chains cannot be listed and C(ruleset_known) is false.
  returned: success
  type: dict
  sample: {backends: [nftables], dropping_chains: [inet filter input], nftables_service: true, ruleset_known: true}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.common.argspec import ArgumentSpec
from ..module_utils.common.run import run_module
from ..module_utils.host.listeners import Need
from ..module_utils.host.survey import Survey

PORT = {
    "protocol": {"type": "str", "choices": ["tcp", "udp"], "required": True},
    "port": {"type": "int", "required": True},
    "purpose": {"type": "str", "default": ""},
    "bind": {"type": "str", "choices": ["any", "interface", "loopback"], "default": "any"},
    "allowed": {"type": "list", "elements": "str", "default": []},
}
SPEC = ArgumentSpec(
    options={
        "interface": {"type": "str"},
        "ports": {"type": "list", "elements": "dict", "default": [], "options": PORT},
        "paths": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {"path": {"type": "path", "required": True}, "bytes": {"type": "int", "required": True}},
        },
        "clock": {"type": "float"},
        "distribution": {
            "type": "dict",
            "options": {
                "family": {"type": "str", "required": True},
                "tested": {"type": "dict", "required": True},
                "allow_untested": {"type": "bool", "default": False},
            },
        },
        "dhcp": {
            "type": "dict",
            "options": {
                "range": {"type": "dict", "default": {}},
                "router": {"type": "str", "default": ""},
                "name_servers": {"type": "list", "elements": "str", "default": []},
            },
        },
        "certificate": {"type": "path"},
        "private_key": {"type": "path", "no_log": False},
        "packages": {"type": "list", "elements": "str", "default": []},
    }
)


def work(module: AnsibleModule) -> dict:
    params = module.params
    survey = Survey()
    answers = {"clock": survey.clock(params["clock"]), "systemd": survey.systemd(), "distribution": survey.distribution(params["distribution"])}
    answers.update(survey.interface(params["interface"]))
    survey.dhcp(params["dhcp"], answers["interface"])
    survey.certificate(params["certificate"], params["private_key"])
    answers["ports"] = survey.ports([Need(**{**port, "allowed": tuple(port["allowed"])}) for port in params["ports"]], params["interface"] or "")
    answers.update(paths=survey.space(params["paths"]), packages=survey.packages(params["packages"]), firewall=survey.firewall())
    for warning in survey.warnings:
        module.warn(warning)
    return {"changed": False, "problems": survey.problems, **answers}


def main() -> None:
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
