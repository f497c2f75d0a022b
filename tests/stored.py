"""What a store holds, for tests that compare two."""

from __future__ import annotations

import hashlib

from storage.records.mails import MailState
from storage.store import Store


def digests_of(url: str) -> dict[str, str]:
    """SHA-256 of the octets of each mail that is not deleted, by id."""
    store = Store.open(url)
    with store.reading() as records:
        digests = {
            mail.id: hashlib.sha256(records.mails.octets(mail.id)).hexdigest()
            for mail in records.mails.select()
            if mail.state is not MailState.DELETED
        }
    store.close()
    return digests
