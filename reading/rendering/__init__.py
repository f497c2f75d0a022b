"""Shows invoices for machines to people: from the XML to a page that hides nothing of it."""
