"""What somebody decided about a company, a partner, a person or a mail of ours; the names are the vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ActName(StrEnum):
    """Everything that can be decided; docs/history.md tells what each means."""

    OPERATOR_ADDED = "operator-added"
    OPERATOR_REMOVED = "operator-removed"
    PARTNER_TRUST = "partner-trust"
    PARTNER_ENVIRONMENT = "partner-environment"
    MAILS_HELD = "mails-held"
    MAILS_RESUMED = "mails-resumed"
    MAIL_RELEASED = "mail-released"
    MAIL_RETRIED = "mail-retried"
    POLICY_CHANGED = "policy-changed"
    KEY_CLAIMED = "key-claimed"
    KEY_PROVEN = "key-proven"
    CLAIM_WITHDRAWN = "claim-withdrawn"
    CLAIM_REFUSED = "claim-refused"
    KEY_GIVEN_UP = "key-given-up"
    MEMBER_LEFT = "member-left"
    AUTHENTICATOR_SET = "authenticator-set"
    AUTHENTICATOR_REMOVED = "authenticator-removed"
    PASSKEY_ADDED = "passkey-added"
    PASSKEY_REMOVED = "passkey-removed"
    RECOVERY_CODES_MADE = "recovery-codes-made"
    RECOVERY_CODE_USED = "recovery-code-used"
    FACTORS_REMOVED = "factors-removed"
    SIGNED_OUT = "signed-out"
    WEBHOOK_ADDED = "webhook-added"
    WEBHOOK_REMOVED = "webhook-removed"
    WEBHOOK_DISABLED = "webhook-disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What was decided, when, by whom; never edited."""

    at: datetime
    actor: str  # as in the history: "user ADDRESS", "operator NAME"
    name: ActName
    subject_id: str  # of an account, a partner, a user or an outbound mail
    detail: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A person who runs this mailbox: may see the operator's pages, and acts there in that name."""

    user_id: str
    since: datetime
    given_by: str
