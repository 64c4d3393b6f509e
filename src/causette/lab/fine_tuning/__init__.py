"""Fine-tuning that customers ask for: jobs with OpenAI's protocol, carried out as runs of the lab."""

from causette.lab.fine_tuning.service import FineTuning

__all__ = ["FineTuning"]
