"""Rows of the busiest path, read and written by SQL that is made once: to make it anew for each upload costs Django
several times what the database takes to answer (docs/benchmarks-api.md). Values are converted by the fields themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import connection, models

M = TypeVar("M", bound=models.Model)


def columns(model: type[models.Model], alias: str) -> str:
    """For a SELECT whose row `read` understands."""
    return ", ".join(f'{alias}."{field.column}"' for field in model._meta.concrete_fields)


def read(model: type[M], values: Sequence[Any]) -> M:
    """The instance that these `columns` are of."""
    converted = list(values)
    for place, convert, column in _converters(model, connection.vendor):
        converted[place] = convert(converted[place], column, connection)
    return model.from_db(connection.alias, _names(model), converted)


def insert(*rows: models.Model) -> None:
    """As `save(force_insert=True)` of each, in this order and one trip to PostgreSQL; no model signals are sent."""
    statements = [_insert(type(row)) for row in rows]
    values = [
        [field.get_db_prep_save(field.pre_save(row, True), connection) for field in row._meta.concrete_fields]
        for row in rows
    ]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql" and not _binds_there():
            cursor.execute("; ".join(statements), [value for each in values for value in each])
        else:
            for statement, each in zip(statements, values, strict=True):
                cursor.execute(statement, each)
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


def _binds_there() -> bool:
    """A host may let the server bind values, which takes one statement at a time."""
    return bool(connection.settings_dict.get("OPTIONS", {}).get("server_side_binding"))


@cache
def _insert(model: type[models.Model]) -> str:
    fields = model._meta.concrete_fields
    names = ", ".join(f'"{field.column}"' for field in fields)
    return f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({", ".join(["%s"] * len(fields))})'  # noqa: S608


@cache
def _names(model: type[models.Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


@cache
def _converters(model: type[models.Model], vendor: str) -> list[tuple[int, Any, Any]]:  # noqa: ARG001  one a database
    """(place, function of value, column and connection, column), as Django's compiler applies them."""
    found = []
    for place, field in enumerate(model._meta.concrete_fields):
        column: Any = field.get_col(model._meta.db_table)  # of a foreign key: what it points to
        applied = connection.ops.get_db_converters(column) + column.get_db_converters(connection)
        found += [(place, convert, column) for convert in applied]
    return found
