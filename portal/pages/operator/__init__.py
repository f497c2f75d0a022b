"""The pages of those who run the mailbox; every one asks for an operator's seat."""
