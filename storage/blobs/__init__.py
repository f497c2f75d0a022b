"""Where the octets of mails lie: in the database, beside it, in a folder or bucket; sealed, moved, given back."""
