"""What holds for all tests: those that take minutes run only on demand, and those that take seconds not in the inner loop."""

from __future__ import annotations

import pytest

LEFT_OUT = pytest.StashKey[dict[str, int]]()
SAID = {"slow": "--all runs them too (make test-all)", "thorough": "without --quick they run too (make unit)"}


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="also run the tests marked slow, which take minutes")
    parser.addoption("--quick", action="store_true", help="leave out the tests marked thorough, which take seconds")


def pytest_collection_modifyitems(config, items):
    left_out = [] if config.getoption("all") else ["slow"]
    left_out += ["thorough"] if config.getoption("quick") else []
    counted = dict.fromkeys(left_out, 0)
    kept = []
    for item in items:
        marks = [name for name in left_out if item.get_closest_marker(name)]
        if marks:
            counted[marks[0]] += 1
            config.hook.pytest_deselected(items=[item])
        else:
            kept.append(item)
    items[:] = kept
    config.stash[LEFT_OUT] = counted
    if hasattr(config, "workeroutput"):
        config.workeroutput["left_out"] = counted


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """With pytest-xdist each worker collects all tests, and the process that prints the summary none."""
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", {}) or node.config.stash.get(LEFT_OUT, {})


def pytest_terminal_summary(terminalreporter, config):
    for name, number in config.stash.get(LEFT_OUT, {}).items():
        if number:
            terminalreporter.write_line(f"{name} tests left out: {number}; {SAID[name]}", yellow=True)
