"""Tries every template with made-up contents, so that one that does not work is found before a mail needs it."""

from __future__ import annotations

from typing import Any

from jinja2 import TemplateError

from outbound.letters import Letters
from storage.records.outgoing import MailTemplate
from storage.records.people import Language

_LISTED = {
    "url": "https://invoices.example.com/invoices/1",
    "seller": "Supplier",
    "number": "R-1",
    "date": "20 November 2026",
    "amount": "€1,190.00",
    "due": "",
    "is_test": False,
    "kept_until": "22 February 2027",
}
VALUES: dict[str, Any] = {
    "recipient": "anna@company.example",
    "company": "Company Ltd",
    "sender": "Supplier",
    "person": "Ben",
    "email": "ben@company.example",
    "reason": "",
    "purpose": "register",
    "code_shown": "1234 5678",
    "claim_code": "0123456789ABCDEF",
    "key": "company.example",
    "expiring": "2",
    "what": "authenticator-set",
    "address": "https://erp.company.example/invoices",
    "webhooks_url": "https://invoices.example.com/companies/1/webhooks",
    "from_shown": "22 February 2027",
    "until_shown": "24 February 2027",
    "link_url": "https://invoices.example.com/register/token",
    "link_until": "24 December 2026",
    "portal_url": "https://invoices.example.com/",
    "sign_in_url": "https://invoices.example.com/sign-in",
    "account_url": "https://invoices.example.com/account",
    "members_url": "https://invoices.example.com/companies/1/members",
    "url": "https://invoices.example.com/invoices/1",
    "invoices": [_LISTED],
    "count": 1,
    "more": 0,
    "attached": True,
}


def faults(letters: Letters) -> list[str]:
    """What is wrong, a line for each template that does not work."""
    found = []
    for language in Language:
        for template in MailTemplate:
            try:
                letters.write(template, language, VALUES)
            except (TemplateError, KeyError, TypeError, ValueError) as error:
                found.append(f"{language}/{template}.j2: {str(error) or type(error).__name__}")
    return found
