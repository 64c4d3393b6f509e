"""Whether the books close, and which entry, request, counter or machine says that they do not."""

from causette.ledger.verify.checks import CHECKS, Problem, Verdict, verify

__all__ = ["CHECKS", "Problem", "Verdict", "verify"]
