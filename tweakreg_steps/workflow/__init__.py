"""What follows from the declarations of the steps: jobs, staleness, reasons, rules, cleaning."""
