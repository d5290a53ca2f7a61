"""dbt's connection to the warehouse, and its macros, in a process that has the project parsed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from functools import cached_property
from typing import Any

from dbt.adapters.factory import get_adapter, register_adapter, reset_adapters
from dbt.clients.jinja import MacroGenerator, get_rendered
from dbt.config.runtime import RuntimeConfig
from dbt.context.providers import generate_runtime_macro_context, generate_runtime_model_context
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import ModelNode
from dbt.flags import get_flags
from dbt.mp_context import get_mp_context
from dbt_common.context import set_invocation_context

# In memory and gone with the connection: nothing of a batch that fails stays anywhere.
TOUCHED = "touched"


class Session:
    """Statements, materializations and macros on one connection, after dbt has parsed the project.

    Use it as a context: the warehouse is open inside and closed after it.
    """

    def __init__(self, parsed: Manifest) -> None:
        self._parsed = parsed
        self.sql_seconds = 0.0  # spent in statements, those of materializations not counted
        # dbt reads variables of the environment as they were when it was last called.
        set_invocation_context(os.environ)
        self._config = RuntimeConfig.from_args(get_flags())  # type: ignore[no-untyped-call]
        reset_adapters()  # type: ignore[no-untyped-call]
        register_adapter(self._config, get_mp_context())
        self._adapter = get_adapter(self._config)
        self._adapter.set_macro_resolver(parsed)
        self._adapter.set_macro_context_generator(generate_runtime_macro_context)

    @contextmanager
    def opened(self) -> Iterator[Session]:
        """Open the warehouse, and beside it an empty one for what is touched."""
        with self._adapter.connection_named("increment"):
            self.execute(f"attach ':memory:' as {TOUCHED}")
            yield self
        self._adapter.cleanup_connections()

    def execute(self, statement: str) -> None:
        """Run a statement."""
        with self._timed():
            self._adapter.execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self._timed():
            _, table = self._adapter.execute(query, fetch=True)
        return [tuple(row) for row in table.rows]

    @contextmanager
    def _timed(self) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.sql_seconds += time.perf_counter() - begun

    def of_people(self) -> frozenset[str]:
        """Return the relations of the warehouse that have a person_id, as dbt writes them."""
        columns = self.columns.items()
        return frozenset(relation for relation, names in columns if "person_id" in names)

    @cached_property
    def columns(self) -> Mapping[str, list[str]]:
        """The columns of the warehouse's relations, as dbt writes those."""
        found: dict[str, list[str]] = {}
        for *relation, column in self.rows(
            "select table_catalog, table_schema, table_name, column_name "
            f"from information_schema.columns where table_catalog <> '{TOUCHED}'"
        ):
            found.setdefault(".".join(f'"{part}"' for part in relation), []).append(column)
        return found

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it, or nothing."""
        # Macros that ask the warehouse something begin one and leave it.
        if self._adapter.connections.get_thread_connection().transaction_open:
            self._adapter.connections.commit()
        self._adapter.connections.begin()
        try:
            yield
        except BaseException:
            self._adapter.connections.rollback_if_open()
            raise
        self._adapter.connections.commit()

    def materialise(self, unique_id: str, query: str) -> None:
        """Build a model from ``query`` among what is touched, by its own materialization."""
        node = self._among_touched(unique_id)
        node.compiled_code = query
        context = generate_runtime_model_context(node, self._config, self._parsed)
        macro = self._parsed.find_materialization_macro_by_name(
            self._config.project_name, str(node.config.materialized), self._adapter.type()
        )
        assert macro is not None
        MacroGenerator(macro, context, stack=context["context_macro_stack"])()

    def rendered(self, unique_id: str, macro: str, **arguments: Any) -> str:
        """Return what a macro of the project gives where ``this`` is the model."""
        node = self._parsed.nodes[unique_id]
        context = generate_runtime_model_context(node, self._config, self._parsed)
        return str(context[macro](**arguments))

    def compiled(self, unique_id: str) -> str:
        """Return a model's SQL as dbt compiles it now, ``is_incremental()`` being what it is."""
        node = self._parsed.nodes[unique_id]
        context = generate_runtime_model_context(node, self._config, self._parsed)
        return str(get_rendered(node.raw_code, context, node))

    def _among_touched(self, unique_id: str) -> ModelNode:
        node = self._parsed.nodes[unique_id]
        assert isinstance(node, ModelNode)
        moved = copy(node)
        moved.database = TOUCHED
        moved.relation_name = f'"{TOUCHED}"."{node.schema}"."{node.alias}"'
        moved.compiled = moved.extra_ctes_injected = True
        moved.config = copy(node.config)
        moved.config.pre_hook, moved.config.post_hook = [], []
        return moved
