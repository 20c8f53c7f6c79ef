"""Doing it: Snakemake, the steps' command, the lock, the log and the progress."""
