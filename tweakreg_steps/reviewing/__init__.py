"""Looking at the fits of a run, and deciding which of them may go into headers."""
