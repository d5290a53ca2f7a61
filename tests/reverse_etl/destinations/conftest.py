"""What tests of destinations share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reverse_etl.sandbox import Sandbox, running_sandbox


@pytest.fixture
def running() -> Iterator[Sandbox]:
    """A sandbox of the test's own."""
    with running_sandbox() as sandbox:
        yield sandbox
