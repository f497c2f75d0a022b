"""How long each step of a mail took: the programs tell it, and it goes to a collector where one is set."""
