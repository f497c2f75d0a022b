"""Parameters of MAIL."""

from __future__ import annotations

import pytest

from ingest.receiving.mail_parameters import MailParameters, parse_mail_parameters
from ingest.receiving.replies import Reply


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", MailParameters()),
        ("SIZE=0", MailParameters(size=0)),
        ("size=12 Body=8bitMIME SmtpUtf8", MailParameters(size=12, smtputf8=True)),
        ("BODY=7BIT", MailParameters()),
        ("SIZE", Reply.PARAMETER_SYNTAX),
        ("SIZE=-1", Reply.PARAMETER_SYNTAX),
        ("SIZE=1e3", Reply.PARAMETER_SYNTAX),
        ("SIZE=" + "9" * 21, Reply.PARAMETER_SYNTAX),
        ("SIZE=٣", Reply.PARAMETER_SYNTAX),
        ("BODY", Reply.PARAMETER_SYNTAX),
        ("BODY=BINARYMIME", Reply.PARAMETER_SYNTAX),
        ("SMTPUTF8=1", Reply.PARAMETER_SYNTAX),
        ("=5", Reply.PARAMETER_SYNTAX),
        ("SIZE==5", Reply.PARAMETER_SYNTAX),
        ("SIZE=1 SIZE=1", Reply.PARAMETER_SYNTAX),
        ("RET=HDRS", Reply.UNKNOWN_PARAMETER),
        ("AUTH=<>", Reply.UNKNOWN_PARAMETER),
    ],
)
def test_mail_parameters(text: str, expected: MailParameters | Reply) -> None:
    """What is offered is understood, a bad value and an unknown name are told apart (RFC 5321 4.1.1.11)."""
    assert expected == parse_mail_parameters(text)
