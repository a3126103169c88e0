"""Taking up downloads where they were interrupted, from a real server that misbehaves."""

from __future__ import annotations

import random

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.download import Access, DownloadError, Interrupted, NotFound, ask
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.resume import OVERLAP, fetch
from lab.downloads import Downloads

CONTENT = random.Random(7).randbytes(3_000_000)
ACCESS = Access(timeout=5)


@pytest.fixture
def server(tmp_path):
    (tmp_path / "file").write_bytes(CONTENT)
    with Downloads(tmp_path) as running:
        yield running


@pytest.fixture
def get(server, tmp_path):
    """Fetches the file into ``part``; what it is, and the sizes that were heard."""

    def run(access=ACCESS, remote=None):
        url = f"{server.url}/file"
        heard = []
        received = fetch(url, str(tmp_path / "part"), remote or ask(url, access), access, heard.append)
        assert (tmp_path / "part").read_bytes() == CONTENT
        assert received.size == len(CONTENT)
        return received, heard

    return run


def ranges(server):
    return [entry["range"] for entry in server.requests if entry["method"] == "GET"]


def test_a_whole_file_and_how_far_it_is(get, server):
    _received, heard = get()
    assert heard == sorted(heard)
    assert heard[-1] == len(CONTENT)
    assert ranges(server) == [None]


def test_the_rest_of_a_part_with_a_little_of_what_was_there(get, server, tmp_path):
    (tmp_path / "part").write_bytes(CONTENT[:2_000_000])
    get()
    assert ranges(server) == [f"bytes={2_000_000 - OVERLAP}-"]


def test_a_part_of_something_else_is_dropped(get, server, tmp_path):
    (tmp_path / "part").write_bytes(bytes(2_000_000))
    with pytest.raises(Interrupted, match="is not the file of which a part had come"):
        get()
    assert (tmp_path / "part").read_bytes() == b""
    get()
    assert ranges(server) == [f"bytes={2_000_000 - OVERLAP}-", None]


@pytest.mark.parametrize("part", [b"", CONTENT[:100], CONTENT + b"more"], ids=["empty", "short", "longer"])
def test_what_is_not_worth_taking_up(get, server, tmp_path, part):
    (tmp_path / "part").write_bytes(part)
    get()
    assert ranges(server) == [None]


def test_a_whole_part_is_not_asked_for(get, server, tmp_path):
    (tmp_path / "part").write_bytes(CONTENT)
    get()
    assert ranges(server) == []


def test_a_server_that_knows_no_ranges_sends_all_of_it(get, server, tmp_path):
    server.fault("/file", "rangeless")
    (tmp_path / "part").write_bytes(CONTENT[:2_000_000])
    get()


def test_an_interruption_is_tried_again_and_goes_on_where_it_was(get, server, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    server.fault("/file", "short", at=1_200_000, times=2)
    get(Access(timeout=5, retries=1))
    assert ranges(server) == [None, f"bytes={1_200_000 - OVERLAP}-", f"bytes={2 * (1_200_000 - OVERLAP)}-"], "who gets on is not given up"


def test_there_is_an_end_to_trying(get, server, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    server.fault("/file", "reset", at=1000)
    with pytest.raises(Interrupted, match="Connection reset by peer"):
        get(Access(timeout=5, retries=3))
    assert len(ranges(server)) == 4


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_that_is_busy_for_a_moment(get, server, monkeypatch, status):
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    server.fault("/file", "status", status=status, times=2)
    get(Access(timeout=5, retries=2))


def test_what_does_not_pass_is_not_tried_again(get, server):
    server.fault("/file", "status", status=404)
    with pytest.raises(NotFound):
        get(Access(timeout=5, retries=3))
    assert server.methods("/file") == ["HEAD"]


def test_a_document_instead_of_a_file(get, server, tmp_path):
    (tmp_path / "part").write_bytes(CONTENT[:2_000_000])
    remote = ask(f"{server.url}/file", ACCESS)
    server.fault("/file", "page")
    with pytest.raises(DownloadError, match="sends a document .text/html., not a file"):
        get(remote=remote)
    assert (tmp_path / "part").read_bytes() == CONTENT[:2_000_000]


def test_a_file_that_has_another_size_than_it_had(get, server, tmp_path):
    remote = ask(f"{server.url}/file", ACCESS)
    (tmp_path / "file").write_bytes(CONTENT[:1000])
    with pytest.raises(DownloadError, match="sent 1000 bytes after promising 3000000; run again"):
        get(remote=remote)


def test_a_local_file_is_taken_up_too(tmp_path):
    (tmp_path / "a file").write_bytes(CONTENT)
    (tmp_path / "part").write_bytes(CONTENT[:2_000_000])
    url = f"file://{tmp_path}/a%20file"
    heard = []
    assert fetch(url, str(tmp_path / "part"), ask(url, ACCESS), ACCESS, heard.append).size == len(CONTENT)
    assert heard[0] >= 2_000_000
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_who_listens_can_stop_it(server, tmp_path):
    class Enough(Exception):
        pass

    def stop(size):
        raise Enough

    url = f"{server.url}/file"
    with pytest.raises(Enough):
        fetch(url, str(tmp_path / "part"), ask(url, ACCESS), ACCESS, stop)
    assert CONTENT.startswith((tmp_path / "part").read_bytes())
