"""The portal in a real browser, beside a real mailbox and a real receiver of the mails that we send."""
