"""One asset per sync: what it reads, what it sent, what the guards and the channel said."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from orchestration.defs.resources import asset_key, database_pool
from reverse_etl.errors import SeamlineError
from reverse_etl.guards import GuardVerdict
from reverse_etl.project import Project
from reverse_etl.sync import SyncResult, run_sync

GROUP = "channels"
_COUNTS = (
    "added",
    "changed",
    "removed",
    "merged",
    "appended",
    "held_back",
    "acknowledged",
    "rejected",
    "skipped",
    "pending",
)
_GUARDS = "guards_passed"
_ACCEPTED = "records_accepted"
_MOST_REASONS = 10


def build_syncs(manifest: Mapping[str, Any]) -> list[dg.AssetsDefinition]:
    """Return one asset for every exposure that describes a sync."""
    return [
        _build_sync(manifest, exposure, settings)
        for exposure in sorted(manifest["exposures"].values(), key=lambda each: str(each["name"]))
        if (settings := exposure["config"].get("meta", {}).get("sync"))
    ]


def _build_sync(
    manifest: Mapping[str, Any], exposure: Mapping[str, Any], settings: Mapping[str, Any]
) -> dg.AssetsDefinition:
    name = str(exposure["name"])
    key = dg.AssetKey([GROUP, name])
    owner = exposure["owner"].get("email")
    after = [dg.AssetKey([GROUP, other]) for other in settings.get("after", [])]
    relations = [asset_key(manifest["nodes"][node]) for node in exposure["depends_on"]["nodes"]]

    @dg.asset(
        key=key,
        deps=[*relations, *after],
        group_name=GROUP,
        description=exposure["description"],
        owners=[owner] if owner else None,
        kinds={str(settings[word]) for word in ("destination", "mode") if word in settings},
        metadata={word: str(value) for word, value in settings.items() if word != "guards"},
        check_specs=[
            dg.AssetCheckSpec(_GUARDS, asset=key, description="No guard refused to send."),
            dg.AssetCheckSpec(_ACCEPTED, asset=key, description="The channel took every record."),
        ],
        pool=database_pool(),
    )
    def sync(context: dg.AssetExecutionContext) -> Iterator[Any]:
        try:
            result = run_sync(Project.load(), name)
        except SeamlineError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        metadata = _metadata(result)
        yield _guards_check(result)
        yield _accepted_check(result)
        if not _is_stopped(result):
            yield dg.MaterializeResult(metadata=metadata)
        if _is_stopped(result) or _refusals(result):
            raise dg.Failure(_what_to_do(result), metadata=metadata, allow_retries=False)

    return sync


def _metadata(result: SyncResult) -> dict[str, Any]:
    """Return what an operator asks of a run; the numbers are plotted over time."""
    counts: dict[str, Any] = {count: getattr(result, count) for count in _COUNTS}
    return {
        **counts,
        "run": result.run_id,
        "status": result.status,
        "duration_seconds": result.duration_seconds,
        "requests": result.requests,
        "retries": result.retries,
        "error": result.error,
        "guards": dg.MetadataValue.md(_guards_table(result)),
        "held_reasons": dg.MetadataValue.json(dict(result.held_reasons)),
        "rejections": dg.MetadataValue.md(_rejections_table(result)),
    }


def _guards_check(result: SyncResult) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=_GUARDS,
        passed=not _refusals(result),
        metadata={"guards": dg.MetadataValue.md(_guards_table(result))},
    )


def _accepted_check(result: SyncResult) -> dg.AssetCheckResult:
    """Judge what the channel rejected.

    A rejected record is shown and tried again by a later run; it does not undo what was delivered,
    so it warns. Where nothing at all was accepted, the channel or the mapping is broken.
    """
    is_hopeless = result.acknowledged == 0
    return dg.AssetCheckResult(
        check_name=_ACCEPTED,
        passed=result.rejected == 0,
        severity=dg.AssetCheckSeverity.ERROR if is_hopeless else dg.AssetCheckSeverity.WARN,
        metadata={"rejections": dg.MetadataValue.md(_rejections_table(result))},
    )


def _refusals(result: SyncResult) -> list[GuardVerdict]:
    """Return the guards that refused: the whole sync, or one audience of it."""
    return [guard for guard in result.guards if not (guard.passed or guard.overridden)]


def _is_stopped(result: SyncResult) -> bool:
    """Whether the sync as a whole came to nothing; a refused audience leaves the others."""
    is_refused = any(not guard.audience for guard in _refusals(result))
    return is_refused or result.status == "failed"


def _what_to_do(result: SyncResult) -> str:
    """Return what happened, why, and what to type next."""
    if result.status == "failed":
        waiting = f"{result.pending} records wait for the next run"
        opening = f"{result.sync} failed: {result.error}; {waiting}."
    elif _is_stopped(result):
        opening = f"{result.sync} refused; only removals owed to privacy were sent."
    else:
        opening = f"{result.sync} sent all but the audiences that were refused."
    reasons = [
        f"- {' '.join(filter(None, [guard.audience, guard.name]))}: {guard.reason}; "
        f"to send anyway: seamline sync --select {result.sync} {guard.override}"
        for guard in _refusals(result)
    ]
    return "\n".join(
        [opening, *reasons, f"What it would send: seamline plan --select {result.sync}"]
    )


def _guards_table(result: SyncResult) -> str:
    rows = [
        f"| {guard.name} | {guard.audience} | {'passed' if guard.passed else '**refused**'} "
        f"| {guard.reason} |"
        for guard in result.guards
    ]
    return "\n".join(["| guard | audience | verdict | reason |", "|---|---|---|---|", *rows])


def _rejections_table(result: SyncResult) -> str:
    rows = [f"| {reason} | {count} |" for reason, count in result.rejections[:_MOST_REASONS]]
    return "\n".join(["| reason | records |", "|---|--:|", *rows])
