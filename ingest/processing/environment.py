"""Whether an invoice is productive or a test; when in doubt it is productive."""

from __future__ import annotations

from enum import StrEnum

from ingest.processing.match_rules import is_test_address
from storage.records.invoices import Environment
from storage.records.partners import ContractingPartner
from storage.records.reading import BusinessTerms, Message


class TestSign(StrEnum):
    """What can make an invoice a test, in the order in which it is asked for."""

    __test__ = False  # pytest would take the name for a test

    TEST_INDICATOR = "test-indicator"
    HEADER = "header"
    TEST_ADDRESS = "test-address"
    PARTNER_BEING_CONNECTED = "partner-being-connected"


def environment(
    terms: BusinessTerms, message: Message, forward_path: str, partner: ContractingPartner | None
) -> tuple[Environment, TestSign | None]:
    """The environment of one invoice for one recipient, and the sign that made it a test."""
    sign = _sign(terms, message, forward_path, partner)
    return (Environment.TEST if sign else Environment.PRODUCTIVE), sign


def _sign(
    terms: BusinessTerms, message: Message, forward_path: str, partner: ContractingPartner | None
) -> TestSign | None:
    if terms.test_indicator:
        return TestSign.TEST_INDICATOR
    if (message.environment_sign or "").casefold() == "test":
        return TestSign.HEADER
    if is_test_address(forward_path):
        return TestSign.TEST_ADDRESS
    if partner is not None and partner.environment is Environment.TEST:
        return TestSign.PARTNER_BEING_CONNECTED
    return None
