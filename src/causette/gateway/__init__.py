"""The gateway: the only way to an engine."""

from causette.gateway.deployments import Deployment, Deployments, Kind
from causette.gateway.service import Gateway

__all__ = ["Deployment", "Deployments", "Gateway", "Kind"]
