"""Opens what is packed inside the parts of a mail: archives, Outlook's winmail.dat, S/MIME, encodings in text."""

from reading.unpacking.contents import Contents, unpack

__all__ = ["Contents", "unpack"]
