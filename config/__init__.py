"""The settings of every program, read once and checked whole."""
