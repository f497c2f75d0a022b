"""The queue of received mails: taken in durably, claimed fairly, filed in groups."""
