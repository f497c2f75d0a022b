"""A real S3-compatible server (SeaweedFS) for the tests, on loopback, in a temporary folder."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

KEY, SECRET, BUCKET = "test-key", "test-secret", "mails"
_PATIENCE_SECONDS = 60.0


@contextmanager
def object_store() -> Iterator[dict[str, str]]:
    """The environment in which an S3 client finds the server; its bucket is BUCKET."""
    with running_object_store() as (environment, _):
        yield environment


@contextmanager
def running_object_store(
    *, volumes: int = 8, volume_megabytes: int = 64
) -> Iterator[tuple[dict[str, str], subprocess.Popen[bytes]]]:
    """The same with its process, which may be paused, and with room for more."""
    program = Path(sys.executable).with_name("weed")
    ports = [free_port() for _ in range(4)]
    master, volume, filer, s3 = ports
    with tempfile.TemporaryDirectory(prefix="object-store-") as name:
        folder = Path(name)
        credentials = [{"accessKey": KEY, "secretKey": SECRET}]
        identity = {
            "name": "tests",
            "credentials": credentials,
            "actions": ["Admin", "Read", "Write", "List"],
        }
        config = folder / "s3.json"
        config.write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
        command = [str(program), "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3"]
        command += [
            f"-master.port={master}",
            f"-volume.port={volume}",
            f"-filer.port={filer}",
            f"-s3.port={s3}",
        ]
        command += [*(f"-{part}.port.grpc={free_port()}" for part in ("master", "volume", "filer", "s3"))]
        command += [f"-s3.config={config}", f"-master.volumeSizeLimitMB={volume_megabytes}"]
        command += [f"-volume.max={volumes}"]
        command += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            _make_bucket(server, filer, s3, folder / "log")
            environment = {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3}",
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": KEY,
                "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "false",
            }
            yield environment, server
        finally:
            server.kill()  # it does not listen to SIGTERM
            server.wait()
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(exist_ok=True)


def _make_bucket(server: subprocess.Popen[bytes], filer: int, s3: int, log: Path) -> None:
    """Waits until the server keeps files and speaks S3; a bucket is a folder to it."""
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while not (_answers(filer, "POST", f"/buckets/{BUCKET}/") and _answers(s3, "GET", "/")):
        if server.poll() is not None or time.monotonic() > give_up_at:
            raise RuntimeError(log.read_text(encoding="utf-8", errors="replace")[-2000:])
        time.sleep(0.1)


def _answers(port: int, method: str, path: str) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        try:
            connection.request(method, path)
            return connection.getresponse().status < http.HTTPStatus.INTERNAL_SERVER_ERROR
        except (OSError, http.client.HTTPException):
            return False


def free_port() -> int:
    """A port that nobody has just now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
