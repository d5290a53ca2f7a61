"""Who may be sent what: the planner asks, so no author of a sync can forget to.

Two kinds of "no" are kept apart. What someone *stated* (consent denied, a suppression) is owed to
them: the removal that follows passes every guard. What is merely *absent* (no consent on record,
person unknown) is not sent either, but a removal for it is guarded like any other, because a broken
upstream table looks exactly like everybody's consent vanishing at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reverse_etl.contract.manifest import Manifest, Relation
from reverse_etl.contract.project import Sync
from reverse_etl.contract.purpose import Purpose
from reverse_etl.warehouse.dialect import Dialect, literal, quote
from reverse_etl.warehouse.session import Warehouse, WarehouseError

SUPPRESSED = "suppressed"
DENIED = "consent denied"
OWED = (SUPPRESSED, DENIED)
UNKNOWN_PERSON = "person unknown"
UNKNOWN_PURPOSE = "purpose unknown"
NO_CONSENT = "no consent on record"
PERMITTED = "permitted"


@dataclass(frozen=True)
class Permission:
    """SQL that decides on rows of a relation ``facing``.

    ``ctes`` come before it, ``joins`` after it; ``reason`` is null where the row may be sent.
    """

    ctes: str
    joins: str
    reason: str


def identifier_columns(sync: Sync) -> tuple[str, ...]:
    """Return the sent columns that hold an address by which somebody may be suppressed."""
    return tuple(
        column for column in sync.fields if "email" in column.lower() or "phone" in column.lower()
    )


def identifier_hash(dialect: Dialect, value: str) -> str:
    """Return the hash under which suppressions know an identifier."""
    return dialect.sha256(f"lower(trim({value}))")


def permission(
    sync: Sync, purposes: Mapping[str, Purpose], manifest: Manifest, warehouse: Warehouse
) -> Permission:
    """Return the SQL that says why a row must not be sent.

    Raises:
        WarehouseError: consents or suppressions are needed for the decision and do not exist.
    """
    asked = list(purposes.values()) if sync.is_audience else [sync.purpose]
    if not any(purpose.is_about_a_person for purpose in asked):
        return Permission(ctes="", joins="", reason="cast(null as text)")
    builder = _Builder(sync, asked, manifest, warehouse)
    return builder.permission()


class _Builder:
    def __init__(
        self, sync: Sync, asked: Sequence[Purpose], manifest: Manifest, warehouse: Warehouse
    ) -> None:
        self.sync = sync
        self.asked = asked
        self.manifest = manifest
        self.warehouse = warehouse
        self.listens = any(purpose.legal_basis != "contract" for purpose in asked)
        self.markets = any(purpose.marketing for purpose in asked)

    def permission(self) -> Permission:
        ctes: list[str] = []
        joins: list[str] = []
        if self.sync.purpose.legal_basis != "contract":
            ctes.append(self._sync_consent())
            joins.append("left join sync_consent on sync_consent.person_id = facing.person_id")
        if self.sync.is_audience:
            ctes.append(self._rules())
            joins.append("left join purpose_rules as row_rule on row_rule.purpose = facing.purpose")
            if self.listens:
                ctes.append(self._row_consents())
                joins.append(
                    "left join row_consent on row_consent.person_id = facing.person_id "
                    "and row_consent.purpose = row_rule.purpose "
                    "and row_consent.channel = row_rule.channel"
                )
        if self.markets:
            ctes.append(self._suppressions())
            joins += self._suppression_joins()
        return Permission(
            ctes="".join(f"{cte},\n" for cte in ctes),
            joins="\n".join(joins),
            reason=self._reason(),
        )

    def _sync_consent(self) -> str:
        """What people said to the sync's own purpose; a grant is looked up only where it counts."""
        purpose = self.sync.purpose
        conditions = [f"purpose = {literal(purpose.name)}"]
        if purpose.channel != "none":
            conditions.append(f"channel = {literal(purpose.channel)}")
        if purpose.legal_basis != "consent":
            conditions.append("state = 'denied'")
        # A purpose without a channel is denied when it is denied on any: 'denied' sorts first.
        return (
            "sync_consent as (select person_id, min(state) as state "
            f"from {self._needed('current_consents')} where {' and '.join(conditions)} group by 1)"
        )

    def _rules(self) -> str:
        rows = ", ".join(
            f"({literal(p.name)}, {literal(p.is_about_a_person)}, "
            f"{literal(p.legal_basis == 'consent')}, {literal(p.legal_basis != 'contract')}, "
            f"{literal(p.channel)}, {literal(p.marketing)})"
            for p in self.asked
        )
        return (
            "purpose_rules (purpose, is_about_a_person, needs_grant, heeds_denial, channel, "
            f"is_marketing) as (values {rows})"
        )

    def _row_consents(self) -> str:
        consents = self._needed("current_consents")
        return (
            "row_consent as (select person_id, purpose, channel, min(state) as state "
            f"from {consents} where channel <> 'none' group by 1, 2, 3 union all "
            f"select person_id, purpose, 'none' as channel, min(state) as state from {consents} "
            "group by 1, 2)"
        )

    def _suppressions(self) -> str:
        suppressions = self._needed("suppressions")
        return (
            "suppressed_people as (select distinct person_id "
            f"from {suppressions} where person_id is not null),\n"
            "suppressed_identifiers as (select distinct identifier_hash "
            f"from {suppressions} where identifier_hash is not null)"
        )

    def _suppression_joins(self) -> list[str]:
        joins = ["left join suppressed_people on suppressed_people.person_id = facing.person_id"]
        for column in identifier_columns(self.sync):
            name = quote(f"suppressed_{column}")
            joins.append(
                f"left join suppressed_identifiers as {name} "
                f"on {name}.identifier_hash = facing.{quote(f'hash_{column}')}"
            )
        return joins

    def _reason(self) -> str:
        purpose = self.sync.purpose
        cases = []
        if self.sync.is_audience:
            cases.append(("row_rule.purpose is null", UNKNOWN_PURPOSE))
        about = self._either(purpose.is_about_a_person, "is_about_a_person")
        cases.append((f"{about} and facing.person_id is null", UNKNOWN_PERSON))
        if self.markets:
            found = ["suppressed_people.person_id is not null"]
            found += [
                f"{quote(f'suppressed_{column}')}.identifier_hash is not null"
                for column in identifier_columns(self.sync)
            ]
            markets = self._either(purpose.marketing, "is_marketing")
            cases.append((f"{markets} and ({' or '.join(found)})", SUPPRESSED))
        if purpose.legal_basis != "contract":
            cases.append(("sync_consent.state = 'denied'", DENIED))
        if self.sync.is_audience and self.listens:
            cases.append(("row_rule.heeds_denial and row_consent.state = 'denied'", DENIED))
        if purpose.legal_basis == "consent":
            cases.append(("coalesce(sync_consent.state, '') <> 'granted'", NO_CONSENT))
        if self.sync.is_audience and self.listens:
            granted = "coalesce(row_consent.state, '') = 'granted'"
            cases.append((f"row_rule.needs_grant and not {granted}", NO_CONSENT))
        whens = " ".join(f"when {condition} then {literal(why)}" for condition, why in cases)
        return f"case {whens} end"

    def _either(self, of_sync: bool, of_row: str) -> str:
        """Whether a rule holds for the sync's purpose, or for the row's own."""
        if of_sync or not self.sync.is_audience:
            return literal(of_sync)
        return f"coalesce(row_rule.{of_row}, false)"

    def _needed(self, model: str) -> Relation:
        relation = self.manifest.relation_named(model, "marts")
        if not self.warehouse.columns(relation):
            raise WarehouseError(
                f"{relation} does not exist, and purpose '{self.sync.purpose.name}' of sync "
                f"'{self.sync.name}' cannot be decided without it; build it with dbt."
            )
        return relation
