"""Traces are found by the mail's id, and cost nothing where nobody wants them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from config.settings import TracingSettings
from ingest import traced
from storage.ids import new_id
from tracing import steps
from tracing.ids import is_wanted, span_id_of, trace_id_of


def test_the_trace_of_a_mail_has_its_id() -> None:
    """So a line of the log leads to the trace, without anything kept or handed on."""
    mail_id = new_id()

    trace_id = trace_id_of(mail_id)

    assert f"{trace_id:032x}" == mail_id.replace("-", "")
    assert f"{span_id_of(trace_id):016x}" == mail_id.replace("-", "")[16:]
    assert span_id_of(trace_id) != 0


def test_a_ratio_is_that_share_of_the_mails() -> None:
    """Of two thousand ids about a quarter; 1 is every mail, 0 is none."""
    ids = [trace_id_of(new_id()) for _ in range(2000)]

    shares = {ratio: sum(is_wanted(one, ratio) for one in ids) for ratio in (0.0, 0.25, 1.0)}

    assert (shares[0.0], shares[1.0]) == (0, 2000)
    assert 350 < shares[0.25] < 650


def test_without_a_collector_nobody_listens_and_nothing_is_imported() -> None:
    """A daemon without the extra must not even look for it."""
    program = (
        "import sys, ingest.daemon, ingest.traced; from config.settings import TracingSettings\n"
        "with ingest.traced.traced(TracingSettings(collector='', ratio=1)): pass\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'google'))])"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
    assert (steps.listened_to(), steps.clock()) == (False, 0)


def test_without_the_packages_a_collector_is_a_line_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mail is taken all the same."""
    told: list[str] = []
    monkeypatch.setattr(traced, "is_installed", lambda: False)
    monkeypatch.setattr("ingest.mail_log.tracing_off", told.append)

    with traced.traced(TracingSettings(collector="http://127.0.0.1:4318", ratio=1)):
        listened_to = steps.listened_to()

    assert not listened_to
    assert told == [traced.NOT_INSTALLED]
