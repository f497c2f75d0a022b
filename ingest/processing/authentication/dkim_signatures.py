"""DKIM and ARC: which domains signed a mail (RFC 6376, 8617), by dkimpy, with what it lets pass held against it."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Any

import dkim

from ingest.processing.authentication.header_fields import HeaderFields
from ingest.processing.authentication.lookups import Lookups, LookupTrouble
from storage.records.senders import AuthenticationResult

MOST_SIGNATURES = 5
MOST_ARC_SETS = 10
SHORTEST_KEY_BITS = 1024  # RFC 8301 3.2

_SILENT = logging.getLogger("dkim.silent")
_SILENT.disabled = True  # what strangers write is nothing for our log
_TAG = re.compile(r"(?:^|;)\s*([a-z]+)\s*=\s*([^;]*)")


class _Keys:
    """Looks up keys for dkimpy, and remembers what went wrong, which dkimpy only logs."""

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups
        self.trouble: str | None = None
        self.fault: str | None = None  # why there is no key to check with

    def __call__(self, name: bytes | str, timeout: float = 0) -> bytes | None:  # noqa: ARG002  -- dkimpy's
        written = name.decode("ascii", "replace") if isinstance(name, bytes) else name
        try:
            records = self._lookups.texts(written)
        except LookupTrouble as error:
            self.trouble = str(error)
            raise dkim.DnsTimeoutError(str(error)) from error
        record = next((one for one in records if b"p=" in one), None)
        self.fault = _fault_of_key(written, record)
        return record


def _fault_of_key(name: str, record: bytes | None) -> str | None:
    if record is None:
        return "there is no key"
    try:
        dkim.evaluate_pk(name, record)
    except Exception:  # it promises nothing about what it raises
        return "the key is unusable"
    return None


@dataclass(frozen=True, slots=True)
class ArcChain:
    """What an ARC chain says: its result, who sealed it last, and that sealer's authentication results."""

    result: AuthenticationResult
    sealer: str | None = None
    told: str = ""  # ARC-Authentication-Results of the last set, without its instance


def check_dkim(lookups: Lookups, octets: bytes, fields: HeaderFields) -> list[AuthenticationResult]:
    """A result for each of the first signatures, topmost first."""
    written = fields.all("dkim-signature")[:MOST_SIGNATURES]
    if not written:
        return []
    try:
        verifier = dkim.DKIM(octets, logger=_SILENT, minkey=SHORTEST_KEY_BITS)
    except Exception:
        return [_result(one, "permerror", "the header is malformed") for one in written]
    return [_check_one(lookups, verifier, index, one, fields) for index, one in enumerate(written)]


def _check_one(
    lookups: Lookups, verifier: dkim.DKIM, index: int, written: str, fields: HeaderFields
) -> AuthenticationResult:
    keys = _Keys(lookups)
    try:
        valid = verifier.verify(idx=index, dnsfunc=keys)
    except dkim.KeyFormatError as error:
        short = "too small" in str(error)
        return _result(
            written, "policy" if short else "permerror", f"the key is {'too short' if short else 'unusable'}"
        )
    except dkim.ValidationError as error:
        expired = "x= value is past" in str(error)
        mismatch = "body hash" in str(error)
        detail = "it has expired" if expired else "the content was changed" if mismatch else "it is malformed"
        return _result(written, "fail" if expired or mismatch else "permerror", detail)
    except Exception:  # it parses what strangers wrote
        return _result(written, "permerror", "it is malformed")
    if keys.trouble is not None:
        return _result(written, "temperror", keys.trouble)
    if not valid and keys.fault is not None:
        return _result(written, "permerror", keys.fault)
    if not valid:
        return _result(written, "fail", "the signature does not fit the mail")
    objection = _objection(written, fields)
    return _result(written, "policy", objection) if objection else _result(written, "pass", "")


def _objection(written: str, fields: HeaderFields) -> str | None:
    """Why a signature that is valid proves nothing about the mail as people see it."""
    tags = _tags(written)
    if "l" in tags:
        return "it covers only the beginning of the content (l=)"
    if tags.get("a", "").endswith("sha1"):
        return "it is made with SHA-1"
    repeated = fields.repeated()
    if repeated:
        return f"the mail has more than one {repeated[0].title()} field"
    return None


def check_arc(lookups: Lookups, octets: bytes, fields: HeaderFields) -> ArcChain | None:
    """The chain of seals, None when there is none."""
    seals = fields.count("arc-seal")
    if not seals:
        return None
    if seals > MOST_ARC_SETS:
        return ArcChain(_arc("policy", None, "the chain is too long"))
    keys = _Keys(lookups)
    try:
        result, sets, _ = dkim.arc_verify(octets, logger=_SILENT, dnsfunc=keys, minkey=SHORTEST_KEY_BITS)
    except Exception:  # it parses what strangers wrote
        return ArcChain(_arc("fail", None, "the chain is malformed"))
    if keys.trouble is not None:
        return ArcChain(_arc("temperror", None, keys.trouble))
    newest: dict[str, Any] = sets[0] if sets else {}
    sealer = newest.get("as-domain", b"").decode("ascii", "replace").lower() or None
    if result != dkim.CV_Pass:
        return ArcChain(_arc("fail", sealer, "the chain does not hold"), sealer)
    told = newest.get("aar-value", b"").decode("utf-8", "replace")
    return ArcChain(_arc("pass", sealer, ""), sealer, " ".join(told.partition(";")[2].split()))


def _arc(result: str, sealer: str | None, detail: str) -> AuthenticationResult:
    return AuthenticationResult(method="arc", result=result, domain=sealer, detail=detail)


def _result(written: str, result: str, detail: str) -> AuthenticationResult:
    tags = _tags(written)
    domain = tags.get("d", "").lower()[:255] or None
    return AuthenticationResult(
        method="dkim", result=result, domain=domain, detail=detail, selector=tags.get("s", "")[:255] or None
    )


def _tags(written: str) -> dict[str, str]:
    return {match[1]: "".join(match[2].split()) for match in _TAG.finditer(written)}
