"""Who really sent a mail: SPF, DKIM, DMARC, ARC, and what our relay found out (RFC 7208, 6376, 7489, 8617, 8601)."""
