"""What the house says of itself: structured logs with the request's id, and Prometheus metrics.

Neither ever holds a prompt, a reply or a secret.
"""

import logging
import sys
from contextvars import ContextVar
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from causette.settings import Settings

#: The id of the request being answered, which the client gets as ``x-request-id``; empty outside of one.
request_id: ContextVar[str] = ContextVar("request_id", default="")

#: What metrics call the version that is no release's: the model that the house began with.
BASE: Final = "base"

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_TOKEN_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


def configure_logging(settings: Settings) -> None:
    """Send structured logs to standard error: for people on a console, or as one JSON object a line."""
    renderer = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        # Its own tracebacks show the values of variables, and those can be prompts.
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    described: list[structlog.typing.Processor] = [
        _add_request_id,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*described, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.log_level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries that use the standard module: only what is wrong, in the same form.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *described],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def _add_request_id(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if known := request_id.get():
        event["request_id"] = known
    return event


class Metrics:
    """Every metric Causette exports, in a registry of its own so that two applications in a process do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        on = self.registry
        self.requests = Counter(
            "causette_http_requests", "HTTP requests answered", ["method", "route", "status"], registry=on
        )
        self.request_seconds = Histogram(
            "causette_http_request_seconds",
            "Seconds from a request's head to the end of its answer",
            ["route"],
            buckets=_SECONDS,
            registry=on,
        )
        self.generations = Counter(
            "causette_generations", "Requests for text that ended, by how", ["model", "outcome"], registry=on
        )
        self.versions = Counter(
            "causette_version_generations",
            "Requests for text that began and ended, by the release that answered ('base' without one) and by how",
            ["model", "version", "outcome"],
            registry=on,
        )
        self.ttft = Histogram(
            "causette_time_to_first_token_seconds",
            "Seconds from a request's arrival to its first token",
            ["model"],
            buckets=_SECONDS,
            registry=on,
        )
        self.tpot = Histogram(
            "causette_time_per_output_token_seconds",
            "Mean seconds a token of a reply after its first",
            ["model"],
            buckets=_TOKEN_SECONDS,
            registry=on,
        )
        self.queue_seconds = Histogram(
            "causette_queue_seconds",
            "Seconds a request waited in the engine before its first step",
            ["model"],
            buckets=_SECONDS,
            registry=on,
        )
        self.tokens = Counter(
            "causette_tokens",
            "Tokens by meter; cached ones are part of input",
            ["model", "meter"],
            registry=on,
        )
        self.screened = Counter(
            "causette_screened",
            "Requests that the policy found something in, by category; only the strictest ones of a request",
            ["surface", "action", "category"],
            registry=on,
        )
        self.compute_seconds = Counter(
            "causette_compute_seconds", "Engine time attributed to requests", ["model"], registry=on
        )
        self.in_flight = Gauge(
            "causette_generations_in_flight", "Requests for text being worked on", ["model"], registry=on
        )
        self.requests_waiting = Gauge(
            "causette_requests_waiting",
            "Requests in line for an engine at the gateway",
            ["model"],
            registry=on,
        )
        self.engine_up = Gauge(
            "causette_engine_up", "Whether an engine answers (1) or not (0)", ["model"], registry=on
        )
        self.engine_queue = Gauge(
            "causette_engine_queue", "Requests an engine holds, by state", ["model", "state"], registry=on
        )
        self.engine_cache = Gauge(
            "causette_engine_cache_usage", "Share of the KV cache in use, 0 to 1", ["model"], registry=on
        )
        self.unserved = Gauge(
            "causette_releases_unserved",
            "Releases in force that this process cannot serve",
            ["model"],
            registry=on,
        )
        self.engine_restarts = Counter(
            "causette_engine_restarts",
            "Times an engine process had to be started again",
            ["model"],
            registry=on,
        )
