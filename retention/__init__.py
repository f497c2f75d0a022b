"""Deletes what has expired, and nothing before."""
