"""Each step of a mail is a span in one trace, whichever process does it; and no mail waits for a collector."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from fixtures.mailbox import Mailbox, patiently
from tests.collector import Collected, collector
from tests.exported import SAMPLES

MAIL = (SAMPLES / "unknown-recipient/message.eml").read_bytes()
SECRET = "rechnungen@firm.example"


def _until(collected: Collected, number: int) -> None:
    for _ in patiently("the spans do not come"):
        if len(collected.spans) >= number:
            return


def test_a_mail_is_one_trace_through_all_processes(tmp_path: Path) -> None:
    """Two processes take mail, a third files it; the trace has the mail's own id, so nobody has to hand it on."""
    with collector() as collected:
        settings = {"TRACING__COLLECTOR": collected.address, "SMTP__PROCESSES": "2"}
        with Mailbox(tmp_path, settings).serving() as mailbox:
            mail_id = mailbox.send(MAIL, [SECRET])
            again = mailbox.send(MAIL, [SECRET])
            mailbox.wait_until_filed({mail_id})
            _until(collected, 7)
            [accepted, _] = mailbox.events("accepted")

    received, repeated = sorted(collected.named("receive"), key=lambda span: span.began)
    later = [span for span in collected.spans if span.name != "receive"]
    assert again == mail_id
    assert {span.trace_id for span in collected.spans} == {mail_id.replace("-", "")}
    assert [span.name for span in sorted(later, key=lambda span: span.ended)] == [
        "claim",
        "read",
        "match",
        "record",
        "validate",
    ]
    assert (received.parent_id, received.facts["duplicate"], repeated.facts["duplicate"]) == ("", False, True)
    assert {span.parent_id for span in [*later, repeated]} == {received.span_id}
    assert received.facts["session"] == accepted["session"]
    assert {span.facts["mail"] for span in collected.spans} == {mail_id}
    assert {span.instance for span in later}.isdisjoint({received.instance})
    assert all(span.began <= span.ended and not span.failed for span in collected.spans)
    assert SECRET not in str(collected.spans)


def test_a_share_of_the_mails_is_told_of_and_none_with_ratio_0(tmp_path: Path) -> None:
    """The same share in each process, for it follows from the mail's id."""
    with collector() as collected:
        settings = {"TRACING__COLLECTOR": collected.address, "TRACING__RATIO": "0"}
        with Mailbox(tmp_path, settings).serving() as mailbox:
            mailbox.wait_until_filed({mailbox.send(MAIL, [SECRET])})

    assert collected.spans == []


def test_a_collector_that_is_away_costs_a_line_in_the_log(tmp_path: Path) -> None:
    """Mail is taken and filed meanwhile; when it is back that is told, too, and stopping is not held up."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    mailbox = Mailbox(tmp_path, {"TRACING__COLLECTOR": f"http://127.0.0.1:{port}"})
    with mailbox.serving():
        filed = {mailbox.send(MAIL + b"%d" % number, [SECRET]) for number in range(3)}
        mailbox.wait_until_filed(filed)
        for _ in patiently("nothing is told"):
            if mailbox.events("traces-lost"):
                break
        with collector(port) as collected:
            mailbox.send(MAIL + b"more", [SECRET])
            for _ in patiently("nobody tells that it is back"):
                if mailbox.events("traces-taken"):
                    break
        mailbox.send(MAIL + b"last", [SECRET])
        began = time.monotonic()
        mailbox.stop()
        took = time.monotonic() - began

    assert len(filed) == 3
    assert collected.spans
    [lost, *_] = mailbox.events("traces-lost")
    assert lost["next_step"].startswith("is the collector of tracing.collector up?")
    assert took < 10
