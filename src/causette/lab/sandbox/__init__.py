"""Functions that somebody wrote, run where they can do no harm.

with Program(code, "double") as double:
    double(21)
"""

from causette.lab.sandbox.program import Failed, Program

__all__ = ["Failed", "Program"]
