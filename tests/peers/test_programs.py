"""A missing mail program is told of, or is a failure where it is required."""

from __future__ import annotations

from tests.peers import programs


def _no_swaks(program: str) -> str | None:
    return None if program == "swaks" else f"/usr/sbin/{program}"


def _everything(program: str) -> str | None:
    return f"/usr/sbin/{program}"


def test_a_missing_program_is_named_with_the_way_to_get_it() -> None:
    """Whoever reads the report knows what was not tested, and how to change that."""
    reasons = programs.missing(_no_swaks, user_id=0)

    lines = programs.report(programs.left_out({}, reasons), reasons)

    assert lines == ["NOT TESTED: delivery by swaks (install it with: apt-get install swaks)"]


def test_postfix_needs_root() -> None:
    """An installed Postfix that nobody may start counts as missing."""
    reasons = programs.missing(_everything, user_id=1000)

    root = "run the tests as root: it starts as nobody else"
    assert reasons == {"postfix": root, "exim4": root}


def test_nothing_is_left_out_where_the_programs_are_required() -> None:
    """The tests are collected, and fail for want of the program."""
    reasons = programs.missing(_no_swaks, user_id=1000)

    left_out = programs.left_out({"INVOICES_TEST_PEERS": "required"}, reasons)

    assert {"exim4", "postfix", "swaks"} == reasons.keys()
    assert left_out == []


def test_nothing_is_missing_where_all_is_installed() -> None:
    """Then the report has no line of ours."""
    reasons = programs.missing(_everything, user_id=0)

    assert programs.report(programs.left_out({}, reasons), reasons) == []
