"""What people decide, at the command line or on a page: carried out, and put on record with who decided it."""
