"""The machine API of the lab Omni, a stand-in: machines say over plain HTTP who they are, where Talos would speak gRPC and WireGuard.

``POST /lab/join`` with lines ``key=value`` (token, uuid, mac, address, router, dns, uptime, talos_version, at last cmdline).
Who comes with a good token appears among the machines. Who does not, appears nowhere but in Omni's log.
``POST /lab/seen`` with uuid and token keeps a machine connected.
"""

from __future__ import annotations

import hashlib
import ipaddress

from .state import State, token_state, touch

TUNNEL_ADDRESS = "fdae:41e4:649b:9303::1"
REFUSED = "machine is not allowed to join using secure join flow"
FIELDS = ("token", "uuid", "mac", "address", "router", "dns", "uptime", "talos_version", "cmdline")


def handle(state: State, path: str, body: str) -> tuple[int, str]:
    """HTTP status and one line of text for a request to the machine API."""
    machine = parse(body)
    if path not in ("/lab/join", "/lab/seen"):
        return 404, "the lab's machine API has /lab/join and /lab/seen"
    if not machine["uuid"] or not machine["token"]:
        return 400, "uuid and token are missing"
    if path == "/lab/seen":
        return _seen(state, machine)
    with state.change() as content:
        accepted = _admitted(state, content, machine["token"])
        if accepted:
            _register(state, content, machine)
    state.append(
        "joins.jsonl",
        {"time": state.clock(), "accepted": accepted, "token_hash": token_hash(machine["token"]), **machine},
    )
    if not accepted:
        state.log(REFUSED, machine=machine["uuid"], address=machine["address"])
        return 403, "unauthorized"
    return 200, "joined"


def parse(body: str) -> dict:
    """The fields of a request; missing ones are empty. ``cmdline`` is all that follows, whatever it holds."""
    values = dict.fromkeys(FIELDS, "")
    lines = body.replace("\r\n", "\n").split("\n")
    for number, line in enumerate(lines):
        name, _equals, value = line.partition("=")
        if name == "cmdline":
            values["cmdline"] = "\n".join([value, *lines[number + 1 :]]).strip()
            break
        if name in values:
            values[name] = value.strip()
    values["uuid"] = values["uuid"].lower()
    values["mac"] = values["mac"].lower()
    return values


def token_hash(token: str) -> str:
    """The short hash under which the collection names a token."""
    return "sha256:" + hashlib.sha256(token.encode()).hexdigest()[:8]


def connected(content: dict, machine: dict, now: float) -> bool:
    """Whether the machine was heard of lately."""
    return now - machine["seen"] < content["disconnect_after"]


def status(machine_id: str, machine: dict, is_connected: bool) -> dict:
    """The specification of a ``MachineStatus`` of a machine that waits to be given to a cluster."""
    version = machine["talos_version"]
    return {
        "talos_version": f"v{version.lstrip('v')}" if version else None,
        "hardware": {"arch": "amd64"},
        "network": {
            "hostname": machine_id,
            "addresses": [machine["address"]],
            "default_gateways": [machine["router"]],
            "network_links": [{"linux_name": "eth0", "hardware_address": machine["mac"], "link_up": True}],
        },
        "management_address": machine["management_address"],
        "connected": is_connected,
        "maintenance": True,
        "platform_metadata": {"platform": "metal", "hostname": machine_id},
        "power_state": 1,
        "kernel_cmdline": machine["cmdline"],
    }


def labels(machine: dict, is_connected: bool) -> dict:
    """The labels that Omni puts on such a machine."""
    found = {
        "omni.sidero.dev/arch": "amd64",
        "omni.sidero.dev/available": "",
        "omni.sidero.dev/connected" if is_connected else "omni.sidero.dev/disconnected": "",
        # As of the machines that were recorded; nobody asks ours what they have.
        "omni.sidero.dev/cores": "64",
        "omni.sidero.dev/cpu": "qemu",
        "omni.sidero.dev/mem": "64GiB",
        "omni.sidero.dev/storage": "53GB",
        "omni.sidero.dev/platform": "metal",
        "omni.sidero.dev/ready-to-use": "",
        "omni.sidero.dev/reporting-events": "",
    }
    if machine["talos_version"]:
        found["omni.sidero.dev/talos-version"] = f"v{machine['talos_version'].lstrip('v')}"
    return found


def _seen(state: State, machine: dict) -> tuple[int, str]:
    with state.change() as content:
        known = content["machines"].get(machine["uuid"])
        if known is None or not _admitted(state, content, machine["token"]):
            return 403, "unauthorized"
        known["seen"] = state.clock()
    return 200, "seen"


def _admitted(state: State, content: dict, token: str) -> bool:
    return token in content["tokens"] and token_state(content["tokens"][token], state.clock()) == 1


def _register(state: State, content: dict, machine: dict) -> None:
    now = state.timestamp()
    known = content["machines"].setdefault(machine["uuid"], {"created": now, "updated": now, "version": 0})
    known.update({name: machine[name] for name in FIELDS if name != "uuid"}, seen=state.clock(), management_address=_tunnel_address(machine["uuid"]))
    touch(known, now)


def _tunnel_address(machine_id: str) -> str:
    """An address of the tunnel's network for this machine, always the same."""
    network = int(ipaddress.IPv6Address(TUNNEL_ADDRESS)) & ~((1 << 64) - 1)
    host = int.from_bytes(hashlib.sha256(machine_id.encode()).digest()[:8], "big")
    return str(ipaddress.IPv6Address(network | host))
