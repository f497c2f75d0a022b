"""Takes a mail apart: sender metadata and every leaf part (RFC 5322, RFC 2045, RFC 2046); nothing vanishes."""

from reading.mime.leaf_parts import MAX_DEPTH
from reading.mime.leaves import Leaf
from reading.mime.parsed_mail import ParsedMail, parse_mail

__all__ = ["MAX_DEPTH", "Leaf", "ParsedMail", "parse_mail"]
