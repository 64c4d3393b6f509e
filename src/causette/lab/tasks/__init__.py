"""Tasks with answers that a program can judge: the same object trains, rewards and evaluates."""

from causette.lab.tasks.finding import TASKS, find_task
from causette.lab.tasks.judging import scores
from causette.lab.tasks.types import Fetched, Problem, Split, Task

__all__ = ["TASKS", "Fetched", "Problem", "Split", "Task", "find_task", "scores"]
