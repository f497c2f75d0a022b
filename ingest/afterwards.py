"""Wires what happens to filed mails: their senders are checked, invoices validated, octets brought away."""

from __future__ import annotations

import threading

from config.settings import Settings
from ingest import mail_log
from ingest.processing.authentication.checking import Trust
from ingest.processing.keeper import Keeper
from ingest.processing.sender_checker import SenderChecker
from ingest.processing.validator import Validator
from ingest.reception import utc_now
from storage.blobs.place import open_place
from storage.store import Store
from validation.examiners import Examiners
from validation.rule_sets import installed_rules, is_installed


class Afterwards:
    """The stages that may wait, each in a thread of its own; none of them holds up receiving or filing."""

    def __init__(self, settings: Settings, store: Store) -> None:
        """Raises WrongCatalogue when the folder of rules cannot be used."""
        self._checker = sender_checker(settings, store)
        self._checking = threading.Thread(target=self._checker.run, name="sender checker")
        self._others = [
            one for one in (validator(settings, store), keeper(settings, store)) if one is not None
        ]

    def start(self) -> None:
        """Begins to work in the background."""
        self._checking.start()
        for one in self._others:
            one.start()

    def call(self) -> None:
        """A mail was filed; from any thread."""
        self._checker.call()
        for one in self._others:
            one.call()

    def stop(self) -> None:
        """Takes nothing more and waits for what is under way."""
        self._checker.stop()
        for one in self._others:
            one.stop()
        if self._checking.is_alive():
            self._checking.join()


def validator(settings: Settings, store: Store) -> Validator | None:
    """The stage that validates, None where it is off or its packages are missing.

    Raises WrongCatalogue when the folder of rules cannot be used.
    """
    if settings.validation.mode == "off":
        mail_log.validation_off("validation.mode is off")
        return None
    if not is_installed():
        mail_log.validation_off("the packages of requirements-validation.lock are not installed")
        return None
    installed_rules(settings.validation.rules)  # a wrong folder is told at once, not by each invoice
    return Validator(store=store, now=utc_now, examiners=Examiners(settings.validation.rules))


def sender_checker(settings: Settings, store: Store) -> SenderChecker:
    """What checks the senders of mails on record, as the settings want it."""
    return SenderChecker(store, Trust(**settings.authentication.model_dump()), utc_now)


def keeper(settings: Settings, store: Store) -> Keeper | None:
    """What brings octets out of the database; None where they stay in it."""
    place = open_place(settings.blobs.url)
    return Keeper(store, place) if place else None
