"""The pages' templates are read when this is imported, by the warm process, and then no more."""

from tweakreg_steps.reporting.rendering import read_templates

read_templates()
