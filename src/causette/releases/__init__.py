"""What was trained and may be served: artifacts, the gate's reports, who signed, what is released to whom."""

from causette.releases.service import Releases
from causette.releases.types import Approval, Artifact, Check, GateReport, Release

__all__ = ["Approval", "Artifact", "Check", "GateReport", "Release", "Releases"]
