"""The words of the house as plain, frozen values: no library, importable by everyone; a module for each topic."""
