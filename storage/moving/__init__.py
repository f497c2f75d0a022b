"""Moves everything on record from SQLite to PostgreSQL while mail is taken and filed."""
