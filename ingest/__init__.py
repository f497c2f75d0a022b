"""Takes invoice mails in and puts each invoice on record."""
