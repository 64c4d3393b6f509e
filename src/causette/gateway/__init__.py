"""The gateway: the only way to an engine.

Its name stands for what the fleet needs of it before there is anything else; the door itself is in ``service``.
"""

from causette.gateway.deployments import Deployment, Deployments, Kind

__all__ = ["Deployment", "Deployments", "Kind"]
