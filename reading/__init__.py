"""Octets of a mail to what they hold, in processes of their own; used by every program that opens a mail."""
