"""What `invoices check-config` tries: each check returns what it found, or raises with what to do about it."""
