"""Causette's tests. One folder a room; what several rooms share is in the modules beside this one."""
