"""The task of calling the right tool with the right arguments."""

from causette.lab.tasks.tools.calls import ToolCalls

__all__ = ["ToolCalls"]
