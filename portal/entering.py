"""What people enter at the doors: tidied up, and what is wrong with it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from portal import passwords
from storage.companies.account_keys import address_key, name_key

LONGEST_NAME = 120  # characters
LONGEST_ADDRESS = 254  # octets (RFC 5321 4.5.3.1.3, without the angle brackets)


def line(text: str) -> str:
    """A text on one line, without what cannot be seen."""
    plain = "".join(sign if sign.isprintable() else " " for sign in unicodedata.normalize("NFC", text))
    return " ".join(plain.split())


def address_fault(address: str) -> str | None:
    """What is wrong with an e-mail address, as the key of a text."""
    try:
        key = address_key(address).value
    except ValueError:
        return "fault.address"
    domain = key.rpartition("@")[2]
    if len(address.encode()) > LONGEST_ADDRESS or "." not in domain or not key.isprintable():
        return "fault.address"
    return None


def name_fault(name: str) -> str | None:
    """What is wrong with a person's name, as the key of a text."""
    return None if 0 < len(name) <= LONGEST_NAME else "fault.name"


def company_fault(name: str) -> str | None:
    """What is wrong with a company's name, as the key of a text."""
    return None if 0 < len(name) <= LONGEST_NAME and name_key(name) else "fault.company"


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What somebody entered to come in; tidied up."""

    email: str
    name: str
    company: str
    password: str

    @classmethod
    def entered(cls, email: str, name: str, company: str, password: str) -> Newcomer:
        """The fields of a form as they are used."""
        return cls(email.strip(), line(name), line(company), password)

    def faults(self, *, with_company: bool = True, with_password: bool = True) -> dict[str, str]:
        """What is wrong, by field; the values are keys of texts."""
        found = {
            "email": address_fault(self.email),
            "name": name_fault(self.name),
            "company": company_fault(self.company) if with_company else None,
            "password": passwords.fault(self.password, of=self.email) if with_password else None,
        }
        return {field: fault for field, fault in found.items() if fault}
