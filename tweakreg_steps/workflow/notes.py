"""What a user should know before the work begins, on the screen."""

from __future__ import annotations

import sys

from tweakreg_steps.printable import printable_line
from tweakreg_steps.workflow.project import Project


def say_notes(project: Project) -> None:
    """Write on stderr what a look at a project's files has found worth a word."""
    sys.stderr.writelines(
        f"tweakreg: warning: {printable_line(note)}\n" for note in project.findings.notes
    )
