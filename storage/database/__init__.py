"""How statements reach either engine: connections, locks, journals, errors of drivers, and rows in bulk."""
