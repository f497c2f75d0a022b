"""What the settings say about filing: how long what is kept, where links come from, who is told, what is validated."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from config.link_key import link_key
from config.settings import Settings, time_zone
from ingest.processing.filing import Rules
from ingest.processing.notices import NoticeRules
from storage.companies.link_tokens import LinkTokens
from storage.expiring.expiry import RetentionPeriods
from storage.ids import new_id
from storage.records.people import Language
from validation.rule_sets import is_installed


def link_tokens(settings: Settings) -> LinkTokens:
    """Where registration links come from. Raises OSError when the key cannot be read or made."""
    return LinkTokens(link_key(settings), settings.registration.base_url)


def filing_rules(settings: Settings, token_digest: Callable[[str], bytes]) -> Rules:
    """By which mails are filed; `token_digest` is of a registration link's id."""
    return Rules(
        periods=retention_periods(settings),
        link_life=timedelta(days=settings.registration.link_days),
        new_id=new_id,
        token_digest=token_digest,
        notices=notice_rules(settings),
    )


def retention_periods(settings: Settings) -> RetentionPeriods:
    """The set periods."""
    retention = settings.retention
    return RetentionPeriods(
        productive_days=retention.productive_days,
        test_days=retention.test_days,
        tombstone_days=retention.tombstone_days,
        time_zone=time_zone(retention.time_zone),
    )


def validates(settings: Settings) -> bool:
    """Whether invoices get a result: it is not switched off, and its packages are here."""
    return settings.validation.mode != "off" and is_installed()


def notice_rules(settings: Settings) -> NoticeRules | None:
    """How the recipients of invoices are told; None where they are not."""
    outgoing = settings.outbound
    if outgoing.mode == "none":
        return None
    attached = outgoing.mode == "link-and-attachment"
    return NoticeRules(attached=attached, language=Language(outgoing.language))
