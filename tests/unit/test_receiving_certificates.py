"""A renewed certificate is taken up; a broken one is told and does no harm."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ingest.receiving import watched_file
from ingest.receiving.certificates import Certificates
from tests.certificates import self_signed


def _pair(folder: Path) -> None:
    """A certificate and its key, in two files."""
    pem = self_signed(until=datetime.now(UTC) + timedelta(days=1))
    start = pem.index(b"-----BEGIN CERTIFICATE")
    (folder / "key.pem").write_bytes(pem[:start])
    (folder / "certificate.pem").write_bytes(pem[start:])


class _Told:
    def __init__(self) -> None:
        self.reloaded: list[Path] = []
        self.broken: list[str] = []

    def certificates(self, certificate: Path, key: Path | None) -> Certificates:
        return Certificates(
            certificate,
            key,
            on_reloaded=self.reloaded.append,
            on_broken=lambda _, error: self.broken.append(str(error)),
        )


@pytest.fixture(autouse=True)
def _look_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched_file, "LOOK_EVERY_SECONDS", 0.0)


def test_a_renewed_certificate_is_in_use_at_the_next_handshake(tmp_path: Path) -> None:
    """As certbot renews it: a link is turned to new files."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        _pair(tmp_path / name)
    live = tmp_path / "live"
    live.symlink_to("first")
    told = _Told()
    certificates = told.certificates(live / "certificate.pem", live / "key.pem")
    before = certificates.context()
    again = certificates.context()

    turned = tmp_path / "turned"
    turned.symlink_to("second")
    turned.rename(live)

    assert again is before
    assert certificates.context() is not before
    assert told.reloaded == [live / "certificate.pem"]


def test_a_broken_renewal_is_told_once_and_the_old_one_stays(tmp_path: Path) -> None:
    """Also one whose key has not been renewed yet: the second file may come a moment later."""
    _pair(tmp_path)
    told = _Told()
    certificates = told.certificates(tmp_path / "certificate.pem", tmp_path / "key.pem")
    before = certificates.context()
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    right = (tmp_path / "key.pem").read_bytes()

    (tmp_path / "key.pem").write_bytes(key)
    during = [certificates.context() for _ in range(3)]
    (tmp_path / "new.pem").write_bytes(right)
    (tmp_path / "new.pem").replace(tmp_path / "key.pem")

    assert during == [before] * 3
    assert told.broken == [
        f"{tmp_path}/certificate.pem with {tmp_path}/key.pem: the key does not belong to the certificate"
    ]
    assert certificates.context() is not before


def test_what_cannot_be_used_is_said_at_the_start(tmp_path: Path) -> None:
    """Which file, and what is wrong with it; a passphrase is not asked for on a terminal that nobody watches."""
    _pair(tmp_path)
    encrypted = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (tmp_path / "encrypted.pem").write_bytes(encrypted)
    (tmp_path / "text.pem").write_text("no certificate")
    certificate = tmp_path / "certificate.pem"

    with pytest.raises(OSError, match="No such file"):
        _Told().certificates(tmp_path / "none.pem", None)
    with pytest.raises(OSError, match="no certificate and key in PEM form"):
        _Told().certificates(tmp_path / "text.pem", None)
    with pytest.raises(OSError, match="the key has a passphrase; store it without one"):
        _Told().certificates(certificate, tmp_path / "encrypted.pem")


def test_old_versions_of_tls_are_refused(tmp_path: Path) -> None:
    """RFC 8996."""
    _pair(tmp_path)

    context = _Told().certificates(tmp_path / "certificate.pem", tmp_path / "key.pem").context()

    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
