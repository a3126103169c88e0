"""What a run of a playbook did, task by task."""

from __future__ import annotations

import json
import subprocess

from lab.site import Site

# For a run's environment: it then prints what it did as JSON.
AS_JSON = {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}


def predicted_and_done(site: Site, *words: str) -> tuple[dict, dict]:
    """The :func:`changes` of site.yml in check mode, and then of the run itself."""
    predicted = site.converge("--diff", "--check", *words, environment=AS_JSON)
    return changes(predicted), changes(site.converge("--diff", *words, environment=AS_JSON))


def changes(process: subprocess.CompletedProcess) -> dict[tuple[str, str], list]:
    """The diff of each task that changed something, by host and task; the process is a run with ``--diff`` and AS_JSON that succeeded."""
    assert "\n{" in f"\n{process.stdout}", process.stdout
    report, _end = json.JSONDecoder().raw_decode(process.stdout, f"\n{process.stdout}".index("\n{"))
    found, failed = {}, []
    for task in (task for play in report["plays"] for task in play["tasks"]):
        name = task["task"]["name"]
        for host, result in task["hosts"].items():
            diff = result.get("diff", [])
            if result.get("changed"):
                found[host, name] = [part for part in (diff if isinstance(diff, list) else [diff]) if part]
            if result.get("failed") or result.get("unreachable"):
                failed.append(f"{host}: {name}: {result.get('msg')}")
    assert not failed, "\n".join(failed)
    assert process.returncode == 0
    return found
