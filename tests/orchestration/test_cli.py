"""The command line as a whole: every room's verbs, quick to start, one line for a mistake."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer

from orchestration import cli
from reverse_etl.errors import SeamlineError
from tests.conftest import Workspace


def test_composing_the_command_line_imports_neither_dagster_nor_dbt() -> None:
    code = (
        "import sys; from orchestration import cli; cli.compose(); "
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'dagster', 'dbt'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "verb",
    ["load", "generate", "plan", "sync", "status", "check", "destinations", "sandbox", "explain"],
)
def test_every_verb_is_there(workspace: Workspace, verb: str) -> None:
    done = workspace.seamline(verb, "--help")
    assert verb in done.stdout


def test_what_the_user_can_mend_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app = typer.Typer()

    @app.command()
    def break_down() -> None:
        raise SeamlineError("shop/order.csv, line 3: expected 5 fields, found 4; mend the line.")

    monkeypatch.setattr(cli, "compose", lambda: app)
    monkeypatch.setattr(sys, "argv", ["seamline"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        "error: shop/order.csv, line 3: expected 5 fields, found 4; mend the line.\n"
    )


def test_a_word_that_is_no_verb_is_wrong_usage(workspace: Workspace) -> None:
    assert workspace.seamline("sing", check=False).returncode == 2
