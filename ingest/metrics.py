"""What is counted: every metric of the programs, with its labels; the functions of `mail_log` count."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()  # of this process alone

SESSIONS = Counter("invoices_sessions", "Connections from clients.", registry=REGISTRY)
OPEN_SESSIONS = Gauge(
    "invoices_open_sessions",
    "Connections that are open now.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
SESSION_ENDS = Counter(
    "invoices_session_ends", "Connections that ended, by how.", ["reason"], registry=REGISTRY
)
REFUSALS = Counter(
    "invoices_refusals",
    "Replies 4xx and 5xx, by the command and by the limit or rule, as the event rejected has them.",
    ["stage", "reason", "code"],
    registry=REGISTRY,
)
ACCEPTED = Counter(
    "invoices_mails_accepted",
    "Mails answered 250; a duplicate is a transfer that was on record.",
    ["duplicate"],
    registry=REGISTRY,
)
ACCEPTED_OCTETS = Counter("invoices_accepted_octets", "Octets of the mails answered 250.", registry=REGISTRY)
OCTETS_MOVED = Counter(
    "invoices_octets_moved", "Octets of filed mails brought to where blobs.url says.", registry=REGISTRY
)
INCIDENTS = Counter("invoices_incidents", "Errors of ours in a session.", ["stage"], registry=REGISTRY)
NOT_SPILLED = Counter(
    "invoices_mails_not_spilled",
    "Large mails that the disk did not take while they arrived.",
    registry=REGISTRY,
)
RECEIVER_DEATHS = Counter(
    "invoices_receiver_deaths", "Processes taking mail in that ended by themselves.", registry=REGISTRY
)
CERTIFICATE_TROUBLE = Counter(
    "invoices_certificates_broken", "Renewed certificates that could not be used.", registry=REGISTRY
)
STORE_TROUBLE = Counter(
    "invoices_store_unavailable",
    "Times the database did not answer, by what was done.",
    ["doing"],
    registry=REGISTRY,
)
FILED = Counter("invoices_mails_filed", "Mails put on record, by outcome.", ["outcome"], registry=REGISTRY)
INVOICES = Counter("invoices_invoices_recorded", "Invoices put on record.", registry=REGISTRY)
FILING_SECONDS = Histogram(
    "invoices_filing_seconds",
    "From the reading of a mail to its record, in seconds.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
READINGS_FAILED = Counter(
    "invoices_readings_failed",
    "Readings of a mail that failed; it is tried again, or set aside in quarantine.",
    ["quarantined"],
    registry=REGISTRY,
)
FILINGS_FAILED = Counter("invoices_filings_failed", "Errors of ours while filing a mail.", registry=REGISTRY)
PROBES_FAILED = Counter(
    "invoices_probes_failed", "Looks at a part that found it not doing its work.", ["part"], registry=REGISTRY
)
VALIDATED = Counter(
    "invoices_invoices_validated",
    "Invoices held against the rules, by result.",
    ["status"],
    registry=REGISTRY,
)
VALIDATION_SECONDS = Histogram(
    "invoices_validation_seconds",
    "Holding one invoice against the rules, in seconds.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
VALIDATIONS_FAILED = Counter(
    "invoices_validations_failed", "Tries to validate an invoice that failed.", registry=REGISTRY
)
SENDERS_CHECKED = Counter(
    "invoices_senders_checked",
    "Senders of mails that were checked, by what came out.",
    ["status"],
    registry=REGISTRY,
)

# Looked up once: these two are counted for every mail.
ACCEPTED_ONCE = {duplicate: ACCEPTED.labels(str(duplicate).lower()) for duplicate in (False, True)}
