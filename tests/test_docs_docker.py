"""Dockerfile, compose.yaml and the fixtures for testcontainers as they stand, in an empty directory, without Docker."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
import yaml
from readme_run import ROOT, Place, place

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = (ROOT / "compose.yaml").read_text()
PAGE = (ROOT / "docs" / "containers.md").read_text()
VARIABLE = re.compile(r"MOCKSERVER_[A-Z_]+")


def steps() -> list[tuple[str, str]]:
    """Instruction and rest of every line, continued lines joined."""
    joined = re.sub(r"\s*\\\n\s*", " ", DOCKERFILE)
    lines = [line for line in joined.split("\n") if line and not line.startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


def values(instruction: str) -> list[str]:
    return [rest for name, rest in steps() if name == instruction]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """What `docker build` makes: copied, installed. Dependencies come from here, the project's own code does not."""
    folder = tmp_path_factory.mktemp("image")
    app, venv = folder / "app", folder / "venv"
    for copy in values("COPY"):
        *sources, target = copy.split()
        (app / target).mkdir(parents=True, exist_ok=True)
        for source in sources:
            if (ROOT / source).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / source, app / target, dirs_exist_ok=True, ignore=ignored)
            else:
                shutil.copy(ROOT / source, app / target)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    site = next(venv.glob("lib/python*/site-packages"))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    for run in values("RUN"):
        command = [sys.executable, "-m", "pip", "--python", str(venv / "bin" / "python"), *shlex.split(run)[1:]]
        assert shlex.split(run)[0] == "pip"
        command += ["--quiet", "--ignore-installed", "--no-deps", "--no-build-isolation"]
        subprocess.run(command, cwd=app, check=True, capture_output=True, text=True)
    (folder / "elsewhere").mkdir()
    with place(folder / "elsewhere") as made:
        made.environment |= {"PATH": f"{venv / 'bin'}:{made.environment['PATH']}"}
        for setting in values("ENV"):
            name, _, value = setting.partition("=")
            made.environment[name] = value
        made.environment |= {"MOCKSERVER_PORT": made.ports["8080"], **compose_settings()}
        made.start([*json.loads(values("ENTRYPOINT")[0]), *json.loads(values("CMD")[0])], "8080")
        yield made


def compose_settings() -> dict[str, str]:
    settings: dict[str, str] = yaml.safe_load(COMPOSE)["services"]["trophy"]["environment"]
    return settings


def test_the_container_serves_and_its_health_check_says_so(image: Place) -> None:
    check = values("HEALTHCHECK")[0].partition("CMD ")[2]
    image.run(["bash", "-c", image.fit(check)])
    (exposed,) = values("EXPOSE")
    assert image.fetch(image.fit(f"http://127.0.0.1:{exposed}/v1/users/user-123/streak")).startswith(b'{"length":')


def test_the_container_does_not_run_as_root() -> None:
    names = [name for name, _ in steps()]
    assert values("USER") == ["nobody"]
    assert names.index("RUN") < names.index("USER") < names.index("ENTRYPOINT")


def test_from_outside_the_control_plane_wants_the_token_of_compose(image: Place) -> None:
    url = image.fit("http://127.0.0.1:8080/_mock/worlds")
    with pytest.raises(urllib.error.HTTPError) as refused:
        image.fetch(url)
    with refused.value:
        assert refused.value.status == 401
    token = compose_settings()["MOCKSERVER_CONTROL_TOKEN"]
    with urllib.request.urlopen(
        urllib.request.Request(url, headers={"X-Control-Token": token}), timeout=10
    ) as response:
        assert response.status == 200


def test_the_fixtures_for_testcontainers_start_the_image(image: Place) -> None:
    """Its processes are started here as Docker would; what else the page uses is testcontainers itself."""
    folder = image.folder / "reader"
    folder.mkdir()
    for name, text in re.findall(r"^```python\n# (\S+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        (folder / name).write_text(text)
    command = [
        shutil.which(word, path=image.environment["PATH"]) or word for word in json.loads(values("ENTRYPOINT")[0])
    ]
    plain = {name: value for name, value in image.environment.items() if not name.startswith("MOCKSERVER_")}
    settings = dict(setting.split("=", 1) for setting in values("ENV"))
    image.environment |= {
        "FAKE_IMAGE": json.dumps(
            {"command": [*command, *json.loads(values("CMD")[0])], "environment": plain | settings}
        ),
        "PYTHONPATH": str(ROOT / "tests"),
    }
    pytest_ = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(folder)]
    printed = image.run(
        [*pytest_, "-p", "no:cacheprovider", "-p", "no:mockserver", "-p", "local_containers", str(folder)]
    )
    assert "1 passed" in printed


def test_compose_builds_this_and_opens_the_port_to_this_machine_alone() -> None:
    service = yaml.safe_load(COMPOSE)["services"]["trophy"]
    assert service["build"] == "."
    assert service["ports"] == [f"127.0.0.1:8080:{values('EXPOSE')[0]}"]


def test_every_variable_that_the_container_files_name_is_an_option() -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    named = set(VARIABLE.findall(DOCKERFILE + COMPOSE))
    assert len(named) == 5
    assert {name for name in named if f"`{name}`" not in page} == set()


def test_everything_that_the_package_is_built_from_is_copied() -> None:
    copied = {source for copy in values("COPY") for source in copy.split()[:-1]}
    assert copied == {"pyproject.toml", "README.md", "openapi.json", "mockserver", "contract_tests", "fixtures"}
