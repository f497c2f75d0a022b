"""Reads invoice documents, one module a syntax, into the terms of EN 16931."""
