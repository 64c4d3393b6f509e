"""The audit log: who did what to whom, of all that those who run the house do."""

from causette.audit.service import COMMAND_LINE, AuditLog
from causette.audit.types import AuditEntry, AuditOutcome

__all__ = ["COMMAND_LINE", "AuditEntry", "AuditLog", "AuditOutcome"]
