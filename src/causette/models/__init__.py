"""What models there are, where their weights come from, and what is on disk. This room never runs a model."""

from causette.models.catalogue import Catalogue
from causette.models.service import Models, open_models
from causette.models.types import ModelCard, ModelFile, Progress, PullFailed, Stage

__all__ = ["Catalogue", "ModelCard", "ModelFile", "Models", "Progress", "PullFailed", "Stage", "open_models"]
