"""Whatever can be in a history is told in English and German."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product

import pytest

from cli.explanation import Explanation, texts
from ingest.processing.environment import TestSign
from ingest.processing.match_rules import MatchRule
from ingest.processing.sender_warnings import WarningCode
from storage.filed.warning_wording import german_codes
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.invoices import MatchEvidence
from storage.records.partners import SenderWarning
from storage.records.people import Language
from storage.records.senders import SenderAuthentication, SenderStatus
from storage.records.validation import ValidationStatus
from tests import making

DETAIL = {
    "size": "1",
    "peer": "192.0.2.1",
    "invoices": "2",
    "parts": "3",
    "account": "a",
    "to": "x@y.example",
    "rule": "invitation",
    "where": "BT-48",
    "expires_at": "2027-01-01T00:00:00+00:00",
    "link": "l",
    "status": "valid",
    "class": "none",
    "rules": "EN 16931",
    "from": "2027-01-01",
    "reply": "550 no.",
    "codes": "x",
    "exported_at": "2027-01-01",
    "differences": "0",
}


def _told(language: Language, event: HistoryEventName, **detail: str) -> str:
    one = HistoryEvent(
        at=making.NOW, event=event, actor="worker", detail=DETAIL | detail, mail_id="m", invoice_id=None
    )
    [sentence] = Explanation(language, making.received_mail(), {"a": "Company"}).events([one])
    return sentence


@pytest.mark.parametrize(("language", "event"), list(product(Language, HistoryEventName)))
def test_every_event_has_its_sentence(language: Language, event: HistoryEventName) -> None:
    """With everything filled in."""
    reason = "test-address" if event is HistoryEventName.RECORDED else "a reason"

    sentence = _told(language, event, reason=reason)

    assert sentence.endswith(".")
    assert "{" not in sentence


def test_every_rule_sign_result_and_status_has_its_words() -> None:
    """And there are no words for what cannot be."""
    assert set(texts()["rule"]) == set(MatchRule)
    assert set(texts()["sign"]) == set(TestSign)
    assert set(texts()["worth"]) == set(ValidationStatus)
    assert set(SenderStatus) <= set(texts()["sender"])
    assert german_codes() == set(WarningCode)


def test_both_languages_say_the_same_things() -> None:
    """The same gaps to fill in each; no sentence is there in one language only."""
    for room in texts().values():
        for name, said in room.items():
            assert set(said) == set(Language), name
            gaps = [sorted(re.findall(r"\{\w+[^}]*\}", said[language])) for language in Language]
            assert set(gaps[0]) == set(gaps[1]), name


def test_an_invoice_is_explained_with_evidence_sender_and_warnings() -> None:
    """What people ask first: why is it here, who sent it, may I pay it."""
    evidence = MatchEvidence(
        rule="buyer-vat-identifier", kind="vat-id", value="DE123456788", where="BT-48", account_id="a"
    )
    warning = SenderWarning(
        code="bank-account-differs",
        text="It asks for payment to X.",
        evidence={"account": "DE1", "known_accounts": "DE2"},
    )
    found = SenderAuthentication(
        status=SenderStatus.AUTHENTICATED,
        domain="supplier.example",
        from_domain="supplier.example",
        reason="",
        results=(),
        relay_results=(),
        client=None,
        hops=(),
        checked_at=making.NOW,
    )
    mail = replace(making.received_mail(), authentication=found)
    invoice = making.invoice(mail_id="m", account_id="a", evidence=(evidence,))

    english, german = (
        Explanation(one, mail, {}).invoice(invoice, [warning]) for one in (Language.ENGLISH, Language.GERMAN)
    )

    assert english == [
        "What speaks for this account: vat-id DE123456788 (BT-48).",
        "Its sender is proven: supplier.example.",
        "Warning: It asks for payment to X.",
        "It is productive and will be deleted on 2027-02-22. This is no archive.",
    ]
    assert german[2].startswith(
        "Warnung: Die Zahlung soll an DE1 gehen; bisher wurde dieser Absender über DE2"
    )
