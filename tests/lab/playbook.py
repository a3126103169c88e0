"""A run of ansible-playbook, told while it happens: a row for each change, and one for each role that changed nothing."""

from __future__ import annotations

import dataclasses
import json

# One event in each line, where the usual output would have to be guessed at.
CALLBACK = {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.jsonl"}

# With this a role of the play begins; tasks of other roles that follow are what it imports.
BEGINS = "Validating arguments against arg spec 'main'"


@dataclasses.dataclass
class Progress:
    """What of the run is worth a row. ``feed`` it the lines of ansible-playbook's output."""

    role: str = ""
    task: str = ""
    counts: dict[str, dict[str, int]] = dataclasses.field(default_factory=dict)  # host → ok, changed, failures …
    said: list[str] = dataclasses.field(default_factory=list)  # lines that are no events: warnings, errors before the first task
    _looked: bool = False  # the role has done something else than to check its arguments
    _changed: bool = False  # and has changed or said something

    @property
    def under_way(self) -> str:
        """The task that runs now."""
        return ": ".join(name for name in (self.role, self.task) if name) or "ansible-playbook"

    def feed(self, line: str) -> list[str]:
        """The rows that a line of output is worth."""
        try:
            event = json.loads(line)
            kind = event["_event"]
        except (ValueError, TypeError, KeyError):
            self.said += [line] if line.strip() else []
            return []
        if kind in ("v2_playbook_on_task_start", "v2_playbook_on_handler_task_start"):
            return self._begin(event["task"]["name"])
        if kind == "v2_playbook_on_stats":
            self.counts = event["stats"]
            return self._end_of_role()
        if kind.startswith("v2_runner_on_"):
            results = event["hosts"].items()
            return [row for host, result in results for row in self._result(kind.removeprefix("v2_runner_on_"), host, result)]
        return []

    def _begin(self, name: str) -> list[str]:
        role, task = _split(name)
        rows = []
        if task.startswith(BEGINS):
            rows = self._end_of_role()
            self.role, self._looked, self._changed = role, False, False
        else:
            self._looked = bool(self.role)
        self.task = task
        return rows

    def _end_of_role(self) -> list[str]:
        return [_labelled(self.role, "nothing changed")] if self._looked and not self._changed else []

    def _result(self, outcome: str, host: str, result: dict) -> list[str]:
        rows = []
        if outcome in ("failed", "unreachable"):
            rows = [f"{self.task} {outcome.upper()} on {host}: {_reason(result)}"]
        elif result.get("changed"):
            rows = [self.task]
        elif result.get("action") == "ansible.builtin.debug" and outcome == "ok":
            rows = [result.get("msg", "")]
        self._changed |= bool(rows)
        return [_labelled(self.role, row) for row in rows]


def _split(name: str) -> tuple[str, str]:
    """``usableapps.omni_matchbox.gateway : Install nginx`` → gateway, Install nginx."""
    role, colon, task = name.partition(" : ")
    return (role.rpartition(".")[2], task) if colon else ("", name)


def _labelled(role: str, text: str) -> str:
    return f"{role:<12}{text}" if role else text


def _reason(result: dict) -> str:
    """Why a task failed; in a loop, why its first item did."""
    failed = [item for item in result.get("results", []) if item.get("failed")]
    return str((failed or [result])[0].get("msg") or result.get("censored") or "it does not say why")
