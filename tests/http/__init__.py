"""Tests of ``causette.http``."""  # noqa: A005
