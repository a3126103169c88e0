"""What holds for all tests: those that take minutes run only on demand."""

from __future__ import annotations

import pytest

LEFT_OUT = pytest.StashKey[int]()


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="also run the tests marked slow, which take minutes")


def pytest_collection_modifyitems(config, items):
    if config.getoption("all"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    items[:] = [item for item in items if not item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=slow)
    config.stash[LEFT_OUT] = len(slow)
    if hasattr(config, "workeroutput"):
        config.workeroutput["slow"] = len(slow)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """With pytest-xdist each worker collects all tests, and the process that prints the summary none."""
    counted = getattr(node, "workeroutput", {}).get("slow", 0)
    node.config.stash[LEFT_OUT] = max(counted, node.config.stash.get(LEFT_OUT, 0))


def pytest_terminal_summary(terminalreporter, config):
    if left_out := config.stash.get(LEFT_OUT, 0):
        terminalreporter.write_line(f"slow tests left out: {left_out}; --all runs them too (make test-all)", yellow=True)
