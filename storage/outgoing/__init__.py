"""What we send: mails and calls of webhooks."""
