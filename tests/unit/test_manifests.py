"""What lies in deploy/ for containers names settings, commands, parts, secrets and ports that really exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.main import main
from cli.operations import PARTS
from config.load import load
from config.settings import Settings, host_and_port

DEPLOY = Path(__file__).parents[2] / "deploy"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
VERSIONS = {
    "ConfigMap": "v1",
    "Service": "v1",
    "Deployment": "apps/v1",
    "CronJob": "batch/v1",
    "Job": "batch/v1",
    "PodDisruptionBudget": "policy/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
}
Form = dict[str, Any]


def _manifests() -> Iterator[Form]:
    for path in MANIFESTS:
        yield from yaml.safe_load_all(path.read_text(encoding="utf-8"))


def _of_kind(kind: str) -> dict[str, Form]:
    return {one["metadata"]["name"]: one for one in _manifests() if one["kind"] == kind}


def _pods() -> dict[str, Form]:
    """The pod templates by the name of what makes them."""
    cron = {name: one["spec"]["jobTemplate"]["spec"]["template"] for name, one in _of_kind("CronJob").items()}
    return cron | {
        name: one["spec"]["template"]
        for kind in ("Deployment", "Job")
        for name, one in _of_kind(kind).items()
    }


def _compose() -> Form:
    composed: Form = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text(encoding="utf-8"))
    return composed


def _expect_command(arguments: list[str]) -> None:
    command: Any = main
    words = list(arguments)
    while hasattr(command, "get_command"):
        command = command.get_command(None, words.pop(0))
        assert command is not None, arguments
    if command.name == "serve":
        assert words, "a container runs one part"
        assert set(words) <= set(PARTS), arguments
    else:
        assert words == []


def _expect_settings(environment: dict[str, str]) -> None:
    """Each variable is a setting of ours, with a value that it takes; a _FILE names a secret."""
    values = {name: value for name, value in environment.items() if name.startswith("INVOICES_")}
    files = {name for name in values if name.endswith("_FILE")}
    known = {f"INVOICES_{section}__{key}".upper() for section, key in _keys()} | {
        "INVOICES_CONFIG",
        "INVOICES_DATA_DIR",
    }

    assert {name.removesuffix("_FILE") for name in values} <= known
    load(None, {name: value for name, value in values.items() if name not in files | {"INVOICES_CONFIG"}})


def _keys() -> Iterator[tuple[str, str]]:
    for section, field in Settings.model_fields.items():
        for key in getattr(field.annotation, "model_fields", ()):
            yield section, key


def _settings_of_kubernetes(tmp_path: Path) -> Settings:
    file = tmp_path / "invoices.toml"
    file.write_text(_of_kind("ConfigMap")["invoices"]["data"]["invoices.toml"], encoding="utf-8")
    return load(file, {})


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_a_manifest_is_of_a_version_that_clusters_know(path: Path) -> None:
    """And all that belongs together has one name to ask for."""
    for one in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        assert one["apiVersion"] == VERSIONS[one["kind"]]
        assert one["metadata"]["labels"]["app.kubernetes.io/name"] == "invoices"


def test_every_container_runs_a_command_that_exists() -> None:
    """A misspelt part would be a pod that never starts; every part has one."""
    run = [container["args"] for pod in _pods().values() for container in pod["spec"]["containers"]]
    composed = [service["command"] for service in _compose()["services"].values() if "command" in service]

    for arguments in run + composed:
        _expect_command(arguments)
    for commands in (run, composed):
        assert {words[1] for words in commands if words[0] == "serve"} == set(PARTS)
    assert ["retention", "run"] in run


def test_every_setting_exists_and_is_sound(tmp_path: Path) -> None:
    """The program ends with status 2 for a wrong one, and a cluster would try it for ever."""
    _settings_of_kubernetes(tmp_path)
    for service in _compose()["services"].values():
        _expect_settings(service.get("environment", {}))
    for pod in _pods().values():
        for container in pod["spec"]["containers"]:
            _expect_settings({one["name"]: one["value"] for one in container["env"]})
    for name in re.findall(r"INVOICES_\w+", (DEPLOY / "Containerfile").read_text(encoding="utf-8")):
        _expect_settings({name: "/var/lib/invoices"})


def test_secrets_are_named_as_the_program_looks_for_them(tmp_path: Path) -> None:
    """A file of another name is not read, and the part runs on an empty SQLite file."""
    manifest = (DEPLOY / "kubernetes" / "settings.yaml").read_text(encoding="utf-8")
    names = re.findall(r"--from-file=(\S+)", manifest)
    (tmp_path / "database.url").write_text("postgresql+psycopg://a@b/c", encoding="utf-8")

    found = load(None, {"CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert names == ["database.url", "registration.link_key", "outbound.password"]
    assert {tuple(name.split(".")) for name in names} <= set(_keys())
    assert found.database.url.get_secret_value() == "postgresql+psycopg://a@b/c"


def test_selectors_find_their_pods_and_ports_are_those_of_the_settings(tmp_path: Path) -> None:
    """A service that selects nothing is an address where nobody answers."""
    settings = _settings_of_kubernetes(tmp_path)
    labels = [pod["metadata"]["labels"] for pod in _pods().values()]
    ports = {
        "smtp": host_and_port(settings.smtp.listen[0])[1],
        "http": host_and_port(settings.portal.listen)[1],
        "metrics": host_and_port(settings.metrics.listen)[1],
    }

    selectors = [one["spec"]["selector"] for one in _of_kind("Service").values()]
    for kind in ("Deployment", "PodDisruptionBudget"):
        selectors += [one["spec"]["selector"]["matchLabels"] for one in _of_kind(kind).values()]
    selectors += [one["spec"]["podSelector"]["matchLabels"] for one in _of_kind("NetworkPolicy").values()]
    for selector in selectors:
        assert any(selector.items() <= one.items() for one in labels), selector
    for name, one in _of_kind("Deployment").items():
        [container] = one["spec"]["template"]["spec"]["containers"]
        named = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert named.items() <= ports.items()
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe]["httpGet"]["port"] in named
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        if name in _of_kind("Service"):
            [port] = _of_kind("Service")[name]["spec"]["ports"]
            assert port["targetPort"] in named


def test_no_pod_has_rights_that_it_does_not_need() -> None:
    """What strangers write is read in there."""
    for pod in _pods().values():
        spec = pod["spec"]
        volumes = {volume["name"] for volume in spec["volumes"]}
        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["automountServiceAccountToken"] is False
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {mount["name"] for mount in container["volumeMounts"]} == volumes
            assert "memory" in container["resources"]["limits"]


def test_a_composed_mailbox_has_what_its_services_name() -> None:
    """Compose says so only when it is started."""
    composed = _compose()

    for service in composed["services"].values():
        assert set(service.get("secrets", ())) <= set(composed["secrets"])
        assert set(service.get("depends_on", ())) <= set(composed["services"])
        for volume in service.get("volumes", ()):
            assert volume.partition(":")[0] in composed["volumes"]
        for variable in ("INVOICES_DATABASE__URL_FILE", "INVOICES_REGISTRATION__LINK_KEY_FILE"):
            named = service.get("environment", {}).get(variable)
            assert named is None or named.rpartition("/")[2] in service["secrets"]
