"""One host asks, the others get its answer; hosts are worked on in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
import time

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.plugin_utils import once


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the answers of this run are kept."""
    monkeypatch.setattr(once.C, "DEFAULT_LOCAL_TMP", str(tmp_path))
    return tmp_path


def ask_and_note(question: object, notes: str, given: dict, results) -> None:
    def ask() -> dict:
        with open(notes, "a") as file:
            file.write(f"{os.getpid()}\n")
        # Longer than the others need to get here.
        time.sleep(0.2)
        return given

    results.put(once.ask_once(question, ask))


@pytest.mark.parametrize("given", [{"changed": False, "kernel_params": ["a", "b"]}, {"failed": True, "msg": "no"}])
def test_processes_at_once_ask_once(folder, tmp_path_factory, given):
    notes = tmp_path_factory.mktemp("notes") / "asked"
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    processes = [context.Process(target=ask_and_note, args=({"a": 1}, str(notes), given, results)) for _process in range(6)]
    for process in processes:
        process.start()
    assert [results.get() for _process in processes] == [given] * 6
    for process in processes:
        process.join()
    assert len(notes.read_text().splitlines()) == 1


def test_another_question_is_asked_too(folder):
    questions = [{"endpoint": "a"}, {"endpoint": "b"}, {"endpoint": "a", "environment": [{"X": "1"}]}]
    answers = [once.ask_once(question, lambda number=number: {"number": number}) for number, question in enumerate(questions)]
    again = [once.ask_once(question, lambda: pytest.fail("asked again")) for question in questions]
    assert answers == again == [{"number": 0}, {"number": 1}, {"number": 2}]


def test_answers_are_for_their_owner_only(folder):
    os.umask(os.umask(0))
    once.ask_once("question", lambda: {"secret": "x"})
    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o600, 0o600]


def test_what_belongs_to_one_host_is_not_handed_on(folder):
    result = {"msg": "x", "invocation": {}, "warnings": ["w"], "ansible_facts": {"a": 1}, "_ansible_parsed": True, "exception": ValueError()}
    assert once.ask_once("question", lambda: result) == result
    assert once.ask_once("question", dict) == {"msg": "x"}


def test_an_error_that_is_no_answer_is_not_kept(folder):
    def fail() -> dict:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        once.ask_once("question", fail)
    assert once.ask_once("question", lambda: {"msg": "x"}) == {"msg": "x"}
