"""The words of warnings about senders in each language; in English they are told as they were found."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from storage.records.partners import SenderWarning
from storage.records.people import Language

# By code; what stands in braces is evidence of the warning.
_GERMAN: Mapping[str, str] = MappingProxyType(
    {
        "first-invoice-of-sender": "Es ist die erste Rechnung von {sender}.",
        "sender-not-proven": (
            "Der Absender ist möglicherweise gefälscht: {from_domain} verlangt, dass seine E-Mails nachweislich "
            "von ihm kommen, und diese tut es nicht."
        ),
        "vat-id-of-another-sender": (
            "Die USt-IdNr. {vat_id} des Verkäufers ist von {known_domains} bekannt; diese E-Mail kam von {sender}."
        ),
        "bank-account-differs": (
            "Die Zahlung soll an {account} gehen; bisher wurde dieser Absender über {known_accounts} bezahlt. "
            "Fragen Sie unter einer Telefonnummer nach, die Sie schon kennen."
        ),
        "look-alike-domain": (
            "Die Domain {domain} des Absenders sieht aus wie {partner_domain}, die einem Geschäftspartner gehört, "
            "ist aber eine andere."
        ),
        "reply-to-elsewhere": "Antworten gehen an {reply_to}, nicht an {from_domain}.",
        "same-number-other-amounts": (
            "Eine Rechnung dieses Verkäufers mit derselben Nummer liegt mit dem Betrag {earlier_total} vor; "
            "diese lautet auf {total}."
        ),
        "executable-attachment": (
            "Die E-Mail enthält Programme oder Dokumente mit Makros: {names}. Öffnen Sie sie nicht."
        ),
    }
)


class _Known(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"  # a warning of before, with less evidence


def told(warning: SenderWarning, language: Language) -> str:
    """The sentence of a warning."""
    template = _GERMAN.get(warning.code) if language is Language.GERMAN else None
    return template.format_map(_Known(warning.evidence)) if template else warning.text


def german_codes() -> set[str]:
    """The codes that have German words."""
    return set(_GERMAN)
