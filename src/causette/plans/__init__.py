"""Plans: what Free, Plus, Team and Enterprise may do, at what price, weight and limit; who subscribes to what."""

from causette.plans.features import Feature
from causette.plans.service import Plans
from causette.plans.types import Budget, Entitlements, Plan

__all__ = ["Budget", "Entitlements", "Feature", "Plan", "Plans"]
