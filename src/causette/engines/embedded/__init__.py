"""The embedded engine: one model in a process of its own, speaking the OpenAI protocol on a Unix socket.

``python -m causette.engines.embedded`` is that process; ``causette.engines.supervisor`` starts and restarts it.
Nothing in here is imported by the web process, so that serving pages never loads a model's libraries.
"""
