"""Compares what is on record with the sender's own list."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from pathlib import Path

from storage.store import Store
from tests.cluster.postgres import Servers
from tests.cluster.sender import Sender

_MOST_READ_AGAIN = 20_000  # mails whose octets are compared; of more, as many by chance

_BY_KEY = "SELECT substr(message_id, 2, 8), id FROM received_mail WHERE state = 'filed'"
_INVOICES = "SELECT invoice_number, count(*) FROM invoice GROUP BY invoice_number"
_UNFILED = "SELECT count(*) FROM received_mail WHERE state IN ('received', 'claimed')"
_QUARANTINED = "SELECT count(*) FROM received_mail WHERE state = 'quarantined'"
_RECORDED_TWICE = (
    "SELECT count(*) FROM (SELECT mail_id FROM history_event WHERE event = 'recorded'"
    " GROUP BY mail_id HAVING count(*) > 1) AS twice"
)
_IN_DATABASE = "SELECT count(DISTINCT mail_id) FROM mail_octets"


@dataclass(slots=True)
class Verdict:
    """What the count at the end came to."""

    acknowledged: int = 0
    lost: int = 0
    twice: int = 0
    never_sent: int = 0
    changed: int = 0  # of those read again
    read_again: int = 0
    quarantined: int = 0
    in_database: int = 0  # whose octets are not in the object store yet
    slowest: float = 0.0  # seconds until a mail was taken, from the first try
    refused: list[str] = field(default_factory=list)

    @property
    def fine(self) -> bool:
        """Whether everything promised was kept."""
        return not (self.lost or self.twice or self.never_sent or self.changed or self.refused)


@dataclass(frozen=True, slots=True)
class SendersList:
    """What the sender wrote down."""

    taken: dict[str, float]  # key and when, by the monotonic clock
    slowest: float
    refused: list[str]

    @classmethod
    def read(cls, file: Path) -> SendersList:
        """A last line that is not whole yet is left out."""
        taken, seconds, refused = {}, [0.0], []
        for line in file.read_text().splitlines(keepends=True):
            if line.startswith("250 ") and line.endswith("\n"):
                _, key, when, took = line.split()
                taken[key] = float(when)
                seconds.append(float(took))
            elif line.startswith("5xx"):
                refused.append(line.strip())
        return cls(taken, max(seconds), refused)


def unfiled(servers: Servers) -> int:
    """How many mails are in the queue."""
    return _number(servers, _UNFILED)


def judged(servers: Servers, listed: SendersList, template: bytes) -> Verdict:
    """Everything that was acknowledged, against everything that is on record."""
    with servers.connect() as connection:
        rows = connection.execute(_BY_KEY).fetchall()
        invoices = {str(number): int(str(count)) for number, count in connection.execute(_INVOICES)}
    mails: dict[str, list[str]] = {}
    for key, mail_id in rows:
        mails.setdefault(str(key), []).append(str(mail_id))
    verdict = Verdict(acknowledged=len(listed.taken), slowest=listed.slowest, refused=listed.refused)
    verdict.lost = sum(key not in mails or key not in invoices for key in listed.taken)
    # What was stored and whose 250 did not arrive was sent again, so it is in the list, too, unless sending was ended.
    verdict.never_sent = len(set(mails) - set(listed.taken))
    verdict.twice = sum(len(ids) > 1 for ids in mails.values())
    verdict.twice += sum(count > 1 for count in invoices.values())
    verdict.twice += _number(servers, _RECORDED_TWICE)
    verdict.quarantined = _number(servers, _QUARANTINED)
    verdict.in_database = _number(servers, _IN_DATABASE)
    _compare(verdict, servers.url, mails, template)
    return verdict


def _compare(verdict: Verdict, url: str, mails: dict[str, list[str]], template: bytes) -> None:
    as_sent = Sender("/dev/null", template, 0, 0, [])
    chosen = random.sample(sorted(mails), min(len(mails), _MOST_READ_AGAIN))
    store = Store.open(url)
    with store.reading() as records:
        for key in chosen:
            sent, kept = as_sent.content(key), records.mails.octets(mails[key][0])
            verdict.changed += hashlib.sha256(sent).digest() != hashlib.sha256(kept).digest()
    store.close()
    verdict.read_again = len(chosen)


def _number(servers: Servers, query: str) -> int:
    with servers.connect() as connection:
        row = connection.execute(query).fetchone()  # type: ignore[arg-type]  # our own words
    assert row is not None
    return int(str(row[0]))
