"""Settings come from defaults, one file and the environment; every wrong key is named at once."""

from __future__ import annotations

import multiprocessing
import stat
from pathlib import Path

import pytest

from config.link_key import link_key
from config.load import WrongSettings, load
from config.settings import Settings


def _file(folder: Path, text: str) -> Path:
    path = folder / "invoices.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _problems(path: Path | None = None, environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(WrongSettings) as caught:
        load(path, environment or {})
    return caught.value.problems


def test_the_defaults_are_what_the_contract_says() -> None:
    """A mailbox without any settings takes mail of this machine into an SQLite database in var/."""
    settings = load(environment={})

    assert settings.data_dir == Path("var")
    assert settings.smtp.listen == ("127.0.0.1:8025",)
    assert settings.smtp.max_message_bytes == 36700160
    assert settings.smtp.relays == ("127.0.0.0/8",)
    assert settings.smtp.unknown_recipients == "invite"
    assert settings.smtp.tls_certificate is None
    assert settings.database.url.get_secret_value() == "sqlite:///var/invoices.db"
    assert settings.retention.model_dump() == {
        "productive_days": 90,
        "test_days": 30,
        "tombstone_days": 365,
        "time_zone": "UTC",
        "clock_jump_days": 7,
        "warn_days": 14,
    }
    assert settings.registration.link_days == 30


def test_the_environment_goes_before_the_file_and_the_file_before_the_defaults(tmp_path: Path) -> None:
    """Key by key: what a file does not say stays as it is by default."""
    path = _file(tmp_path, "[retention]\nproductive_days = 60\ntest_days = 20\n")

    settings = load(path, {"INVOICES_RETENTION__TEST_DAYS": "10"})

    assert settings.retention.model_dump() == {
        "productive_days": 60,
        "test_days": 10,
        "tombstone_days": 365,
        "time_zone": "UTC",
        "clock_jump_days": 7,
        "warn_days": 14,
    }


def test_the_file_may_be_named_by_the_environment(tmp_path: Path) -> None:
    """A file named by hand goes before it."""
    (tmp_path / "other").mkdir()
    named = _file(tmp_path, "[log]\nlevel = 'debug'\n")
    by_hand = _file(tmp_path / "other", "[log]\nlevel = 'error'\n")
    environment = {"INVOICES_CONFIG": str(named)}

    levels = (load(None, environment).log.level, load(by_hand, environment).log.level)

    assert levels == ("debug", "error")


@pytest.mark.parametrize("text", ["a.example, B.example.", '["a.example", "b.example"]'])
def test_a_list_in_the_environment_is_json_or_separated_by_commas(text: str) -> None:
    """Domains lose their case and the dot of the root."""
    settings = load(None, {"INVOICES_SMTP__ACCEPTED_DOMAINS": text})

    assert settings.smtp.accepted_domains == ("a.example", "b.example")


def test_an_empty_list_in_the_environment_is_an_empty_list() -> None:
    """So that a default with one item can be taken back."""
    assert load(None, {"INVOICES_SMTP__RELAYS": ""}).smtp.relays == ()


def test_the_database_follows_the_data_folder(tmp_path: Path) -> None:
    """{data_dir} is filled in last, wherever the folder was set."""
    path = _file(tmp_path, 'data_dir = "/srv/a"\n')

    settings = load(path, {"INVOICES_DATA_DIR": "/srv/b"})

    assert settings.data_dir == Path("/srv/b")
    assert settings.database.url.get_secret_value() == "sqlite:////srv/b/invoices.db"


def test_every_wrong_key_is_named_at_once_with_where_it_was_set_and_what_was_expected(tmp_path: Path) -> None:
    """An operator corrects a file once, not ten times."""
    path = _file(
        tmp_path,
        """
        shelf = 1
        [smtp]
        listen = ["127.0.0.1"]
        relays = ["10.0.0.0/99"]
        unknown_recipients = "maybe"
        greeting = "hello"
        [retention]
        test_days = 0
        [outbound]
        mode = "loud"
        """,
    )
    environment = {
        "INVOICES_SMTP__MAX_MESSAGE_BYTES": "many",
        "INVOICES_SMTP__MAX_MESAGE_BYTES": "1",
        "INVOICES_METRICS__LISTEN": "9090",
    }

    problems = _problems(path, environment)

    assert sorted(problems) == sorted(
        [
            f"{path}: shelf: there is no such setting",
            f'{path}: smtp.listen.0: expected "HOST:PORT", an IPv6 host in brackets',
            f'{path}: smtp.relays.0: expected an IP address or network such as "10.0.0.0/8"',
            f"{path}: smtp.unknown_recipients: expected 'invite' or 'reject'",
            f"{path}: smtp.greeting: there is no such setting",
            f"{path}: retention.test_days: expected greater than or equal to 1",
            f"{path}: outbound.mode: expected 'none', 'link' or 'link-and-attachment'",
            (
                "INVOICES_SMTP__MAX_MESSAGE_BYTES: smtp.max_message_bytes: expected a valid integer, "
                "unable to parse string as an integer"
            ),
            "INVOICES_SMTP__MAX_MESAGE_BYTES: there is no setting smtp.max_mesage_bytes",
            'INVOICES_METRICS__LISTEN: metrics.listen: expected "HOST:PORT", an IPv6 host in brackets',
        ]
    )


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ('[smtp]\nlisten = "127.0.0.1:25"', "smtp.listen: expected a list"),
        ('[lmtp]\nlisten = ["lmtp.sock"]', 'lmtp.listen.0: expected "unix:/PATH" or "HOST:PORT"'),
        (
            '[blobs]\nurl = "ftp://b/p"',
            'blobs.url: expected "database:", "file:///FOLDER" or "s3://BUCKET/PREFIX"',
        ),
        (
            '[smtp]\nhostname = "mail box"',
            'smtp.hostname: expected a name such as "mailbox.example.com", in ASCII',
        ),
        (
            '[database]\nurl = "postgresql+psycopg://db/invoices?conect_timeout=3"',
            (
                'database.url: expected "sqlite:///FILE" or "postgresql+psycopg://USER@HOST/NAME", behind ? what libpq '
                'knows: invalid connection option "conect_timeout"'
            ),
        ),
        (
            '[database]\nurl = "postgresql+psycopg://db:port/invoices"',
            'database.url: expected "sqlite:///FILE" or "postgresql+psycopg://USER@HOST/NAME"',
        ),
    ],
)
def test_what_cannot_work_is_refused_with_a_sentence(tmp_path: Path, setting: str, sentence: str) -> None:
    """Nobody believes for months that a setting does something."""
    path = _file(tmp_path, setting)

    assert _problems(path) == [f"{path}: {sentence}"]


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        (
            '[smtp]\nlisten_tls = ["0.0.0.0:465"]',
            "smtp.listen_tls: expected smtp.tls_certificate to be set too",
        ),
        (
            '[smtp]\nusers = "users"',
            "smtp.users: expected smtp.tls_certificate to be set too, for AUTH is offered under TLS only",
        ),
    ],
)
def test_tls_needs_a_certificate(tmp_path: Path, setting: str, sentence: str) -> None:
    """What works under TLS only is not accepted without it."""
    assert _problems(_file(tmp_path, setting)) == [sentence]


@pytest.mark.parametrize("setting", ["require_tls = true", 'tls_key = "key.pem"'])
def test_tls_without_a_certificate_is_a_contradiction(tmp_path: Path, setting: str) -> None:
    """Each value is sound by itself."""
    [problem] = _problems(_file(tmp_path, f"[smtp]\n{setting}\n"))

    assert problem == f"smtp.{setting.split(maxsplit=1)[0]}: expected smtp.tls_certificate to be set too"


@pytest.mark.parametrize(
    ("text", "said"), [("[smtp\n", "is not TOML"), ("a = '\xff'", "is not TOML"), (None, "cannot be read")]
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, text: str | None, said: str) -> None:
    """Also one that is not UTF-8, and one that is not there."""
    path = tmp_path / "invoices.toml"
    if text is not None:
        path.write_text(text, encoding="latin-1")

    [problem] = _problems(path)

    assert problem.startswith(f"{path}: {said}")


def test_a_secret_may_be_a_file_named_in_the_environment(tmp_path: Path) -> None:
    """A line end at its end does not belong to it."""
    secret = tmp_path / "url"
    secret.write_text("postgresql+psycopg://u:geheim@db/invoices\n", encoding="utf-8")

    settings = load(None, {"INVOICES_DATABASE__URL_FILE": str(secret)})

    assert settings.database.url.get_secret_value() == "postgresql+psycopg://u:geheim@db/invoices"


@pytest.mark.parametrize("name", ["registration.link_key", "credentials_registration.link_key"])
def test_a_secret_may_be_a_credential_of_systemd(tmp_path: Path, name: str) -> None:
    """Named section.key, by itself or in a folder `credentials`; it goes before the settings file."""
    (tmp_path / name).write_text("s3cret\n", encoding="utf-8")
    path = _file(tmp_path, '[registration]\nlink_key = "other"\n')

    settings = load(path, {"CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert settings.registration.link_key.get_secret_value() == "s3cret"


def test_a_secret_whose_file_is_missing_is_named(tmp_path: Path) -> None:
    """Instead of a start with the default database."""
    [problem] = _problems(None, {"INVOICES_DATABASE__URL_FILE": str(tmp_path / "nowhere")})

    assert problem.startswith(f"{tmp_path / 'nowhere'}: the secret cannot be read")


def test_only_secrets_may_be_files() -> None:
    """Any other key with _FILE is a key that does not exist."""
    [problem] = _problems(None, {"INVOICES_LOG__LEVEL_FILE": "/dev/null"})

    assert problem == "INVOICES_LOG__LEVEL_FILE: there is no setting log.level_file"


def test_a_wrong_secret_is_not_repeated_in_what_is_said_about_it() -> None:
    """The sentence goes to a terminal and to the journal."""
    [problem] = _problems(None, {"INVOICES_DATABASE__URL": "mysql://u:geheim@db/invoices"})

    assert problem.startswith("INVOICES_DATABASE__URL: database.url: expected")
    assert "geheim" not in problem


def test_settings_that_are_printed_show_no_secret() -> None:
    """Pydantic prints stars."""
    settings = load(None, {"INVOICES_REGISTRATION__LINK_KEY": "geheim"})

    assert "geheim" not in repr(settings)


def _with_folder(folder: Path, **environment: str) -> Settings:
    return load(None, {"INVOICES_DATA_DIR": str(folder), **environment})


def test_the_link_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    """The folder is made too."""
    settings = _with_folder(tmp_path / "new")

    keys = [link_key(settings), link_key(settings)]

    file = tmp_path / "new/link.key"
    assert keys[0] == keys[1]
    assert len(keys[0]) == 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == ["link.key"]


def test_two_folders_have_two_link_keys(tmp_path: Path) -> None:
    """They are random."""
    assert link_key(_with_folder(tmp_path / "a")) != link_key(_with_folder(tmp_path / "b"))


def test_a_link_key_that_is_set_is_taken_and_no_file_is_made(tmp_path: Path) -> None:
    """Several machines on one database share it so."""
    settings = _with_folder(tmp_path / "new", INVOICES_REGISTRATION__LINK_KEY="set by hand " * 3)

    assert link_key(settings) == b"set by hand " * 3
    assert not (tmp_path / "new").exists()


def _key_of(folder: Path) -> bytes:
    return link_key(_with_folder(folder))


def test_programs_that_start_at_once_have_the_same_link_key(tmp_path: Path) -> None:
    """The daemon and a command meet on an empty folder; a link made by one is known to the other."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        keys = pool.map(_key_of, [tmp_path / "new"] * 8, chunksize=1)

    assert len(set(keys)) == 1
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["link.key"]


def test_a_misspelt_variable_is_named() -> None:
    """INVOICES_DATADIR would otherwise leave the database in another folder than meant."""
    with pytest.raises(WrongSettings) as caught:
        load(None, {"INVOICES_DATADIR": "x"})

    assert caught.value.problems == [
        "INVOICES_DATADIR: there is no such setting; expected INVOICES_<SECTION>__<KEY>"
    ]


@pytest.mark.parametrize("content", ["", "not hexadecimal\n", "00ff\n"])
def test_a_damaged_link_key_is_refused(tmp_path: Path, content: str) -> None:
    """An empty file once gave an empty key, and with it tokens that follow from what is in the database."""
    settings = load(None, {"INVOICES_DATA_DIR": str(tmp_path)})
    (tmp_path / "link.key").write_text(content)

    with pytest.raises(ValueError, match=r"link\.key is damaged: 64 hexadecimal digits are expected"):
        link_key(settings)


def test_a_short_link_key_is_refused() -> None:
    """It could be guessed, and with it every token."""
    settings = load(None, {"INVOICES_REGISTRATION__LINK_KEY": "secret"})

    with pytest.raises(ValueError, match="at least 32 characters"):
        link_key(settings)


def test_mails_need_a_smarthost_and_an_address_they_come_from(tmp_path: Path) -> None:
    """Each thing that is missing is named; a password is never sent where it can be overheard."""
    path = _file(
        tmp_path,
        """
        [outbound]
        mode = "link"
        user = "mailbox"
        tls = "off"
        """,
    )

    assert _problems(path, {}) == [
        'outbound.mode: expected outbound.smarthost to be set too, for "link"',
        'outbound.tls: expected another value than "off", for the password must not be overheard',
    ]
    assert _problems(None, {"INVOICES_OUTBOUND__SMARTHOST": "mail.example.com:25"}) == [
        "outbound.smarthost: expected outbound.mail_from to be set too"
    ]
    assert _problems(None, {"INVOICES_OUTBOUND__SENDER_NAME": "a\nb"}) == [
        "INVOICES_OUTBOUND__SENDER_NAME: outbound.sender_name: expected a name on one line"
    ]
