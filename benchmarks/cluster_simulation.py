"""Simulate a run of many exposures on a cluster, from what its parts were measured to cost.

usage: python benchmarks/cluster_simulation.py [--exposures N] [--nodes N] [--group N] ...

Nothing is run.  The process that plans and sends is one server, the processors of the nodes are as
many others.  Exposures are found in groups, then fitted in groups; a group is sent when the head
comes to it and begins when a processor is free; the first fit waits for the reference.  What comes
out is how long each part takes, which of them dominates, and what other sizes of groups and other
numbers of nodes would make of it.  The costs are seconds of CPU of one processor; each default says
where it was measured, and can be given as an option.
"""

from __future__ import annotations

import argparse
import heapq
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True)
class Cluster:
    """A run and what its parts cost; each field is an option of the command line."""

    exposures: int = 10_000
    nodes: int = 50
    processors: int = 2
    """Of a node."""
    group: int = 50
    """Exposures a job."""
    find: float = 0.9
    """Of a full-size exposure: mask, sources, source list."""
    fit: float = 2.5
    """Of a full-size exposure: match, fit, header, plots, catalogs, page.

    Both together are a quarter of the alignment benchmark's cold run of four, without start-up.
    """
    start: float = 1.7
    """Of a job on a node: Snakemake itself; benchmarks/cluster.py, overhead."""
    warm: float = 1.9
    """Of a job on a node: imports of its warm process."""
    plan: float = 0.005
    """Of an exposure, on the head: the first plan; benchmarks/planning.py."""
    graph: float = 0.05
    """Of an exposure, on the head: Snakemake's graph of jobs (snakemake -n, 1,000 exposures)."""
    send: float = 0.2
    """Of a job, on the head: sending it."""
    note: float = 0.03
    """Of an exposure and group, on the head: Snakemake's look at what a job has made.

    A run of 100 tiny exposures through SLURM cost its head 25 s, with 10 s for some 300 looks at
    the queue, 4 s to start, and 5 s for the graph.
    """
    tables: float = 0.004
    """Of an exposure, on the head: summary, report, ledger and logs at the end."""
    queue: float = 10.0
    """Of a job: how long the batch system takes to start it on a free processor."""


@dataclass(frozen=True)
class Outcome:
    """How a run went, seconds since it was started.

    Attributes
    ----------
    planned, sent
        The plan and the graph are there; the last job is sent.
    found, fitted
        The last exposure is found, and fitted.
    ended
        The tables are there.
    head
        CPU of the head.
    work, overhead
        CPU of the nodes: for the exposures, and for starting jobs.
    """

    planned: float
    sent: float
    found: float
    fitted: float
    ended: float
    head: float
    work: float
    overhead: float


class Head:
    """The process that sends jobs and takes note of their ends, one thing at a time."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.cpu = now

    def do(self, *, ready: float, cost: float) -> float:
        """Do something that can be done from some time on; return when it is done."""
        self.now = max(self.now, ready) + cost
        self.cpu += cost
        return self.now


def simulate(run: Cluster) -> Outcome:
    """Return how a run goes."""
    sizes = [
        len(range(i, min(i + run.group, run.exposures))) for i in range(0, run.exposures, run.group)
    ]
    head = Head(run.exposures * (run.plan + run.graph))
    planned = head.now
    processors = [0.0] * (run.nodes * run.processors)
    ends: list[tuple[float, bool, int]] = []
    overhead = 0.0
    found = fitted = sent = 0.0

    def send(size: int, *, ready: float, is_fit: bool) -> None:
        nonlocal overhead, sent
        sent = head.do(ready=ready, cost=run.send)
        begin = max(sent + run.queue, heapq.heappop(processors))
        work = size * (run.fit if is_fit else run.find)
        overhead += run.start + run.warm
        end = begin + run.start + run.warm + work
        heapq.heappush(processors, end)
        heapq.heappush(ends, (end, is_fit, size))

    for size in sizes:
        send(size, ready=planned, is_fit=False)
    while ends:
        end, is_fit, size = heapq.heappop(ends)
        noted = head.do(ready=end, cost=size * run.note)
        if is_fit:
            fitted = noted
        else:
            found = noted
            send(size, ready=noted, is_fit=True)
    ended = head.do(ready=fitted, cost=run.exposures * run.tables)
    work = run.exposures * (run.find + run.fit)
    return Outcome(planned, sent, found, fitted, ended, head.cpu, work, overhead)


def report(run: Cluster) -> Iterator[str]:
    """Yield the tables."""
    found = simulate(run)
    slots = run.nodes * run.processors
    busy = (found.work + found.overhead) / (slots * found.ended)
    yield f"{run.exposures} exposures, {run.nodes} nodes of {run.processors}, {run.group} a job"
    yield f"  planned after {found.planned:8.0f} s"
    yield f"  found after   {found.found:8.0f} s"
    yield f"  fitted after  {found.fitted:8.0f} s"
    yield f"  ended after   {found.ended:8.0f} s"
    yield f"  CPU of the head {found.head:.0f} s, of the nodes {found.work + found.overhead:.0f} s"
    yield f"  (to start jobs: {found.overhead:.0f} s); nodes busy {100 * busy:.0f} %"
    yield f"  nothing but the work, ideally divided: {found.work / slots:8.0f} s"
    yield from _table("exposures a job", "group", (1, 5, 20, 50, 200, 1000), run)
    yield from _table("nodes", "nodes", (1, 5, 10, 50, 200, 1000), run)
    yield from _table("exposures", "exposures", (100, 1000, 10_000, 100_000), run)


def _table(title: str, field: str, values: tuple[int, ...], run: Cluster) -> Iterator[str]:
    """Yield what other values of a field would make of a run."""
    head = ("ended [s]", "head [s]", "nodes [s]", "overhead", "bound by")
    yield ""
    yield f"{title:>16}" + "".join(f"{name:>12}" for name in head)
    for value in values:
        other = replace(run, **{field: value})
        found = simulate(other)
        nodes = (found.work + found.overhead) / (other.nodes * other.processors)
        by = "head" if found.head > nodes else "nodes"
        numbers = f"{found.ended:12.0f}{found.head:12.0f}{nodes:12.0f}"
        yield f"{value:16d}{numbers}{found.overhead / found.work:12.2f}{by:>12}"


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description="Simulate a run on a cluster.")
    for field in fields(Cluster):
        parser.add_argument(f"--{field.name}", type=type(field.default), default=field.default)
    print("\n".join(report(Cluster(**vars(parser.parse_args())))))


if __name__ == "__main__":
    main()
