"""Company accounts, contracting partners, and how a company comes in."""
