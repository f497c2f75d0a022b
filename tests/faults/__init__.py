"""The faults of docs/runbook.md, provoked one by one: each has to show in `status`, in a metric and in the log."""
