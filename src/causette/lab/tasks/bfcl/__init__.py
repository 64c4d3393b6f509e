"""BFCL's function calls as tasks."""

from causette.lab.tasks.bfcl.tasks import CATEGORIES, find_bfcl

__all__ = ["CATEGORIES", "find_bfcl"]
