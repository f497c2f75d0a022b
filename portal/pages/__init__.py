"""The pages, a module for each room of the portal."""
