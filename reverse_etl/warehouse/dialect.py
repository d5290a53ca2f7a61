"""Where the engines' SQL differs: a few expressions. Every other statement is common to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

# Fingerprints that no content has: of what may be at the channel or not, and of what differs there.
IN_DOUBT = "00000000-0000-0000-0000-000000000000"
UNLIKE = "ffffffff-ffff-ffff-ffff-ffffffffffff"
NULL = "chr(30)"
SEPARATOR = "chr(31)"
# How DuckDB's types are called whose values are all of one length.
FIXED_WIDTH = (
    *("bool", "tiny", "small", "int", "big", "huge", "uti", "usm", "uin", "ubi", "uhu", "uuid"),
    *("float", "double", "dec", "date", "time"),
)


def quote(name: str) -> str:
    """Return ``name`` as an identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """Return ``value`` as a literal; text in quotes, ``None`` as null."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


class Dialect(Protocol):
    """One engine's way to say the few things that are not common SQL."""

    name: str
    marks_type: str
    hash_type: str
    kept_text: str  # the type of a text column in a log, which grows and is seldom read
    quick_text: str  # and in a table that a run writes or reads as a whole
    numbering: str  # what makes ``next_run_number`` possible
    next_run_number: str  # over ``sync.sync_runs``

    def value(self, column: str, data_type: str) -> str:
        """Return the column as JSON shall hold it: times as ISO 8601 in UTC, no NaN."""
        ...

    def json_object(self, values: Mapping[str, str]) -> str:
        """Return an expression for a JSON object, as text, of names and expressions."""
        ...

    def json_text(self, document: str, name: str) -> str:
        """Return an expression for one text member of a JSON object."""
        ...

    def marks(self, values: Sequence[str]) -> str:
        """Return a list of one short hash per expression, to tell which of them changed.

        That a record changed is known by its md5; the marks only name the fields, so a hash of
        the engine's own, five times as fast, serves.
        """
        ...

    def quick_hash(self, values: Mapping[str, str], types: Mapping[str, str]) -> str:
        """Return a 64-bit hash of a record, by column, that is compared before its md5 is.

        Where it is the same as ever, nothing has changed. Where it is not, be it that another
        version of the engine hashes otherwise, the md5 decides.
        """
        ...

    def one_of(self, words: Iterable[str]) -> str:
        """Return the type of a column that holds one of a few words."""
        ...

    def short_hash(self, text: str) -> str:
        """Return an expression for a 64-bit hash of a text."""
        ...

    def sha256(self, text: str) -> str:
        """Return an expression for the hexadecimal SHA-256 of a text."""
        ...


class DuckDB:
    """DuckDB's expressions."""

    name = "duckdb"
    marks_type = "uinteger[]"
    hash_type = "ubigint"
    # Trying out every compression there is costs more than to write: say which, or none.
    kept_text = "text using compression fsst"
    quick_text = "text using compression uncompressed"
    numbering = "select 1"  # nothing: the file has one user at a time
    next_run_number = "(select coalesce(max(run_number), 0) + 1 from sync.sync_runs)"

    def value(self, column: str, data_type: str) -> str:
        """See ``Dialect.value``."""
        kind = data_type.lower()
        if kind.startswith("timestamp with time zone"):
            column, kind = f"({column} at time zone 'UTC')", "timestamp"
        if kind.startswith("timestamp"):
            return f"strftime({column}, '%Y-%m-%dT%H:%M:%S.%gZ')"
        if kind in ("double", "float", "real"):
            return f"case when isfinite({column}) then {column} end"
        return column

    def json_object(self, values: Mapping[str, str]) -> str:
        """See ``Dialect.json_object``."""
        members = ", ".join(f"{quote(name)} := {value}" for name, value in values.items())
        return f"cast(to_json(struct_pack({members})) as varchar)" if values else "'{}'"

    def json_text(self, document: str, name: str) -> str:
        """See ``Dialect.json_text``."""
        return f"json_extract_string({document}, {literal('$.' + quote(name))})"

    def marks(self, values: Sequence[str]) -> str:
        """See ``Dialect.marks``."""
        return f"[{', '.join(f'(hash({value}) & 4294967295)::uinteger' for value in values)}]"

    def quick_hash(self, values: Mapping[str, str], types: Mapping[str, str]) -> str:
        """See ``Dialect.quick_hash``.

        DuckDB hashes text by eight bytes at a time and mixes upwards alone: two texts that differ
        in the last byte of two such words are alike for one in 256. Moved on by half a word the
        same bytes stand low and mix through it, so each text is hashed in both places.
        """
        hashed = [literal("\x1f".join(values))]
        for name, value in values.items():
            hashed.append(value)
            if not types[name].lower().startswith(FIXED_WIDTH):
                hashed.append(f"'....' || cast({value} as text)")
        return f"hash({', '.join(hashed)})"

    def one_of(self, words: Iterable[str]) -> str:
        """See ``Dialect.one_of``: a byte a row; sorted, so that it sorts as the words do."""
        return f"enum({', '.join(map(literal, sorted(words)))})"

    def short_hash(self, text: str) -> str:
        """See ``Dialect.short_hash``."""
        return f"hash({text})"

    def sha256(self, text: str) -> str:
        """See ``Dialect.sha256``."""
        return f"sha256({text})"


class PostgreSQL:
    """PostgreSQL's expressions."""

    name = "postgres"
    marks_type = "integer[]"
    hash_type = "bigint"
    kept_text = quick_text = "text"
    numbering = (
        "create sequence sync.run_numbers; select setval('sync.run_numbers', "
        "(select coalesce(max(run_number), 0) + 1 from sync.sync_runs), false)"
    )
    next_run_number = "nextval('sync.run_numbers')"

    def value(self, column: str, data_type: str) -> str:
        """See ``Dialect.value``."""
        kind = data_type.lower()
        if kind.startswith("timestamp with time zone"):
            column, kind = f"({column} at time zone 'UTC')", "timestamp"
        if kind.startswith("timestamp"):
            return f"""to_char({column}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
        if kind in ("double precision", "real"):
            return f"case when {column} not in ('NaN', 'Infinity', '-Infinity') then {column} end"
        return column

    def json_object(self, values: Mapping[str, str]) -> str:
        """See ``Dialect.json_object``.

        Built from a row, because a function call takes no more than a hundred arguments.
        """
        if not values:
            return "'{}'"
        members = ", ".join(f"{value} as {quote(name)}" for name, value in values.items())
        return f"(select cast(row_to_json(members) as text) from (select {members}) as members)"

    def json_text(self, document: str, name: str) -> str:
        """See ``Dialect.json_text``."""
        return f"(cast({document} as json) ->> {literal(name)})"

    def marks(self, values: Sequence[str]) -> str:
        """See ``Dialect.marks``."""
        hashes = ", ".join(f"hashtext(cast({value} as text))" for value in values)
        return f"cast(array[{hashes}] as integer[])"

    def quick_hash(self, values: Mapping[str, str], types: Mapping[str, str]) -> str:
        """See ``Dialect.quick_hash``."""
        return f"hashtextextended({_as_text(values)}, 0)"

    def one_of(self, words: Iterable[str]) -> str:
        """See ``Dialect.one_of``."""
        return "text"

    def short_hash(self, text: str) -> str:
        """See ``Dialect.short_hash``."""
        return f"hashtextextended({text}, 0)"

    def sha256(self, text: str) -> str:
        """See ``Dialect.sha256``."""
        return f"encode(sha256(convert_to({text}, 'UTF8')), 'hex')"


def fingerprint(values: Mapping[str, str]) -> str:
    """Return an expression for the md5 of a record; the names count, so a renamed field is sent.

    Its type is ``uuid``: sixteen bytes are compared and stored in a fraction of a text's time.
    """
    return f"cast(md5({_as_text(values)}) as uuid)"


def _as_text(values: Mapping[str, str]) -> str:
    texts = [f"coalesce(cast({value} as text), {NULL})" for value in values.values()]
    names = literal("\x1f".join(values))
    return f"concat_ws({', '.join([SEPARATOR, names, *texts])})"


def key(columns: Sequence[str], table: str) -> str:
    """Return an expression for a record's key: its one column, or several joined by ``/``.

    It is null where one of them is missing or blank: such a record cannot be found again.
    """
    texts = [f"cast({table}.{quote(column)} as text)" for column in columns]
    if len(texts) == 1:
        return f"case when trim({texts[0]}) <> '' then {texts[0]} end"
    parts = [
        f"case when trim({text}) <> '' then replace(replace({text}, '\\', '\\\\'), '/', '\\/') end"
        for text in texts
    ]
    return " || '/' || ".join(parts)
