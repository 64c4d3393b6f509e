"""Tests of ``causette.platform``."""  # noqa: A005
