"""A mail as the receiving part hands it to the store, for benchmarks that begin behind it."""

from __future__ import annotations

from datetime import datetime

from ingest.receiving.transfer_key import transfer_digest
from storage.ids import new_id
from storage.records.mails import ContentInMemory, Envelope, IncomingMail


def made_up_mail(at: datetime, octets: bytes) -> IncomingMail:
    """Received at `at` with these octets; no two are the same transfer unless their octets are."""
    envelope = Envelope(
        reverse_path="billing@supplier.example",
        forward_paths=("invoices@company.example",),
        peer="127.0.0.1",
        helo="relay.example",
        tls=False,
        received_at=at,
    )
    return IncomingMail(
        id=new_id(),
        envelope=envelope,
        trace=b"Received: from relay.example by mailbox.example with ESMTP;\r\n",
        content=ContentInMemory(octets),
        transfer_digest=transfer_digest(octets, envelope),
    )
