"""Takes mails in over SMTP and says yes to none that is not durable; knows nothing of what is in them."""
