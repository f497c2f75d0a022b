"""The typed settings, one model a section of the file."""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

_LISTEN = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:\s]+):(\d{1,5})")


def _listen_address(value: str) -> str:
    match = _LISTEN.fullmatch(value)
    if match is None or int(match[2]) > 65535:
        raise ValueError('expected "HOST:PORT", an IPv6 host in brackets')
    return value


def _lmtp_address(value: str) -> str:
    if value.startswith("unix:/"):
        return value
    try:
        return _listen_address(value)
    except ValueError:
        raise ValueError('expected "unix:/PATH" or "HOST:PORT"') from None


def _optional_listen_address(value: str) -> str:
    return _listen_address(value) if value else ""


def host_and_port(address: str) -> tuple[str, int]:
    """A ListenAddress in its parts, an IPv6 host without its brackets."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        raise ValueError('expected an IP address or network such as "10.0.0.0/8"') from None


def _resolver(value: str) -> str:
    if value == "system":
        return value
    try:
        host, _ = host_and_port(_listen_address(value))
        ipaddress.ip_address(host)
    except ValueError:
        raise ValueError('expected "system" or an IP address with its port such as "192.0.2.53:53"') from None
    return value


def _domain(value: str) -> str:
    domain = value.strip().rstrip(".").lower()
    if not domain or "@" in domain or any(sign.isspace() for sign in domain):
        raise ValueError('expected a domain such as "invoices.example.com"')
    return domain


def _hostname(value: str) -> str:
    label = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
    if value and not re.fullmatch(rf"{label}(\.{label})*", value):
        raise ValueError('expected a name such as "mailbox.example.com", in ASCII')
    return value


def _optional_mail_address(value: str) -> str:
    if value and not re.fullmatch(r"[^\s@<>\"(),:;\[\]\\]+@[A-Za-z0-9.-]+", value):
        raise ValueError('expected an address such as "invoices@example.com"')
    return value


def _one_line(value: str) -> str:
    if not value.isprintable():
        raise ValueError("expected a name on one line")
    return value.strip()


def _base_url(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", value):
        raise ValueError('expected "https://HOST", without a query')
    return value.rstrip("/")


def _collector(value: str) -> str:
    return _base_url(value) if value else ""


def _database_url(value: SecretStr) -> SecretStr:
    from psycopg import ProgrammingError, conninfo  # noqa: PLC0415  -- slow to import, and not for every test
    from sqlalchemy.engine import make_url  # noqa: PLC0415  -- the same
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415  -- the same

    expected = 'expected "sqlite:///FILE" or "postgresql+psycopg://USER@HOST/NAME"'
    if not value.get_secret_value().startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ValueError(expected)
    try:
        url = make_url(value.get_secret_value())
        if url.get_backend_name() == "postgresql":
            conninfo.make_conninfo(**{key: str(value) for key, value in url.query.items()})
    except (ArgumentError, ValueError):
        raise ValueError(expected) from None
    except ProgrammingError as error:
        raise ValueError(f"{expected}, behind ? what libpq knows: {str(error).strip()}") from None
    return value


def time_zone(name: str) -> tzinfo:
    """A time zone of the IANA database. Raises ValueError."""
    if name == "UTC":
        return UTC  # also where the machine has no such database
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError('expected "UTC" or a time zone such as "Europe/Berlin"') from None


def _time_zone(value: str) -> str:
    time_zone(value)
    return value


def _blobs_url(value: str) -> str:
    if value != "database:" and not re.fullmatch(r"file:///\S+|s3://[A-Za-z0-9.-]+(/[^\s?#]*)?", value):
        raise ValueError('expected "database:", "file:///FOLDER" or "s3://BUCKET/PREFIX"')
    return value


LmtpAddress = Annotated[str, AfterValidator(_lmtp_address)]
ListenAddress = Annotated[str, AfterValidator(_listen_address)]
Network = Annotated[str, AfterValidator(_network)]
Domain = Annotated[str, AfterValidator(_domain)]
Hostname = Annotated[str, AfterValidator(_hostname)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
Resolver = Annotated[str, AfterValidator(_resolver)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]


class Section(BaseModel):
    """What all sections share: no unknown keys, no changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class SmtpSettings(Section):
    """[smtp]: where mail comes in and from whom."""

    listen: tuple[ListenAddress, ...]
    listen_tls: tuple[ListenAddress, ...]  # TLS before the greeting
    hostname: Hostname  # empty: the machine's own name
    max_message_bytes: Annotated[int, Field(ge=1024, le=1024**3)]
    accepted_domains: tuple[Domain, ...]  # empty: every domain
    relays: tuple[Network, ...]
    proxies: tuple[Network, ...]  # who begins each connection with a PROXY header
    xclient: tuple[Network, ...]  # who may name its own client with XCLIENT
    users: Path | None  # the file of names and password hashes
    tls_certificate: Path | None
    tls_key: Path | None
    require_tls: bool
    unknown_recipients: Literal["invite", "reject"]
    bare_line_ends: Literal["keep", "normalise", "refuse"]
    max_sessions: Annotated[int, Field(ge=1, le=100_000)]  # of each process
    max_sessions_per_peer: Annotated[int, Field(ge=1, le=100_000)]
    processes: Annotated[int, Field(ge=1, le=64)]


class AuthenticationSettings(Section):
    """[authentication]: how it is found out who really sent a mail."""

    resolvers: tuple[Resolver, ...]  # "system", or HOST:PORT; empty: nothing is looked up
    relays: tuple[Network, ...]  # our own mail servers, whose trace fields are believed
    authserv_ids: tuple[Domain, ...]
    sealers: tuple[Domain, ...]


class LmtpSettings(Section):
    """[lmtp]: where mail comes in from a mail server that delivers by LMTP."""

    listen: tuple[LmtpAddress, ...]


class DatabaseSettings(Section):
    """[database]: where everything is kept."""

    url: DatabaseUrl


class BlobSettings(Section):
    """[blobs]: where the octets of mails live after filing."""

    url: Annotated[str, AfterValidator(_blobs_url)]
    encrypt: bool  # what leaves the database, each mail with a key of its own
    key: SecretStr  # wraps these keys; empty: kept in {data_dir}/octets.key, made at first use


class RetentionSettings(Section):
    """[retention]: how long what is kept."""

    productive_days: Annotated[int, Field(ge=1, le=36500)]
    test_days: Annotated[int, Field(ge=1, le=36500)]
    tombstone_days: Annotated[int, Field(ge=0, le=36500)]
    time_zone: Annotated[str, AfterValidator(_time_zone)]
    clock_jump_days: Annotated[int, Field(ge=1, le=3650)]
    warn_days: Annotated[int, Field(ge=0, le=3650)]


class RegistrationSettings(Section):
    """[registration]: what a registration link looks like and how long it lives."""

    base_url: BaseUrl
    link_days: Annotated[int, Field(ge=1, le=3650)]
    link_key: SecretStr  # empty: kept in {data_dir}/link.key, made at first use


class OutboundSettings(Section):
    """[outbound]: mails that we send, and the mail server that takes them."""

    smarthost: Annotated[str, AfterValidator(_optional_listen_address)]  # empty: nothing is sent
    mail_from: Annotated[str, AfterValidator(_optional_mail_address)]
    sender_name: Annotated[str, AfterValidator(_one_line)]
    mode: Literal["none", "link", "link-and-attachment"]
    language: Literal["de", "en"]  # for recipients that have chosen none
    tls: Literal["when-offered", "required", "implicit", "off"]
    user: str
    password: SecretStr
    templates: Path | None  # a folder of templates that go before ours
    max_attachment_bytes: Annotated[int, Field(ge=0, le=100 * 1024**2)]
    max_per_recipient: Annotated[int, Field(ge=1, le=100_000)]  # an hour
    retry_days: Annotated[int, Field(ge=1, le=30)]


class PortalSettings(Section):
    """[portal]: where the pages are served."""

    listen: ListenAddress


class WebhookSettings(Section):
    """[webhooks]: programs of companies that are called over HTTP."""

    allowed_networks: tuple[Network, ...]  # beside the public internet

    @property
    def networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """The same as networks."""
        return tuple(ipaddress.ip_network(one) for one in self.allowed_networks)


class ValidationSettings(Section):
    """[validation]: whether invoices are held against the official rules, and against which."""

    mode: Literal["auto", "off"]
    rules: Path | None  # a folder with further versions


class MetricsSettings(Section):
    """[metrics]: where Prometheus asks what has been counted."""

    listen: Annotated[str, AfterValidator(_optional_listen_address)]


class TracingSettings(Section):
    """[tracing]: who is told how long each step of a mail took."""

    collector: Annotated[str, AfterValidator(_collector)]  # empty: nobody
    ratio: Annotated[float, Field(ge=0, le=1)]


class LogSettings(Section):
    """[log]: how the programs tell what they do."""

    format: Literal["json", "console"]
    level: Literal["debug", "info", "warning", "error"]


class Settings(Section):
    """Everything that can be set; the defaults are in defaults.toml."""

    data_dir: Path
    smtp: SmtpSettings
    authentication: AuthenticationSettings
    lmtp: LmtpSettings
    database: DatabaseSettings
    blobs: BlobSettings
    retention: RetentionSettings
    registration: RegistrationSettings
    outbound: OutboundSettings
    portal: PortalSettings
    webhooks: WebhookSettings
    validation: ValidationSettings
    metrics: MetricsSettings
    tracing: TracingSettings
    log: LogSettings
