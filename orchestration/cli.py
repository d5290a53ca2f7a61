"""The command line ``seamline``: composes the verbs that live in the rooms they are about."""

from __future__ import annotations

import sys

import typer

from reverse_etl.errors import SeamlineError


def compose() -> typer.Typer:
    """Return the whole command line. Rooms are imported here, when a command is really wanted."""
    from orchestration.compiling import compiled  # noqa: PLC0415
    from orchestration.fit import fit_command  # noqa: PLC0415
    from orchestration.follow import follow  # noqa: PLC0415
    from orchestration.load import load  # noqa: PLC0415
    from reverse_etl.checking import app as checks  # noqa: PLC0415
    from reverse_etl.cli import app as engine  # noqa: PLC0415
    from reverse_etl.comparing import app as comparisons  # noqa: PLC0415
    from reverse_etl.identity.cli import app as explain  # noqa: PLC0415
    from reverse_etl.identity.person import person_command  # noqa: PLC0415
    from reverse_etl.sandbox.cli import app as stand_in  # noqa: PLC0415
    from reverse_etl.segments.cli import explain_membership_command, verbs  # noqa: PLC0415
    from seeds.cli import app as seeds  # noqa: PLC0415

    app = typer.Typer(
        name="seamline",
        help="A customer data platform in your warehouse: land, look, plan, sync.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.command()(load)
    app.command("fit")(fit_command)
    app.command()(follow)
    app.command("person")(person_command)
    app.add_typer(seeds)
    app.add_typer(engine)
    app.add_typer(checks)
    app.add_typer(comparisons)
    app.add_typer(stand_in)
    app.add_typer(verbs(compiled))
    explain.command("membership")(explain_membership_command)
    app.add_typer(explain, name="explain")
    return app


def main() -> None:
    """Run the command line; what the user can mend is one line on standard error, exit code 1."""
    try:
        compose()()
    except SeamlineError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
