"""Says what an invoice is worth: the official rules, checks of our own, and the two views held side by side."""
