"""Who may send, and for whom mail is taken."""

from __future__ import annotations

import asyncio

import pytest

from ingest.receiving.addresses import Address
from ingest.receiving.recipient_policy import (
    RecipientPolicy,
    UnknownRecipients,
    recipient_policy,
    recipient_verdict,
    relay_verdict,
)
from ingest.receiving.replies import Reply
from storage.errors import StorageUnavailable


def verdict(policy: RecipientPolicy, recipient: Address, *, known: bool | Exception = False) -> Reply | None:
    """The policy's verdict with a store that knows, does not know, or is away."""

    async def ask(_: str) -> bool:
        if isinstance(known, Exception):
            raise known
        return known

    return asyncio.run(recipient_verdict(policy, recipient, ask))


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("127.0.0.1", None),
        ("127.255.0.9", None),
        ("::ffff:127.0.0.1", None),
        ("10.1.2.3", None),
        ("10.1.2.4", Reply.RELAY_REFUSED),
        ("2001:db8::5", None),
        ("2001:db9::5", Reply.RELAY_REFUSED),
        ("::1", Reply.RELAY_REFUSED),
        ("fe80::1%eth0", Reply.RELAY_REFUSED),
        ("not an address", Reply.RELAY_REFUSED),
        (None, None),
    ],
)
def test_relays(peer: str | None, expected: Reply | None) -> None:
    """Networks and single addresses; a Unix socket is guarded by its permissions."""
    policy = recipient_policy(relays=["127.0.0.0/8", "10.1.2.3", "2001:db8::/32"])

    assert expected is relay_verdict(policy, peer)


def test_no_relays_means_nobody() -> None:
    """An empty list opens nothing."""
    assert relay_verdict(recipient_policy(), "127.0.0.1") is Reply.RELAY_REFUSED


def test_every_domain_without_a_list() -> None:
    """No accepted domains are set: every recipient is taken, and nobody asks the store."""
    assert verdict(recipient_policy(), Address("b", "y.example"), known=RuntimeError("asked")) is None


@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        (Address("b", "Y.Example"), None),
        (Address("b", "xn--bcher-kva.example"), None),
        (Address("b", "z.example"), Reply.DOMAIN_REFUSED),
        (Address("b", "a.y.example"), Reply.DOMAIN_REFUSED),
        (Address("b", "[192.0.2.1]"), Reply.DOMAIN_REFUSED),
        (Address("Postmaster", ""), None),
    ],
)
def test_accepted_domains(recipient: Address, expected: Reply | None) -> None:
    """Only the domains on the list, however they are written."""
    policy = recipient_policy(accepted_domains=["y.example", "Bücher.example"])

    assert expected is verdict(policy, recipient)


@pytest.mark.parametrize(
    ("known", "expected"),
    [(True, None), (False, Reply.UNKNOWN_RECIPIENT), (StorageUnavailable(), Reply.STORE_AWAY)],
    ids=["known", "unknown", "away"],
)
def test_unknown_recipients(known: bool | Exception, expected: Reply | None) -> None:
    """Rejecting needs the store's word; without it the sender shall come again."""
    policy = recipient_policy(unknown_recipients="reject")

    assert expected is verdict(policy, Address("b", "y.example"), known=known)


def test_a_bug_in_the_lookup_is_not_an_answer() -> None:
    """Any other exception is the caller's to report."""
    with pytest.raises(RuntimeError):
        verdict(
            recipient_policy(unknown_recipients="reject"), Address("b", "y.example"), known=RuntimeError()
        )


def test_wrong_settings_are_refused() -> None:
    """What is no network and no rule is a ValueError when the policy is built."""
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/99"):
        recipient_policy(relays=["10.0.0.0/99"])
    with pytest.raises(ValueError, match="maybe"):
        recipient_policy(unknown_recipients="maybe")


def test_default_is_to_invite() -> None:
    """The contract's default."""
    assert recipient_policy().unknown_recipients is UnknownRecipients.INVITE
