"""The front door: one module a group of commands."""
