"""Takes the daemon through what must never cost a mail; `make torture`. docs/reliability.md says what and why."""
