"""What can be said of the container files without an engine: that they fit to each other and to the commands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from unpaired.cli.options import parsed
from unpaired.cli.serve import Arguments

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml", reason="there is no PyYAML to read compose.yaml with")
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        for name in shlex.split(line)[:-1]:
            assert (ROOT / name).exists(), name
            assert name not in ignored


def test_every_argument_is_declared_in_the_stage_that_uses_it() -> None:
    for stage in DOCKERFILE.split("\nFROM ")[1:]:
        used = set(re.findall(r"\$\{?([A-Z_]+)", stage.partition("\n")[2])) - {"PATH"}
        assert used <= set(re.findall(r"^ARG ([A-Z_]+)", stage, re.MULTILINE))


def test_the_image_runs_as_nobody_special_and_tells_of_its_health() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert "\nUSER 1000\n" in last
    assert "/v1/health" in last
    assert 'ENTRYPOINT ["unpaired"]' in last
    assert "extra" not in last
    assert "'.[web]'" in DOCKERFILE


def test_the_commands_that_are_written_there_parse(compose: dict[str, Any]) -> None:
    command = [re.sub(r"\$\{.*?\}", "zebra", word) for word in compose["services"]["server"]["command"]]
    assert command[0] == "serve"
    told = parsed(command[1:], Arguments, "serve")
    assert told.settings.host == "0.0.0.0"
    example = re.findall(r"unpaired serve (/runs.*)$", DOCKERFILE, re.MULTILINE)[0]
    assert parsed(shlex.split(example), Arguments, "serve").run == Path("/runs/zebra")


def test_proxy_and_servers_fit_together(compose: dict[str, Any]) -> None:
    nginx = (ROOT / "docs" / "nginx.conf").read_text()
    services = compose["services"]
    assert "server server:8000" in nginx
    assert "non_idempotent" in nginx  # without it nginx gives up a POST whose server went away (seen with 1.22)
    assert "EXPOSE 8000" in DOCKERFILE
    assert "server" in services
    assert services["proxy"]["volumes"] == ["./docs/nginx.conf:/etc/nginx/nginx.conf:ro"]
    assert all(port.startswith("127.0.0.1:") for port in services["proxy"]["ports"])
    assert nginx.count("{") == nginx.count("}")
    for line in re.sub(r"#.*", "", nginx).splitlines():
        assert not line.strip() or line.strip()[-1] in "{};", line
    assert "UNPAIRED_TOKEN" in services["server"]["environment"]
    assert services["server"]["read_only"] is True
