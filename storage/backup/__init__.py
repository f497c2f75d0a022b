"""Copies a whole store into an archive while everything runs, and makes a store of an archive again."""
