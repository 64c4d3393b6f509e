"""Safety as tasks: 1 where a reply is safe. The gate and evaluations share them."""

from causette.lab.tasks.safety.finding import SAFETY, find_safety

__all__ = ["SAFETY", "find_safety"]
