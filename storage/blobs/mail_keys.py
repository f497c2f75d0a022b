"""The keys that the octets of mails outside the database are encrypted with; one goes with its mail."""

from __future__ import annotations

from sqlalchemy import insert, select
from sqlalchemy.engine import Connection

from storage.blobs.sealing import MasterKey, new_key
from storage.database.engine import MASTER_KEY
from storage.errors import StorageUnavailable
from storage.tables.mails import MailKeyRow


class MailKeys:
    """The table of keys within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def seals(self) -> bool:
        """Whether octets are to be encrypted before they leave the database."""
        master = self._master()
        return master is not None and master.seals

    def get(self, mail_id: str) -> bytes | None:
        """The key of a mail; None when it has none. Raises StorageUnavailable without the right master key."""
        wrapped = self._connection.scalar(select(MailKeyRow.wrapped).where(MailKeyRow.mail_id == mail_id))
        if wrapped is None:
            return None
        master = self._master()
        if master is None:
            raise StorageUnavailable(
                f"the octets of the mail {mail_id} are encrypted: restore octets.key in data_dir, or set blobs.key"
            )
        return master.unwrap(mail_id, wrapped)

    def make(self, mail_id: str) -> bytes:
        """The key of a mail, made when there is none; whoever calls has locked the mail.

        Raises StorageUnavailable without the right master key.
        """
        key = self.get(mail_id)
        if key is None:
            master = self._master()
            if master is None:
                raise StorageUnavailable("there is no key to encrypt with: set blobs.key, or blobs.encrypt")
            key = new_key()
            self._connection.execute(
                insert(MailKeyRow).values(mail_id=mail_id, wrapped=master.wrap(mail_id, key))
            )
        return key

    def _master(self) -> MasterKey | None:
        master: MasterKey | None = self._connection.get_execution_options().get(MASTER_KEY)
        return master
