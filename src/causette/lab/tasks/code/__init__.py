"""Tasks of writing a function, whose tests are the judge."""

from causette.lab.tasks.code.functions import Functions
from causette.lab.tasks.code.human_eval import HumanEval

__all__ = ["Functions", "HumanEval"]
