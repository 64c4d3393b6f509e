"""The database: one connection policy, one set of migrations, SQLite and PostgreSQL alike.

Each room defines its tables on `metadata` in its own ``store.py`` and runs its queries inside
`Database.read` or `Database.write`.
"""

from causette.db.database import Database
from causette.db.lifeline import Lifeline
from causette.db.lookup import Lookup, Row
from causette.db.tables import UtcDateTime, UtcMicroseconds, metadata

__all__ = ["Database", "Lifeline", "Lookup", "Row", "UtcDateTime", "UtcMicroseconds", "metadata"]
