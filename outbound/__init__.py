"""The program `outbound`: hands the mails of the outbox to the smarthost."""
