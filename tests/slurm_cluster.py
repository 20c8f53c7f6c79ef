"""A SLURM cluster of one node on this machine, with a configuration of its own."""

from __future__ import annotations

import contextlib
import getpass
import itertools
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
PROCESSORS = 2
MEMORY = 20_000
"""MB; what the node is said to have."""
_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
_CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
ReturnToService=2
SchedulerParameters=sched_interval=1,batch_sched_delay=0
MinJobAge=300
KillWait=1
NodeName={host} NodeAddr=127.0.0.1 CPUs={processors} RealMemory={memory} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""

ASKING = (
    "-c",
    """\
import runpy, sys
from snakemake_executor_plugin_slurm import Executor
Executor.next_seconds_between_status_checks = property(lambda _: 1, lambda *_: None)
del sys.argv[1:3]  # -m tweakreg_steps
runpy.run_module("tweakreg_steps", run_name="__main__", alter_sys=True)
""",
)
"""Flags of Python for a run that asks for the state of its jobs every second, as no profile says:
the plugin asks ten seconds later each time that no job has ended."""


def is_installed() -> bool:
    """Tell whether SLURM and munge are on this machine."""
    return all(shutil.which(program, path=_PATH) for program in PROGRAMS)


@dataclass
class Cluster:
    """A cluster that runs.

    Attributes
    ----------
    folder
        Where all its files are.
    daemons
        Its processes, by the names of their programs.
    """

    folder: Path
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What SLURM's commands need."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": _PATH}

    def start(self, program: str, *words: str) -> None:
        """Start a daemon in the foreground."""
        with (self.folder / f"{program}.out").open("ab") as stream:
            self.daemons[program] = subprocess.Popen(
                [program, *words],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )

    def start_node(self) -> None:
        """Start the daemon of the node."""
        self.start("slurmd", "-D", "-f", str(self.folder / "slurm.conf"))

    def end(self, program: str) -> None:
        """Kill a daemon."""
        process = self.daemons.pop(program)
        process.kill()
        process.wait()

    def ask(self, *command: str) -> str:
        """Return what a command of SLURM says."""
        done = subprocess.run(
            command,
            env={**os.environ, **self.environment},
            check=False,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def jobs(self) -> list[str]:
        """Return the numbers of all jobs of the last minutes, ended ones included."""
        return self.ask("squeue", "--noheader", "--states=all", "--format=%i").split()

    def await_node(self, patience: float = 120.0) -> None:
        """Wait until the node takes jobs."""
        end = time.monotonic() + patience
        while "idle" not in self.ask("sinfo", "--noheader", "--format=%t"):
            assert time.monotonic() < end, self.said()
            time.sleep(0.2)

    def said(self) -> str:
        """Return what the daemons have to say."""
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("*.log")))


@contextmanager
def slurm_cluster(folder: Path) -> Iterator[Cluster]:
    """Start a cluster of one node, and end it with all its jobs."""
    cluster = Cluster(folder)
    for name in ("munge", "state", "spool"):
        (folder / name).mkdir(parents=True, mode=0o700)
    munge = folder / "munge"
    munge.chmod(0o755)
    (munge / "key").write_bytes(os.urandom(1024))
    (munge / "key").chmod(0o600)
    controller_port, node_port = itertools.islice(_free_ports(), 2)
    text = _CONFIGURATION.format(
        folder=folder,
        host=socket.gethostname().partition(".")[0],
        user=getpass.getuser(),
        controller_port=controller_port,
        node_port=node_port,
        processors=PROCESSORS,
        memory=MEMORY,
    )
    (folder / "slurm.conf").write_text(text)
    try:
        files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log"}
        options = [f"--{option}={munge / name}" for option, name in files.items()]
        cluster.start("munged", "--foreground", "--force", *options, f"--seed-file={munge}/seed")
        _await_file(munge / "socket")
        cluster.start("slurmctld", "-D", "-f", str(folder / "slurm.conf"))
        cluster.start_node()
        cluster.await_node()
        yield cluster
    finally:
        if "slurmctld" in cluster.daemons:
            with contextlib.suppress(OSError):
                cluster.ask("scancel", "--user", getpass.getuser())
            _await_quiet(cluster)
        for program in reversed([*cluster.daemons]):
            cluster.end(program)


def _await_file(path: Path, patience: float = 120.0) -> None:
    """Wait until a file is there."""
    end = time.monotonic() + patience
    while not path.exists():
        assert time.monotonic() < end, path
        time.sleep(0.05)


def _await_quiet(cluster: Cluster, patience: float = 30.0) -> None:
    """Wait until no job is left."""
    end = time.monotonic() + patience
    while cluster.ask("squeue", "--noheader").strip() and time.monotonic() < end:
        time.sleep(0.2)


def _free_ports() -> Iterator[int]:
    """Yield ports that nobody uses, below those that systems give to whoever asks for any."""
    for port in range(10_000 + os.getpid() % 10_000, 32_000):
        with socket.socket() as asking, contextlib.suppress(OSError):
            asking.bind(("127.0.0.1", port))
            yield port
