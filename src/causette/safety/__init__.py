"""Safety: what is screened before any work is done."""

from causette.safety.live_policy import LivePolicy
from causette.safety.screening import PolicyScreen
from causette.safety.service import Safety
from causette.safety.types import Screen, Surface, Verdict

__all__ = ["LivePolicy", "PolicyScreen", "Safety", "Screen", "Surface", "Verdict"]
