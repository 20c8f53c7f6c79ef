"""A Snakemake log handler that tells a run's progress to whoever listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from logging import ERROR, LogRecord
from typing import Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

NAME = "tweakreg"


@dataclass
class Listener:
    """Where the handler's findings go.

    Attributes
    ----------
    on_total
        Called with the number of jobs.
    on_started
        Called with rule and image when a job begins.
    on_done
        Called with rule, image and log when a job is done.
    on_failed
        Called with rule and image when a job has failed.
    failures
        Rule, image and log of each job that failed.
    errors
        What Snakemake itself had to complain about.
    cluster_logs
        The logs that a cluster has written of jobs that failed there.
    """

    on_total: Callable[[int], None] = lambda total: None  # noqa: ARG005
    on_started: Callable[[str, str], None] = lambda rule, image: None  # noqa: ARG005
    on_done: Callable[[str, str, str], None] = lambda rule, image, log: None  # noqa: ARG005
    on_failed: Callable[[str, str], None] = lambda rule, image: None  # noqa: ARG005
    failures: list[tuple[str, str, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    cluster_logs: list[str] = field(default_factory=list)


_listener = Listener()


class LogHandler(LogHandlerBase):
    """Turns Snakemake's events into calls of the listener."""

    def __post_init__(self) -> None:
        """Start without any job known."""
        self._jobs: dict[int, tuple[str, str, str]] = {}

    def emit(self, record: LogRecord) -> None:
        """Pass one event on."""
        event = getattr(record, "event", None)
        if event == LogEvent.RUN_INFO:
            _listener.on_total(sum(v for k, v in record.stats.items() if k not in ("total", "all")))  # type: ignore[attr-defined]
        elif event == LogEvent.JOB_INFO:
            rule, image, log = self._jobs[record.jobid] = _named(record)  # type: ignore[attr-defined]
            if rule != "all":
                _listener.on_started(rule, image)
        elif event == LogEvent.JOB_FINISHED:
            rule, image, log = self._jobs.get(record.job_id, ("", "", ""))  # type: ignore[attr-defined]
            if rule not in ("", "all"):
                _listener.on_done(rule, image, log)
        elif event == LogEvent.JOB_ERROR:
            rule, image, _ = self._jobs.get(record.jobid, (record.rule_name, "", ""))  # type: ignore[attr-defined]
            _listener.failures.append((rule, image, " ".join(map(str, record.log))))  # type: ignore[attr-defined]
            _listener.on_failed(rule, image)
            _listener.cluster_logs += map(str, record.log[1:])  # type: ignore[attr-defined]
        elif event == LogEvent.GROUP_ERROR:
            _listener.cluster_logs += map(str, record.aux_logs)  # type: ignore[attr-defined]
        elif event == LogEvent.ERROR or (event is None and record.levelno >= ERROR):
            _listener.errors.append(record.getMessage())

    @property
    def writes_to_stream(self) -> bool:
        """Whether the handler stands in for Snakemake's own messages: it does."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """Whether the handler writes a file."""
        return False

    @property
    def has_filter(self) -> bool:
        """Whether the handler needs no filter."""
        return True

    @property
    def has_formatter(self) -> bool:
        """Whether the handler needs no formatter."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """Whether the handler wants the graph of rules."""
        return False


def _named(record: Any) -> tuple[str, str, str]:  # noqa: ANN401  a record with Snakemake's fields
    """Return the rule, the image and the log of a job."""
    wildcards = dict(record.wildcards or {})
    return record.rule_name, ".".join(map(str, wildcards.values())), " ".join(map(str, record.log))


def register(listener: Listener) -> None:
    """Make the handler known to Snakemake, under the name `NAME`."""
    import sys

    global _listener  # noqa: PLW0603  Snakemake makes the handler itself and passes nothing on
    _listener = listener
    LoggerPluginRegistry().register_plugin(f"snakemake_logger_plugin_{NAME}", sys.modules[__name__])
