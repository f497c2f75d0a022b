"""Places outside the database where the octets of mails live once they are filed: a folder, or a bucket."""

from storage.blobs.place import BlobPlace, open_place

__all__ = ["BlobPlace", "open_place"]
