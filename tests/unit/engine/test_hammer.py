"""While a site of 1,000 groups is converged back and forth, machines ask without a pause: each gets its old or its new script."""

from __future__ import annotations

import collections
import contextlib
import http.client
import os
import pathlib
import random
import tempfile
import threading
import time
import urllib.parse

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.store import Store
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.validate import valid_group, valid_profile
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.wanted import Wanted
from support import engine, matchbox

pytestmark = pytest.mark.thorough

SIZE = 1000
CLIENTS = 2
MACHINES = matchbox.machines(SIZE)
TARGETS = ["/ipxe?" + urllib.parse.urlencode({**machine, "mac": machine.get("mac", "").replace(":", "-")}) for machine in MACHINES]


@pytest.fixture(scope="module")
def program():
    with engine.public_folder() as folder:
        engine.install(folder)
        yield folder


@contextlib.contextmanager
def data_directory(state: int):
    """A data directory in a state of the site, where to bring a file to disk takes no time."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        os.chmod(folder, 0o755)
        converge(pathlib.Path(folder), state)
        yield pathlib.Path(folder)


@pytest.fixture(scope="module")
def scripts() -> list[list[str | None]]:
    """What each machine gets in either state."""
    with data_directory(0) as old, data_directory(1) as new:
        return [matchbox.boots(old, MACHINES), matchbox.boots(new, MACHINES)]


def converge(data: pathlib.Path, state: int) -> None:
    site = matchbox.site(state, SIZE)
    wanted = Wanted([valid_profile(profile, "p") for profile in site["profiles"]], [valid_group(group, "g") for group in site["groups"]])
    store = Store(str(data), lambda file: os.chmod(file, 0o644))
    with store.locked():
        store.apply(store.plan(wanted, scope="site", purge="managed"))


class Hammer:
    """Clients that ask for all machines in turn, and what they got that was neither the old nor the new script."""

    def __init__(self, port: int, scripts: list[list[str | None]]) -> None:
        self.port = port
        self.scripts = scripts
        self.wrong: list[str] = []
        # How often a machine whose script differs between the states got that of the first, and of the second.
        self.seen = collections.Counter()
        self.stopped = False

    @contextlib.contextmanager
    def at_work(self):
        threads = [threading.Thread(target=self._ask, args=(seed,)) for seed in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stopped = True
            for thread in threads:
                thread.join()

    def _ask(self, seed: int) -> None:
        order, connection = random.Random(seed), http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not self.stopped:
            place = order.randrange(len(MACHINES))
            got = self.get(connection, place)
            both = [scripts[place] for scripts in self.scripts]
            if got not in both:
                self.wrong.append(f"{MACHINES[place]} got {got!r}, neither {both[0]!r} nor {both[1]!r}")
            elif both[0] != both[1]:
                self.seen[both.index(got)] += 1
        connection.close()

    def get(self, connection: http.client.HTTPConnection, place: int) -> str | None:
        """The script of a machine; ``None`` for 404."""
        connection.request("GET", TARGETS[place])
        answer = connection.getresponse()
        body = answer.read().decode()
        return None if answer.status == 404 else body


def answered(hammer: Hammer, state: int) -> None:
    """Wait until the machines get the scripts of a state."""
    place = next(place for place, (old, new) in enumerate(zip(*hammer.scripts)) if old != new)
    connection = http.client.HTTPConnection("127.0.0.1", hammer.port, timeout=60)
    end = time.monotonic() + 60
    while hammer.get(connection, place) != hammer.scripts[state][place]:
        assert time.monotonic() < end
        time.sleep(0.05)
    connection.close()


def old_or_new(program, scripts, *, strict: bool, times: int) -> None:
    with data_directory(0) as data, engine.running(program, data, None, strict=strict) as port:
        hammer = Hammer(port, scripts)
        with hammer.at_work():
            for number in range(times):
                state = (number + 1) % 2
                converge(data, state)
                # Every other converge follows the one before at once.
                if state or number == times - 1:
                    answered(hammer, state)
    assert not hammer.wrong, f"{len(hammer.wrong)} wrong answers, such as: {hammer.wrong[0]}"
    assert min(hammer.seen[0], hammer.seen[1]) > 50, hammer.seen


@pytest.mark.parametrize("strict", [False, True], ids=["indexed", "strict"])
def test_every_answer_is_the_old_or_the_new_one(program, scripts, strict):
    old_or_new(program, scripts, strict=strict, times=2)


@pytest.mark.slow
@pytest.mark.parametrize("strict", [False, True], ids=["indexed", "strict"])
def test_every_answer_of_many_converges_is_the_old_or_the_new_one(program, scripts, strict):
    old_or_new(program, scripts, strict=strict, times=30)
