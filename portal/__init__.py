"""The portal: pages on which people of the companies look at their invoices."""
