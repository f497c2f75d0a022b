"""Checks of the certificate, and of the users who may authenticate under it."""

from __future__ import annotations

import fnmatch
from datetime import timedelta

from cryptography import x509

from cli.front import utc_now
from config.settings import Settings
from ingest.receiving.users import Users
from ingest.reception import certificates

SOON = timedelta(days=14)


def check_certificate(settings: Settings) -> str:
    """It can be loaded with its key, is valid, for the name that we greet with, and not about to end."""
    file = settings.smtp.tls_certificate
    if file is None:
        return "none is set, so STARTTLS is not offered"
    try:
        certificates(settings)
    except OSError as error:
        raise OSError(f"{error}; name PEM files that this user may read") from error
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    now, until = utc_now(), certificate.not_valid_after_utc
    if until <= now:
        raise ValueError(f"{file} was valid until {until:%Y-%m-%d}: renew it; it is in use within seconds")
    if certificate.not_valid_before_utc > now:
        raise ValueError(
            f"{file} is valid from {certificate.not_valid_before_utc:%Y-%m-%d} on: is the clock right?"
        )
    said = f"{file} is valid until {until:%Y-%m-%d}"
    if until - now < SOON:
        said += f", {(until - now).days} days: renew it now"
    name = settings.smtp.hostname
    if name and not any(fnmatch.fnmatch(name.lower(), one.lower()) for one in _names(certificate)):
        said += f"; it is not for {name}, so senders that compare names will not come"
    return said


def check_users(settings: Settings) -> str:
    """Each line can be read."""
    file = settings.smtp.users
    if file is None:
        return "none is set, so AUTH is not offered"
    Users(file)
    return f"{file} can be read"


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return extension.value.get_values_for_type(x509.DNSName)
