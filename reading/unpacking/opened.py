"""What opening a container yields, and how much all containers of a mail may yield."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

MOST_OCTETS = 100_000_000  # of all containers of a mail together, as really read
MOST_FILES = 1_000
MOST_LEVELS = 4  # a ZIP in a mail in a ZIP in a mail


class TooMuch(Exception):  # noqa: N818  -- a finding about a mail, not an error of ours
    """A mail's containers hold more than is looked at."""


@dataclass(slots=True)
class Budget:
    """What is left of the bounds while a mail is unpacked."""

    octets: int = MOST_OCTETS
    files: int = MOST_FILES

    def take(self, octets: int) -> None:
        """Counts octets that were read. Raises TooMuch."""
        self.octets -= octets
        if self.octets < 0:
            raise TooMuch(f"it holds more than {MOST_OCTETS // 1_000_000} MB once unpacked")

    def take_file(self) -> None:
        """Counts a file. Raises TooMuch."""
        self.files -= 1
        if self.files < 0:
            raise TooMuch(f"it holds more than {MOST_FILES:,} files")


@dataclass(frozen=True, slots=True)
class Packed:
    """A file in a container: its name as given, None without one."""

    name: str | None
    octets: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The files of a container; `trouble` says what kept us from reading all, `notes` what people should know."""

    files: tuple[Packed, ...] = ()
    trouble: str | None = None
    notes: tuple[str, ...] = ()
    of_invoice: bool = False  # the files are attachments of an invoice (BT-125), and no invoices themselves


def collected(files: Iterable[Packed], *, broken: Callable[[Exception], str]) -> Opened:
    """All files that can be had before something breaks; `broken` puts the error in words."""
    found: list[Packed] = []
    trouble = None
    try:
        for file in files:
            found.append(file)  # noqa: PERF402  -- what came before an error shall stay
    except TooMuch as error:
        trouble = str(error)
    except MemoryError:
        trouble = "it needs too much memory"
    except Exception as error:  # noqa: BLE001, RUF100  -- libraries raise anything on what strangers wrote
        trouble = broken(error)
    return Opened(files=tuple(found), trouble=trouble)
