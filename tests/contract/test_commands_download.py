"""`invoices download` from outside: the very octets, and no file overwritten."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cli import invoice
from tests.commands import Commands
from tests.filed_mails import file_invoice


def test_the_original_mail_is_downloaded_octet_for_octet(commands: Commands, tmp_path: Path) -> None:
    """Below the Received field that we put on top; once more under the invoice's name."""
    filed = file_invoice(commands.url)
    octets = b"Received: from relay.example\r\n" + filed.octets
    target = tmp_path / "mail.eml"

    answer = commands.one("download", filed.mail_id, "--original", "-o", str(target))
    commands.one("download", filed.invoice_id, "--original", "-o", str(tmp_path))

    assert target.read_bytes() == octets
    assert (tmp_path / f"{filed.mail_id}.eml").read_bytes() == octets
    assert answer == {
        "path": str(target),
        "name": f"{filed.mail_id}.eml",
        "size": len(octets),
        "sha256": hashlib.sha256(octets).hexdigest(),
    }
    assert [event["event"] for event in commands.lines("history", filed.invoice_id)][-1] == "downloaded"


def test_an_original_goes_to_standard_output_with_nothing_else(on_sqlite: Commands) -> None:
    """So that it can be piped; also with --json."""
    filed = file_invoice(on_sqlite.url)

    done = on_sqlite.call("download", filed.mail_id, "--original", "-o", "-", "--json")

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout_bytes == b"Received: from relay.example\r\n" + filed.octets


def test_a_download_overwrites_no_file_unasked(on_sqlite: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender chooses the name of a document."""
    filed = file_invoice(on_sqlite.url)
    folder = Path(on_sqlite.environment["INVOICES_DATA_DIR"]).parent
    monkeypatch.chdir(folder)
    on_sqlite.one("download", filed.mail_id, "--original")

    said = on_sqlite.refused("download", filed.mail_id, "--original")

    assert said == f"Error: {filed.mail_id}.eml exists already; name another file with -o\n"


def test_a_download_into_a_folder_overwrites_no_file_either(on_sqlite: Commands, tmp_path: Path) -> None:
    """Two invoices may both be called invoice.xml; the second one once replaced the first without a word."""
    filed = file_invoice(on_sqlite.url)
    kept = tmp_path / f"{filed.mail_id}.eml"
    kept.write_text("another file")

    said = on_sqlite.refused("download", filed.mail_id, "--original", "-o", str(tmp_path))

    assert said == f"Error: {kept} exists already; name another file with -o\n"
    assert kept.read_text() == "another file"


def test_a_download_into_a_pipe_leaves_the_pipe(on_sqlite: Commands, tmp_path: Path) -> None:
    """Root gave it with -o /dev/null once, and the machine had a file in the place of its device."""
    filed, pipe = file_invoice(on_sqlite.url), tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        read = pool.submit(pipe.read_bytes)

        on_sqlite.one("download", filed.mail_id, "--original", "-o", str(pipe))

    assert read.result().endswith(filed.octets)
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("ä" * 200 + ".xml", "ä" * 125 + ".xml"),
        ("ä" * 200, "ä" * 127),
        ("a." + "ä" * 200, "a." + "ä" * 126),
        ("invoice.xml", "invoice.xml"),
    ],
)
def test_a_name_that_no_file_can_have_is_cut(name: str, written: str) -> None:
    """File systems take 255 octets, mail clients send longer names; the ending stays, whole signs only."""
    assert invoice._fitting(name) == written
