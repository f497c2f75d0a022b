"""The tests; docs/contributing.md tells what each folder is for."""
