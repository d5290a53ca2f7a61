"""Two assets per sync: the plan, which a person or a check may stop, and what was sent by it.

The plan's checks are the engine's guards. Where they leave nothing to send, the plan's step fails
and the sync's does not start. Where something may leave (other audiences, or removals that are
owed to privacy and pass every guard), they warn, and the engine itself holds back the rest. A check
that somebody adds to a plan with ``blocking=True`` stops the sync altogether.

Sending plans again: what leaves is never older than the guards' last look at it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from orchestration.defs.operator_tables import (
    accepted_fraction,
    guards_table,
    plan_metadata,
    rejections_table,
    sync_metadata,
    verdict_of,
)
from orchestration.defs.options import LaunchOptions, mendable
from orchestration.defs.resources import asset_key, code_link, database_pool
from reverse_etl.planning.guards import GUARDS, refusals
from reverse_etl.planning.plan import Plan
from reverse_etl.status import planned_rows
from reverse_etl.sync import SyncResult, plan_sync, run_sync

GROUP = "channels"
PLANS = "plans"
ACCEPTED = "records_accepted"
_SAMPLE_ROWS = 10
# The channel's own trouble passes; the engine has tried each request for minutes by then.
_RETRIES = dg.RetryPolicy(
    max_retries=3, delay=60, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
)


def build_syncs(manifest: Mapping[str, Any]) -> list[dg.AssetsDefinition]:
    """Return the plan and the sync of every exposure that describes one."""
    return [
        asset
        for exposure in sorted(manifest["exposures"].values(), key=lambda each: str(each["name"]))
        if (settings := exposure["config"].get("meta", {}).get("sync"))
        for asset in (
            _build_plan(manifest, exposure, settings),
            _build_sync(exposure, settings),
        )
    ]


def _build_plan(
    manifest: Mapping[str, Any], exposure: Mapping[str, Any], settings: Mapping[str, Any]
) -> dg.AssetsDefinition:
    name = str(exposure["name"])
    key = dg.AssetKey([PLANS, name])
    after = [dg.AssetKey([GROUP, other]) for other in settings.get("after", [])]
    relations = [asset_key(manifest["nodes"][node]) for node in exposure["depends_on"]["nodes"]]
    checks = [
        dg.AssetCheckSpec(guard.__name__, asset=key, blocking=True, description=guard.__doc__)
        for guard in GUARDS
    ]

    @dg.multi_asset(
        name=f"{PLANS}__{name}",
        specs=[
            dg.AssetSpec(
                key,
                deps=[*relations, *after],
                group_name=PLANS,
                description=f"What `{name}` would send, remove and hold back, and what the guards "
                "say of it. Nothing has been sent.",
                owners=_owners(exposure),
                kinds={"plan", str(settings["destination"])},
                metadata=code_link(exposure),
                skippable=True,
            )
        ],
        check_specs=checks,
        pool=database_pool(),
        retry_policy=_RETRIES,
        can_subset=True,
    )
    def plan(context: dg.AssetExecutionContext, options: LaunchOptions) -> Iterator[Any]:
        with options.project() as project, mendable():
            if options.leaves_out(name):
                context.log.info("%s is not among the syncs that were asked for.", name)
                return
            planned = plan_sync(project, name, overrides=options.override)
            sample = planned_rows(project, planned.run_id, _SAMPLE_ROWS)
            metadata = plan_metadata(planned, sample)
            yield dg.MaterializeResult(asset_key=key, metadata=metadata)
            yield from _guard_checks(planned, key)
            if _leaves_nothing(planned):
                # The ledger is told as well, so that whoever asks it for the sync's state finds it.
                told = None if options.dry_run else run_sync(project, name, **options.overriding)
                raise dg.Failure(
                    _refusal(name, planned) if told is None else what_to_do(told),
                    metadata=metadata if told is None else sync_metadata(told),
                    allow_retries=False,
                )

    return plan


def _build_sync(exposure: Mapping[str, Any], settings: Mapping[str, Any]) -> dg.AssetsDefinition:
    name = str(exposure["name"])
    key = dg.AssetKey([GROUP, name])

    @dg.multi_asset(
        name=f"{GROUP}__{name}",
        specs=[
            dg.AssetSpec(
                key,
                deps=[dg.AssetKey([PLANS, name])],
                group_name=GROUP,
                description=exposure["description"],
                owners=_owners(exposure),
                kinds={str(settings[word]) for word in ("destination", "mode") if word in settings},
                metadata={
                    **{word: str(said) for word, said in settings.items() if word != "guards"},
                    **code_link(exposure),
                },
                skippable=True,
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(ACCEPTED, asset=key, description="The channel took every record.")
        ],
        pool=database_pool(),
        retry_policy=_RETRIES,
        can_subset=True,
    )
    def sync(context: dg.AssetExecutionContext, options: LaunchOptions) -> Iterator[Any]:
        with options.project() as project, mendable():
            if options.dry_run or options.leaves_out(name):
                context.log.info("Nothing is sent: a dry run, or not among the syncs asked for.")
                return
            result = run_sync(project, name, **options.overriding)
        metadata = sync_metadata(result)
        yield _accepted_check(result, key)
        if not _is_stopped(result):
            yield dg.MaterializeResult(asset_key=key, metadata=metadata)
        if _is_stopped(result) or refusals(result.guards):
            raise dg.Failure(
                what_to_do(result), metadata=metadata, allow_retries=result.status == "failed"
            )

    return sync


def _owners(exposure: Mapping[str, Any]) -> list[str] | None:
    email = exposure["owner"].get("email")
    return [email] if email else None


def _guard_checks(plan: Plan, key: dg.AssetKey) -> Iterator[dg.AssetCheckResult]:
    """Yield one result per guard; it blocks where nothing at all may leave."""
    severity = dg.AssetCheckSeverity.ERROR if _leaves_nothing(plan) else dg.AssetCheckSeverity.WARN
    for guard in GUARDS:
        verdicts = [verdict for verdict in plan.guards if verdict.name == guard.__name__]
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=guard.__name__,
            passed=not refusals(verdicts),
            severity=severity,
            metadata={"verdicts": guards_table(verdicts)},
        )


def _accepted_check(result: SyncResult, key: dg.AssetKey) -> dg.AssetCheckResult:
    """Judge what the channel rejected.

    A rejected record is shown and tried again by a later run; it does not undo what was delivered,
    so it warns. Where nothing at all was accepted, the channel or the mapping is broken.
    """
    is_hopeless = result.acknowledged == 0
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=ACCEPTED,
        passed=result.rejected == 0,
        severity=dg.AssetCheckSeverity.ERROR if is_hopeless else dg.AssetCheckSeverity.WARN,
        metadata={
            "rejected": result.rejected,
            "rejected_fraction": round(1 - accepted_fraction(result), 4),
            "rejections": rejections_table(result),
        },
    )


def _leaves_nothing(plan: Plan) -> bool:
    return verdict_of(plan.guards) == "refused" and not plan.sending


def _is_stopped(result: SyncResult) -> bool:
    """Whether the sync as a whole came to nothing; a refused audience leaves the others."""
    return verdict_of(result.guards) == "refused" or result.status == "failed"


def _refusal(name: str, plan: Plan) -> str:
    reasons = [f"- {guard.name}: {guard.reason}" for guard in refusals(plan.guards)]
    return "\n".join([f"{name} would be refused:", *reasons])


def what_to_do(result: SyncResult) -> str:
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
        for guard in refusals(result.guards)
    ]
    return "\n".join(
        [opening, *reasons, f"What it would send: seamline plan --select {result.sync}"]
    )
