"""Invoices on record: their inboxes, their history, what was found out and decided about them."""
