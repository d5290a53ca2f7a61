"""What README tells people to type works on what `make demo` builds."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import ROOT, Workspace

COMMAND = re.compile(r"^\$ \.venv/bin/seamline (.*?)(?:\s+#.*)?$", re.MULTILINE)
# Takes the manifest of another commit; its own tests make one.
NOT_HERE = {"diff"}


def test_every_command_of_the_readme_works(built: Workspace, tmp_path: Path, sandbox: Any) -> None:
    workspace = built.copy(tmp_path / "home", SEAMLINE_SANDBOX_URL=sandbox.url)
    (tmp_path / "here").mkdir()
    commands = [shlex.split(line) for line in COMMAND.findall((ROOT / "README.md").read_text())]
    asked = [command for command in commands if command[0] not in NOT_HERE]
    assert len(asked) >= 10
    for command in asked:
        done = subprocess.run(
            [sys.executable, "-m", "orchestration.cli", *command],
            cwd=tmp_path / "here",
            env={**os.environ, **workspace.environment, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        assert done.stdout.strip(), command
    assert (tmp_path / "here" / "esme.html").is_file()
    assert sandbox.state("klaviyo")["audiences"]
