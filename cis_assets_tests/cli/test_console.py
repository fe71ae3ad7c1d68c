"""What commands print: text from data reaches the terminal without characters that it acts on."""

from __future__ import annotations

import ast
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cis_assets.cli import console
from cis_assets_tests.docs.pages import ROOT
from cis_assets_tests.test_text import ANY_TEXT, JOINERS

NAMES = ("[/bold] Water [500 ml] [red]Tea[/red]", ":apple: Juice", "\x1b[31mRed\x1b[0m", "A\u202eB", "two\nlines")


def assert_is_harmless(output: str) -> None:
    strange = {each for each in output if not (each.isprintable() or each in JOINERS or each in "\n\u00a0\u3000")}
    assert {each for each in strange if not each.isspace()} == set()
    assert not strange & set("\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u2029")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(ANY_TEXT, min_size=1, max_size=3))
def test_no_output_has_a_character_that_a_terminal_acts_on(capfd: pytest.CaptureFixture, texts: list[str]):
    capfd.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        shown = io.StringIO()
        patch.setattr(console._out, "_file", shown)
        console.say(*texts)
        console.heading(texts[0])
        console.print_table(["a"], [(text,) for text in texts])
    console.note(texts[0])
    console.Refused(texts[0]).show()
    console.print_json([{text: text} for text in texts])
    out, err = capfd.readouterr()
    assert_is_harmless(shown.getvalue() + out + err)
    assert json.loads(out) == [{text: text} for text in texts]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_shown_as_it_is_written(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, name: str):
    shown = io.StringIO()
    monkeypatch.setattr(console._out, "_file", shown)
    console.say(name)
    console.print_table(["a"], [(name,)])
    written = name.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e").replace("\n", "\\n")
    assert [line.rstrip() for line in shown.getvalue().splitlines()] == [written, "a", written]


def test_only_one_module_prints():
    printing = {
        f"{file.name}: {ast.unparse(node)}"
        for file in Path(ROOT, "cis_assets/cli").glob("*.py")
        if file.name != "console.py"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if ast.unparse(node)
        in ("click.echo", "click.secho", "click.confirm", "click.prompt", "print", "rich", "sys.stdout")
    }
    assert printing == set()
