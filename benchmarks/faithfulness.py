"""Mutants of reports and how many the faithfulness check catches, by kind: `python -m benchmarks.faithfulness 500`.

Case files and that many generated records; the built-in writer's own texts, faithful paraphrases and the errors
written by hand are counted too. Same seed, same table.
"""

from __future__ import annotations

import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from practice.cases import Facts
from practice.drafting import as_text, draft
from practice.faithfulness import Checker, Finding
from tests.practice import case_files, mutants, paraphrases

EACH = 1
"""Mutants of one kind from one record: more than 10,000 in all from 500 records."""
ERRORS = Path(__file__).parent.parent / "tests" / "practice" / "relation_errors.toml"


def everything(count: int) -> Iterator[Facts]:
    yield from (case_files.facts(name) for name in case_files.NAMES)
    yield from (mutants.record(seed) for seed in range(count))


def with_sentence(text: str, sentence: str) -> tuple[str, int]:
    """The report with a sentence more at the end of its impression, and where that begins."""
    lines = text.split("\n")
    at = next(place for place, line in enumerate(lines) if line.startswith("11. Impression")) + 1
    start = sum(len(line) + 1 for line in lines[:at]) + len(lines[at])
    lines[at] += " " + sentence
    return "\n".join(lines), start


def found_in(checker: Checker, text: str, sentence: str) -> list[Finding]:
    """The findings within one sentence put into a report."""
    changed, start = with_sentence(text, sentence)
    end = start + 1 + len(sentence)
    return [
        one
        for one in checker.check(changed).findings
        if one.kind != "omission" and start <= one.start and one.end <= end
    ]


def main(count: int) -> None:
    made, missed, only_amber, elsewhere = Counter(), Counter(), Counter(), Counter()
    own, said, spent = 0, Counter(), []
    others = mutants.other_texts()
    for seed, facts in enumerate(everything(count)):
        maker = mutants.Maker(facts, others, seed)
        begin = time.perf_counter()
        checker = Checker(facts)
        own += len(checker.check(maker.text).findings)
        spent.append(time.perf_counter() - begin)
        for mutant in maker.some(EACH):
            checked = checker.check(mutant.text)
            made[mutant.kind] += 1
            missed[mutant.kind] += not checked.findings
            only_amber[mutant.kind] += bool(checked.findings) and mutant.red and not checked.red
            left_out = "left out" in mutant.kind
            elsewhere[mutant.kind] += not left_out and all(one.kind == "omission" for one in checked.findings)
        if seed < 40:
            for name, sentences in (("slots", paraphrases.sentences), ("other words", paraphrases.others)):
                for sentence in sentences(facts):
                    found = found_in(checker, maker.text, sentence)
                    said[name, "sentences"] += 1
                    said[name, "red"] += any(one.grade == "red" for one in found)
                    said[name, "amber"] += bool(found) and all(one.grade == "amber" for one in found)
    print(f"{'kind':26}{'mutants':>9}{'missed':>9}{'amber, should be red':>22}{'found only as left out':>24}")
    for kind in (*made, None):
        row = [sum(one.values()) if kind is None else one[kind] for one in (made, missed, only_amber, elsewhere)]
        print(f"{kind or 'all':26}{row[0]:9}{row[1]:9}{row[2]:22}{row[3]:24}")
    print(f"findings on the built-in writer's own texts: {own} in {len(spent)} reports")
    for name in ("slots", "other words"):
        print(
            f"faithful sentences, {name}: {said[name, 'sentences']}, red {said[name, 'red']}, amber {said[name, 'amber']}"
        )
    print(relations())
    print(f"the same again with one word changed, as one types: median {typing():.0f} ms")
    spent.sort()
    print(f"a report read and checked: median {1000 * spent[len(spent) // 2]:.0f} ms, worst {1000 * spent[-1]:.0f} ms")


def typing() -> float:
    """Milliseconds of a check after one more change of a sentence of the longest case."""
    facts = case_files.facts("05")
    checker, text, times = Checker(facts), as_text(draft(facts)), []
    checker.check(text)
    for number in range(21):
        begin = time.perf_counter()
        checker.check(text.replace("norepinephrine started and", f"norepinephrine started {number} and"))
        times.append(time.perf_counter() - begin)
    return 1000 * sorted(times)[10]


def relations() -> str:
    total = caught = 0
    for group in tomllib.loads(ERRORS.read_text("utf-8"))["wrong"]:
        facts = case_files.facts(group["case"])
        checker, text = Checker(facts), as_text(draft(facts))
        for sentence in group["texts"]:
            total += 1
            caught += bool(found_in(checker, text, sentence))
    return f"relation errors written by hand: {caught} of {total} caught"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
