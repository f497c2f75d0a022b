"""Checks of what is kept: the folder and its disk, the database, the key of the links, the clock, the readers."""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from cli.front import utc_now
from config.link_key import link_key
from config.octet_key import octet_key
from config.settings import Settings
from reading.sandbox import ReaderPool, ReadingFailed
from storage.blobs.place import open_place
from storage.errors import StorageUnavailable
from storage.ids import new_id
from storage.schema import wrong_version
from storage.store import Store
from validation.rule_sets import installed_rules, is_installed

LEAST_FREE_OCTETS = 1024**3
LEAST_FREE_FILES = 1000
MOST_SKEW = timedelta(seconds=5)
WRITTEN_IN = datetime(2026, 11, 1, tzinfo=utc_now().tzinfo)  # no clock that goes is before this code
_OTHERS = 0o077
_READ_SECONDS = 20
_MAIL = b"Subject: a mail of check-config\r\n\r\nNothing is in it.\r\n"


def check_data_dir(settings: Settings) -> str:
    """A file is written, read and deleted where everything will lie."""
    folder = _nearest(settings.data_dir)
    if not folder.is_dir():
        raise OSError(f"{folder} is no folder; name another in data_dir")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(f"{folder} cannot be written by this user; change its owner, or data_dir")
    if folder != settings.data_dir:
        return f"{settings.data_dir} is made at the first start"
    with tempfile.TemporaryFile(dir=folder) as trial:
        trial.write(_MAIL)
        trial.flush()
        os.fsync(trial.fileno())
        trial.seek(0)
        if trial.read() != _MAIL:
            raise OSError(f"{folder} gives back something else than was written: look at the disk")
    return f"{settings.data_dir} can be written"


def check_disk(settings: Settings) -> str:
    """Room for mail: below a GiB it is time to make some."""
    folder = _nearest(settings.data_dir)
    usage, places = shutil.disk_usage(folder), os.statvfs(folder)
    least = max(LEAST_FREE_OCTETS, 8 * settings.smtp.max_message_bytes)
    free = f"{gibibytes(usage.free)} of {gibibytes(usage.total)} are free for {settings.data_dir}"
    if usage.free < least:
        raise OSError(f"only {free}: make room, or senders will be told 451 and keep their mail")
    if places.f_files and places.f_favail < LEAST_FREE_FILES:
        raise OSError(
            f"only {places.f_favail} more files fit on the disk of {settings.data_dir}: remove some"
        )
    return free


def check_database(settings: Settings) -> str:
    """It answers, can be written, and has the schema that this version needs."""
    url = settings.database.url.get_secret_value()
    try:
        (before, needed), found = Store.schema(url), Store.probe(url)
    except StorageUnavailable as error:
        raise StorageUnavailable(f"{error}; start it, free its disk, or mend database.url") from error
    if found is None:
        return "is made at the first start"
    if found.obstacle:
        raise ValueError(f"{found.server} answers, but {found.obstacle}")
    if before is None:
        return f"{found.server} answers; it is empty, its schema is made at the first start"
    if before != needed:
        raise ValueError(wrong_version(before))
    remark = f"; but {found.remark}" if found.remark else ""
    return f"{found.server} answers, schema {before}{remark}"


def check_blobs(settings: Settings) -> str:
    """An object is written, read and deleted where the octets of mails will live."""
    place = open_place(settings.blobs.url)
    if place is None:
        return "the octets of mails live in the database"
    _check_octet_key(settings)
    key = f"check-config-{new_id()}"[-36:]
    try:
        place.put(key, _MAIL)
        read = place.get(key)
        place.delete([key])
    except StorageUnavailable as error:
        raise StorageUnavailable(
            f"{error}; is it there, and may this user write to it? Octets stay in the database meanwhile"
        ) from error
    if read != _MAIL:
        raise OSError(f"{place.url} gives back something else than was written")
    return f"{place.url} takes, gives and deletes"


def _check_octet_key(settings: Settings) -> None:
    """Whoever reads it can read what is encrypted there. A file that is not there is made at the first start."""
    file = settings.data_dir / "octets.key"
    if settings.blobs.key.get_secret_value() or file.exists():
        octet_key(settings)
    if file.exists() and file.stat().st_mode & _OTHERS:
        raise ValueError(f"{file} can be read by others: give `chmod 600 {file}`")


def check_link_key(settings: Settings) -> str:
    """Whoever reads it can make registration links."""
    if settings.registration.link_key.get_secret_value():
        link_key(settings)
        return "is set"
    file = settings.data_dir / "link.key"
    if not file.exists():
        return f"{file} is made at the first start"
    link_key(settings)
    if file.stat().st_mode & _OTHERS:
        raise ValueError(f"{file} can be read by others: give `chmod 600 {file}`")
    return f"{file} can be read"


def check_clock(settings: Settings) -> str:
    """Expiry, links and certificates go by it; it must not be years off, nor differ from the database's."""
    now = utc_now()
    if now < WRITTEN_IN:
        raise ValueError(f"the clock says {now:%Y-%m-%d}, which is over: set it, for instance with chrony")
    said = f"it is {now:%Y-%m-%dT%H:%M:%SZ}"
    try:
        found = Store.probe(settings.database.url.get_secret_value())
    except StorageUnavailable:  # which has a line of its own
        return f"{said}; the database's clock cannot be asked"
    if found is None or found.clock is None:
        return said
    skew = abs(utc_now() - found.clock)
    if skew > MOST_SKEW:
        raise ValueError(
            f"{said} here, and {skew.total_seconds():.0f} s apart from the database's clock: "
            "have both machines ask the same time servers"
        )
    return f"{said}, as the database's clock says"


def check_reading(_: Settings) -> str:
    """A reader process starts, gives up what it must not do, and reads a mail."""
    with ReaderPool(1) as pool:
        failed = pool.start("trial", _MAIL)
        read = failed or next((result for _, result in pool.finished(_READ_SECONDS)), None)
    if read is None or isinstance(read, ReadingFailed):
        reason = read.reason if read else f"no answer within {_READ_SECONDS} s"
        raise ValueError(
            f"a mail cannot be read here: {reason}; what the reader said stands above or in the log"
        )
    return "a reader process has read a mail"


def check_validation(settings: Settings) -> str:
    """The rules that invoices are held against, each with its version. Raises WrongCatalogue."""
    if settings.validation.mode == "off":
        return "off: invoices are not validated"
    if not is_installed():
        return "invoices are not validated: the packages of requirements-validation.lock are not installed"
    rules = {one.rule_set.id for one in installed_rules(settings.validation.rules)}
    return f"{len(rules)} sets of rules: {', '.join(sorted(rules))}"


def gibibytes(octets: int) -> str:
    """For people."""
    return f"{octets / 1024**3:.1f} GiB"


def _nearest(folder: Path) -> Path:
    """The folder, or what of it is there."""
    while not folder.exists():
        folder = folder.parent
    return folder
