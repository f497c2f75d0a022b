"""The process that examines invoices: what it says of the samples, and that it can die without harm."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from config.load import load
from fixtures.build_mails import MAIL_FOLDER
from ingest import afterwards
from reading.mail import read_mail
from storage.records.validation import Validation, ValidationClass
from storage.store import Store
from validation.examiners import ExaminationFailed, ExaminationLimits, Examiners
from validation.rule_sets import WrongCatalogue, installed_rules

_TODAY = "2026-11-26"
_WORTH = {
    "xrechnung-cii": ValidationClass.VALID,
    "xrechnung-ubl": ValidationClass.VALID,
    "hybrid-xrechnung": ValidationClass.VALID,
    "hybrid-factur-x-basic": ValidationClass.VALID,
    "hybrid-factur-x-en-16931": ValidationClass.VALID,
    "hybrid-factur-x-extended": ValidationClass.VALID,
    "hybrid-factur-x-minimum": ValidationClass.NO_E_INVOICE,
    "hybrid-factur-x-basic-wl": ValidationClass.NO_E_INVOICE,
    "plain-pdf": ValidationClass.NO_E_INVOICE,
    "pdf-and-xml-twin": ValidationClass.VALID,
    "credit-note-cii": ValidationClass.VALID,
    "credit-note-ubl": ValidationClass.VALID,
}


def _examined(examiners: Examiners, octets: bytes, day: str = _TODAY) -> Validation | ExaminationFailed:
    return examiners.examine(octets, read_mail(octets).invoices[0], day)


def _sample(name: str) -> bytes:
    return (MAIL_FOLDER / name / "message.eml").read_bytes()


def test_the_samples_are_worth_what_they_show() -> None:
    """Through the process that the daemon uses, from the mail to the class; the samples obey the official rules."""
    with Examiners() as examiners:
        results = {name: _examined(examiners, _sample(name)) for name in _WORTH}

    classes = {name: one.class_ for name, one in results.items() if isinstance(one, Validation)}
    assert classes == _WORTH


def test_a_result_names_rule_set_version_and_date() -> None:
    """Of two versions the one counts that was there on the day the mail came in."""
    with Examiners() as examiners:
        before = _examined(examiners, _sample("credit-note-ubl"), "2026-08-01")
        after = _examined(examiners, _sample("credit-note-ubl"))

    assert isinstance(before, Validation)
    assert isinstance(after, Validation)
    assert [(one.version, one.date) for one in before.rule_sets[:1]] == [("1.3.16", "2026-03-30")]
    assert [(one.version, one.date) for one in after.rule_sets[:1]] == [("1.3.16", "2026-09-02")]


def test_a_finding_says_where_and_what() -> None:
    """Rule, terms, place in the file and both languages."""
    octets = _sample("xrechnung-ubl").replace(b"\r\n", b"\n")
    reading = read_mail(octets)
    broken = _without_the_buyer_reference(octets)
    with Examiners() as examiners:
        result = _examined(examiners, broken)

    assert reading.invoices[0].terms.buyer_reference
    assert isinstance(result, Validation)
    [finding] = [one for one in result.findings if one.severity == "error"]
    assert result.class_ is ValidationClass.BUSINESS_RULE_ERROR
    assert (finding.rule, finding.terms, finding.location) == ("BR-DE-15", ("BT-10",), "/Invoice")
    assert finding.text_de == "Es fehlt: Käuferreferenz (Leitweg-ID) (BT-10)."
    assert finding.rule_set == "xrechnung-ubl-2.6.0-2026-09-02"
    assert finding.line


def _without_the_buyer_reference(octets: bytes) -> bytes:
    from email import message_from_bytes  # noqa: PLC0415  -- only here a mail is taken apart by hand
    from email.message import EmailMessage  # noqa: PLC0415  -- the same

    [part] = [one for one in message_from_bytes(octets).walk() if one.get_filename("").endswith(".xml")]
    xml = part.get_payload(decode=True)
    assert isinstance(xml, bytes)
    lines = [line for line in xml.split(b"\n") if b"BuyerReference" not in line]
    message = EmailMessage()
    message.add_attachment(b"\n".join(lines), maintype="application", subtype="xml", filename="x.xml")
    return message.as_bytes()


def test_a_process_that_is_killed_is_replaced() -> None:
    """One lost process costs one try and nothing else."""
    octets = _sample("xrechnung-cii")
    with Examiners() as examiners:
        _examined(examiners, octets)
        assert examiners.pid
        os.kill(examiners.pid, signal.SIGKILL)
        failed, again = _examined(examiners, octets), _examined(examiners, octets)

    assert failed == ExaminationFailed("the process that examined it died")
    assert isinstance(again, Validation)


def test_a_process_that_hangs_is_killed() -> None:
    """After its time; the next invoice gets a fresh one."""
    octets = _sample("xrechnung-cii")
    with Examiners(limits=ExaminationLimits(seconds=15)) as examiners:
        _examined(examiners, octets)
        assert examiners.pid
        os.kill(examiners.pid, signal.SIGSTOP)
        failed = _examined(examiners, octets)

    assert failed == ExaminationFailed("it took longer than 15 s")


def test_whoever_stops_does_not_wait() -> None:
    """A program that is told to stop while an invoice is examined ends at once."""
    octets = _sample("xrechnung-cii")
    with Examiners() as examiners:
        _examined(examiners, octets)
        assert examiners.pid
        os.kill(examiners.pid, signal.SIGSTOP)
        given_up = examiners.examine(octets, read_mail(octets).invoices[0], _TODAY, lambda: True)

    assert given_up == ExaminationFailed("nobody waits for it any more")


def test_a_process_that_nobody_asks_ends() -> None:
    """Its rules take more memory than all else together; a mailbox with a few mails a day would pay it for ever."""
    octets = _sample("xrechnung-cii")
    with Examiners() as examiners:
        _examined(examiners, octets)
        examiners.close_unless_used(60.0)
        kept = examiners.pid
        examiners.close_unless_used(0.0)
        gone = examiners.pid

    assert (kept is not None, gone) == (True, None)


def test_a_process_that_has_grown_is_replaced() -> None:
    """Whatever the libraries leak."""
    octets = _sample("xrechnung-cii")
    with Examiners(limits=ExaminationLimits(grown_octets=1)) as examiners:
        _examined(examiners, octets)

        assert examiners.pid is None


def test_without_the_packages_nothing_is_validated(monkeypatch: pytest.MonkeyPatch, sqlite_url: str) -> None:
    """The optional packages are optional: no stage runs, and nobody is told that an invoice is valid."""
    monkeypatch.setattr(afterwards, "is_installed", lambda: False)
    store = Store.open(sqlite_url)

    stage = afterwards.validator(load(None, {}), store)

    store.close()
    assert stage is None


def test_rules_of_a_folder_stand_beside_the_built_in_ones(tmp_path: Path) -> None:
    """An operator need not wait for a release of ours."""
    (tmp_path / "rules.xslt").write_text("<x/>")
    (tmp_path / "rule-sets.toml").write_text(
        '[[rule_set]]\nstandard = "en16931"\nsyntax = "ubl"\nname = "EN 16931"\nversion = "1.3.17"\n'
        'date = "2027-03-01"\nstylesheet = "rules.xslt"\n'
    )

    rules = installed_rules(tmp_path)

    assert rules[-1].rule_set.id == "en16931-ubl-1.3.17-2027-03-01"
    assert len(rules) == len(installed_rules()) + 1


@pytest.mark.parametrize(
    ("catalogue", "said"),
    [(None, "No such file"), ("rule_set = 1", "TypeError"), ("[[rule_set]]\nname = 1", "stylesheet")],
)
def test_a_folder_of_rules_that_cannot_be_used_is_told(
    tmp_path: Path, catalogue: str | None, said: str
) -> None:
    """At the start, not by each invoice."""
    if catalogue is not None:
        (tmp_path / "rule-sets.toml").write_text(catalogue)

    with pytest.raises(WrongCatalogue, match=said):
        installed_rules(tmp_path)
