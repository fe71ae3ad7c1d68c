"""Names that the pages use: settings, commands, options, make targets, jobs, checks, files and floors."""

from __future__ import annotations

import re
import shlex
import tomllib

import click
import pytest

from cis_assets.catalog import SYSTEM_TABLES, TABLES
from cis_assets.cli import main
from cis_assets.definitions import defs
from cis_assets.settings import Settings
from cis_assets_tests.docs.pages import PAGES, ROOT

# The changelog names former settings, commands and checks beside the new ones. Decisions tell history.
CURRENT = {path: text for path, text in PAGES.items() if path != "CHANGELOG.md" and "/decisions/" not in path}
EVERY_PAGE = pytest.mark.parametrize("path", CURRENT)
# The example of docs/extend.md, which is not part of the platform.
_EXAMPLE = "gold/basket_sizes"
_GRAPH = defs.resolve_asset_graph()
_REPOSITORY = defs.get_repository_def()


def commands(text: str) -> list[list[str]]:
    """The `cis` commands of a page: in code blocks by line, and between backticks."""
    blocks = re.findall(r"```\n(.*?)```", text, flags=re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    found = [re.sub(r"^\$ |^[A-Z_]+=\S+ +(?=\S*cis )", "", line) for line in [*lines, *spans]]
    found = [re.sub(r"^(CIS_\w+=\S+ )*\.venv/bin/", "", line) for line in found]
    return [shlex.split(line, comments=True)[1:] for line in found if line.startswith("cis ")]


@EVERY_PAGE
def test_every_command_and_option_exists(path: str):
    for words in commands(CURRENT[path]):
        command: click.Command = main
        for word in words:
            if isinstance(command, click.Group) and word.islower() and not word.startswith("-"):
                assert word in command.commands, f"{path}: cis {' '.join(words)}"
                command = command.commands[word]
        options = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        named = {word.strip("[]") for word in words if word.strip("[]").startswith("--")}
        assert named <= options | {"--help", "--json"}, f"{path}: cis {' '.join(words)}"


@EVERY_PAGE
def test_every_setting_exists(path: str):
    known = {f"CIS_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"\bCIS_[A-Z]\w*[A-Z]\b", CURRENT[path])) <= known


@EVERY_PAGE
def test_every_make_target_exists(path: str):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", CURRENT[path], flags=re.MULTILINE)) <= targets


@EVERY_PAGE
def test_every_file_of_the_code_exists(path: str):
    named = re.findall(r"\b(?:cis_assets|cis_assets_tests|benchmarks)/[\w/.-]+\w", CURRENT[path])
    short = re.findall(r"`((?:lake|landing|defs|catalog|silver|quality)/\w+(?:/\w+)*\.py)`", CURRENT[path])
    missing = [name for name in [*named, *(f"cis_assets/{name}" for name in short)] if not (ROOT / name).exists()]
    assert not missing


@EVERY_PAGE
def test_every_table_exists(path: str):
    known = {*TABLES, *SYSTEM_TABLES, "system/erasure_receipts", _EXAMPLE}
    named = set(re.findall(r"`((?:bronze|silver|gold|quality|system)/[a-z_]+)`", CURRENT[path]))
    assert named <= known


def test_operate_names_every_job_sensor_and_schedule():
    named = set(re.findall(r"`([a-z_]+)`", PAGES["docs/operate.md"]))
    jobs = {name for name in _REPOSITORY.job_names if not name.startswith("__")}
    started = {*(each.name for each in _REPOSITORY.sensor_defs), *(each.name for each in _REPOSITORY.schedule_defs)}
    assert jobs | started <= named


def test_quality_names_every_check_but_those_of_each_table():
    named = set(re.findall(r"`([a-z_]+)`", PAGES["docs/quality.md"]))
    checks = {key.name for key in _GRAPH.asset_check_keys}
    of_every_table = {
        name for name in checks if sum(key.name == name for key in _GRAPH.asset_check_keys) >= len(TABLES)
    }
    assert checks - of_every_table <= named


def test_the_floors_are_those_of_the_import_contract():
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ][0]
    layers = [{name.strip().removeprefix("cis_assets.") for name in layer.split("|")} for layer in contract["layers"]]
    rows = re.findall(r"^\| \d\d? \| (.+?) \|", PAGES["docs/architecture.md"], flags=re.MULTILINE)
    documented = [{re.sub(r"/|\.py", "", name) for name in re.findall(r"`([^`]+)`", row)} for row in rows]
    assert documented == layers
