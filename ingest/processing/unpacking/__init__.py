"""Opens what is packed inside the parts of a mail: archives, Outlook's winmail.dat, S/MIME, encodings in text."""

from ingest.processing.unpacking.contents import Contents, unpack

__all__ = ["Contents", "unpack"]
