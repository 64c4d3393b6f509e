"""The gate: whether a candidate may take the place of what is served, by a policy's bounds."""

from causette.lab.gate.policy import Policy, read_policy
from causette.lab.gate.rules import Measured, is_known, judge

__all__ = ["Measured", "Policy", "is_known", "judge", "read_policy"]
