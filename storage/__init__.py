"""Keeps received mail, accounts, invoices and their history in one SQL database."""
