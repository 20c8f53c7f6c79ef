"""What has to be done: the inputs looked at, the jobs with their records, and which are stale."""
