"""Tests of the program `outbound`."""
