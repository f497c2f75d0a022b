"""Who really sent a mail: signatures, policies and the DNS, all on loopback."""
