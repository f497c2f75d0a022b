"""A mail that only links to its invoice is told from one that has nothing to do with any."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from reading.mail import read_mail
from tests.invoice_documents import mail, ubl


def _letter(text: str, subject: str = "Hallo", subtype: str = "plain") -> bytes:
    message = EmailMessage()
    message["Subject"] = subject
    message.set_content(text, subtype=subtype)
    return message.as_bytes()


@pytest.mark.parametrize(
    ("octets", "host"),
    [
        (
            _letter("Ihre Rechnung steht bereit:\nhttps://portal.supplier.example/r/4711?x=1"),
            "portal.supplier.example",
        ),
        (_letter("Click here to view it: https://pay.example/i", "Your invoice is ready"), "pay.example"),
        (_letter("Votre facture est disponible : http://f.example/", "x"), "f.example"),
        (
            _letter(
                '<p>Ihre Rechnung</p><a href="https://x.example/a?b=1&amp;c=2">hier ansehen</a>',
                subtype="html",
            ),
            "x.example",
        ),
        (_letter("Ihre Rechnung steht bereit."), None),
        (_letter("Unsere Seite: https://x.example"), None),
        (_letter("Ihre Rechnung wurde bezahlt. https://x.example"), None),
        (
            _letter(
                "<head><style>a { content: 'Rechnung ansehen' }</style><a href='https://x.example'>x</a>",
                subtype="html",
            ),
            None,
        ),
        (_letter("Rechnung ansehen https://[x", "x"), None),
    ],
)
def test_a_link_to_an_invoice(octets: bytes, host: str | None) -> None:
    """It takes the word, the invitation and the link; of the link only the host is told."""
    assert read_mail(octets).linked_host == host


def test_a_mail_with_its_invoice_needs_no_link() -> None:
    """Most invoice mails have links in their footers."""
    octets = mail(("r.xml", ubl("R-1")), subject="Rechnung ansehen: https://x.example")

    assert read_mail(octets).linked_host is None
