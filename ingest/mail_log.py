"""What happens, told to the log and counted: one function per event, and nothing of a mail's content in any."""

from __future__ import annotations

import structlog

from ingest import metrics
from storage.records.filing import Filing
from storage.records.mails import Outcome
from storage.records.senders import SenderAuthentication
from storage.records.validation import Validation

_log = structlog.get_logger("invoices")


def listening(addresses: list[str]) -> None:
    """Connections are taken on `addresses`."""
    _log.info("listening", addresses=addresses)


def exposed(address: str) -> None:
    """Prometheus finds the metrics at `address`."""
    _log.info("metrics-listening", address=address)


def ready(parts: list[str]) -> None:
    """All `parts` run."""
    _log.info("ready", parts=parts)


def stopping(signal_name: str) -> None:
    """A `signal` came; nothing new is taken."""
    _log.info("stopping", signal=signal_name)


def reloading() -> None:
    """SIGHUP came and the settings are sound; the program starts anew in its place."""
    _log.info("reloading")


def reload_refused(problems: list[str]) -> None:
    """SIGHUP came, and the `problems` named keep the new settings, certificate or users file from being used."""
    _log.error("reload-refused", problems=problems)


def probe_failed(part: str, reason: str) -> None:
    """A `part` does not do its work, for the `reason` named; systemd starts the program anew when that lasts."""
    metrics.PROBES_FAILED.labels(part).inc()
    _log.error("probe-failed", part=part, reason=reason)


def start_failed(error: Exception) -> None:
    """The program cannot begin, for the reason in `error`."""
    _log.error("start-failed", error=str(error))


def disk_low(cause: str) -> None:
    """The disk of `data_dir` is almost full. Told again while it lasts."""
    _log.warning("disk-low", cause=cause)


def queue_stands_still(cause: str) -> None:
    """A mail has waited for more than five minutes to be filed. Told again while it lasts."""
    _log.warning("queue-stands-still", cause=cause)


def certificate_ends(cause: str) -> None:
    """The certificate of SMTP ends within ten days, or has ended. Told again while it lasts."""
    _log.warning("certificate-ends", cause=cause)


def mails_in_quarantine(cause: str) -> None:
    """Mails wait for an operator. Told again while it lasts."""
    _log.warning("mails-in-quarantine", cause=cause)


def mails_unsent(cause: str) -> None:
    """More than a hundred mails of ours wait to be sent. Told again while it lasts."""
    _log.warning("mails-unsent", cause=cause)


def mails_failed(cause: str) -> None:
    """Mails of ours are not tried any more. Told again while it lasts."""
    _log.warning("mails-failed", cause=cause)


def retention_late(cause: str) -> None:
    """An invoice is there a day after its time. Told again while it lasts."""
    _log.warning("retention-late", cause=cause)


def tracing_off(reason: str) -> None:
    """A collector is set, and its packages are not installed."""
    _log.warning("tracing-off", reason=reason)


def traces_lost(collector: str) -> None:
    """The `collector` takes no spans; they are thrown away, and mail goes on. Told once until it does."""
    _log.warning("traces-lost", collector=collector)


def traces_taken(collector: str) -> None:
    """The `collector` takes spans again."""
    _log.info("traces-taken", collector=collector)


def stopped() -> None:
    """Everything is finished."""
    _log.info("stopped")


def connected(*, session: str, peer: str | None) -> None:
    """A client has connected."""
    metrics.SESSIONS.inc()
    metrics.OPEN_SESSIONS.inc()
    _log.debug("connected", session=session, peer=peer)


def closed(*, session: str, peer: str | None, reason: str) -> None:
    """A connection ended, for the `reason` named."""
    metrics.OPEN_SESSIONS.dec()
    metrics.SESSION_ENDS.labels(reason).inc()
    _log.debug("closed", session=session, peer=peer, reason=reason)
    if reason == "tls-handshake":
        _handshake_failed(session, peer)


def _handshake_failed(session: str, peer: str | None) -> None:
    """TLS was begun with a client and did not come about."""
    _log.warning("handshake-failed", session=session, peer=peer, cause="TLS was begun and did not come about")


def rejected(*, session: str, peer: str | None, stage: str, reason: str, reply: str) -> None:
    """A `reply` of 4xx or 5xx was given, for the `reason` named."""
    metrics.REFUSALS.labels(stage, reason, reply[:3]).inc()
    _log.info("rejected", session=session, peer=peer, stage=stage, reason=reason, reply=reply)


def not_spilled(*, error: OSError) -> None:
    """The disk did not take a large mail while it arrived; the sender got 452 or 451."""
    metrics.NOT_SPILLED.inc()
    _log.error("not-spilled", error=str(error))


def certificate_loaded(path: str) -> None:
    """A renewed certificate is in use."""
    _log.info("certificate-loaded", certificate=path)


def certificate_broken(path: str, error: Exception) -> None:
    """A renewed certificate cannot be used; the old one stays in use."""
    metrics.CERTIFICATE_TROUBLE.inc()
    _log.error("certificate-broken", certificate=path, error=str(error))


def users_broken(error: Exception) -> None:
    """The changed file of `smtp.users` cannot be used; what stood in it before stays in use."""
    _log.error("users-broken", error=str(error))


def receiver_died(number: int, status: int | None) -> None:
    """One of several processes that take mail in ended; another takes its place."""
    metrics.RECEIVER_DEATHS.inc()
    _log.error("receiver-died", process=number, status=status)


def accepted(
    *,
    session: str,
    peer: str | None,
    mail_id: str,
    size: int,
    reverse_path: str,
    recipients: int,
    duplicate: bool,
) -> None:
    """A mail is on stable storage and is answered 250; `duplicate` if it was before."""
    metrics.ACCEPTED_ONCE[duplicate].inc()
    metrics.ACCEPTED_OCTETS.inc(size)
    _log.info(
        "accepted",
        session=session,
        mail=mail_id,
        peer=peer,
        size=size,
        reverse_path=reverse_path,
        recipients=recipients,
        duplicate=duplicate,
    )


def failed(*, session: str, peer: str | None, stage: str, incident: str, error: Exception) -> None:
    """A bug in a session; the sender got 451 with the same `incident`."""
    metrics.INCIDENTS.labels(stage).inc()
    _log.error("failed", session=session, peer=peer, stage=stage, incident=incident, exc_info=error)


def not_woken() -> None:
    """A pooler stands before PostgreSQL, so the worker looks for new mail once a second."""
    _log.info("not-woken")


def store_unavailable(doing: str, error: Exception, seconds: float) -> None:
    """The database does not answer; what was being done is tried again after `again_in` seconds."""
    metrics.STORE_TROUBLE.labels(doing).inc()
    _log.warning("store-unavailable", doing=doing, error=str(error), again_in=round(seconds, 1))


def filed(filing: Filing, milliseconds: float) -> None:
    """A mail is on record, with its `outcome`."""
    metrics.FILED.labels(filing.outcome).inc()
    metrics.INVOICES.inc(len(filing.invoices))
    metrics.FILING_SECONDS.observe(milliseconds / 1000)
    _log.info(
        "filed",
        mail=filing.mail_id,
        outcome=str(filing.outcome),
        invoices=[invoice.id for invoice in filing.invoices],
        links=len(filing.new_links),
        milliseconds=round(milliseconds, 1),
    )
    if filing.outcome is Outcome.QUARANTINED:
        _quarantined(filing.mail_id)


def _quarantined(mail_id: str) -> None:
    """A `mail` could not be filed as an invoice and waits for an operator."""
    _log.warning("quarantined", mail=mail_id, cause="it could not be filed as an invoice")


def reading_failed(mail_id: str, reason: str, failures: int, quarantined: bool) -> None:
    """A mail could not be read; `quarantined` says whether it is tried again."""
    metrics.READINGS_FAILED.labels(str(quarantined).lower()).inc()
    _log.warning("reading-failed", mail=mail_id, reason=reason, failures=failures, quarantined=quarantined)


def filing_failed(mail_id: str, error: Exception) -> None:
    """A bug kept a mail from being filed."""
    metrics.FILINGS_FAILED.inc()
    _log.error("filing-failed", mail=mail_id, exc_info=error)


def worker_died(error: BaseException) -> None:
    """The worker ended by an error of ours; the program ends with status 1, to be started again."""
    _log.critical("worker-died", exc_info=error)


def lost_claim(mail_id: str) -> None:
    """Another worker had taken a mail over; nothing was written twice."""
    _log.info("lost-claim", mail=mail_id)


def validated(invoice_id: str, validation: Validation, milliseconds: float) -> None:
    """An invoice was held against the rules, with its `status`."""
    metrics.VALIDATED.labels(validation.status).inc()
    metrics.VALIDATION_SECONDS.observe(milliseconds / 1000)
    _log.info(
        "validated",
        invoice=invoice_id,
        status=str(validation.status),
        findings=len(validation.findings),
        milliseconds=round(milliseconds, 1),
    )


def validation_failed(invoice_id: str, reason: str, tries: int) -> None:
    """An invoice could not be validated; it is tried three times."""
    metrics.VALIDATIONS_FAILED.inc()
    _log.warning("validation-failed", invoice=invoice_id, reason=reason, tries=tries)


def validation_off(reason: str) -> None:
    """Invoices are not validated here, for the `reason` named."""
    _log.info("validation-off", reason=reason)


def validation_broke(invoice_id: str, error: Exception) -> None:
    """A bug kept an invoice from being validated; it is tried three times."""
    metrics.VALIDATIONS_FAILED.inc()
    _log.error("validation-broke", invoice=invoice_id, exc_info=error)


def validator_died(error: BaseException) -> None:
    """No invoice is validated until the next start; mails are filed all the same."""
    metrics.VALIDATIONS_FAILED.inc()
    _log.error("validator-died", exc_info=error)


def sender_checked(mail_id: str, authentication: SenderAuthentication) -> None:
    """It is known who sent a mail, or not: `status`."""
    metrics.SENDERS_CHECKED.labels(str(authentication.status)).inc()
    _log.info("sender-checked", mail=mail_id, status=str(authentication.status))


def sender_check_failed(error: Exception) -> None:
    """An error of ours while senders were checked; they are checked again."""
    _log.error("sender-check-failed", error=repr(error), exc_info=error)


def octets_moved(mails: int, octets: int, milliseconds: float) -> None:
    """So many `mails` lie where `blobs.url` says now."""
    metrics.OCTETS_MOVED.inc(octets)
    _log.info("octets-moved", mails=mails, octets=octets, milliseconds=round(milliseconds, 1))


def octets_lost(mail_id: str, reason: str) -> None:
    """The octets of a mail are missing or damaged where they should be."""
    _log.error("octets-lost", mail=mail_id, reason=reason)


def keeper_died(error: BaseException) -> None:
    """No octets are moved until the next start; they stay where they are."""
    _log.error("keeper-died", exc_info=error)
