"""Names that may be one person's, and names that are not."""

from __future__ import annotations

import pytest

from practice.names import may_be_one


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SMITH, JOHN", "SMITH, JOHN"), ("SMITH, JOHN", "Smyth, John"), ("SMITH, JON", "SMITH, JOHN A"), ("SMITH, WILLIAM", "SMITH, BILL"),
        ("SMITH, J", "SMITH, JOHN"), ("GARCIA LOPEZ, ANA", "LOPEZ, ANA"), ("GARCÍA-LOPEZ, ANA", "GARCIA LOPEZ, ANA"),
        ("MULLER, EVA", "MÜLLER, EVA"), ("ANDERSON, KATHRYN", "ANDERSEN, KATHERYN"), ("LEE, KIM", "KIM, LEE"), ("SMITH JR, JOHN", "SMITH, JOHN"),
    ],
)  # fmt: skip
def test_spelled_a_little_differently(one, other):
    assert may_be_one(one, other)
    assert may_be_one(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("SMITH, JOHN", "SMITH, MARY"), ("SMITH, JOHN", "JONES, JOHN"), ("LEE, ANN", "ORR, ANN"), ("SMITH, J", "SMITH, MARY"),
     ("GARCIA, ANA", "GARRIDO, ANA"), ("BROWN, JAMES", "GREEN, PETER")],
)  # fmt: skip
def test_other_people(one, other):
    assert not may_be_one(one, other)
