"""Knows mail, and nothing of SMTP: from octets to what is written on record."""
