"""Compressed bodies, whose size is watched while they grow."""

import zlib

from features.errors import InputError

_GZIP = 16 + zlib.MAX_WBITS


class TooLargeError(InputError):
    """A body is longer than is taken, as it came or once it was decompressed."""

    def __init__(self, most: int) -> None:
        super().__init__(f"the body is longer than {most:,} bytes; send fewer events at once")


class NotGzipError(InputError):
    """A body that says it is gzip is not, or stops in the middle."""


def gunzip(body: bytes, most: int) -> bytes:
    """The content of a gzip body of one or several members.

    Never more than `most` bytes and one are held, however much the body would grow to.

    Raises:
        TooLargeError: there is more.
        NotGzipError: it is damaged.
    """
    content = bytearray()
    rest = body
    while rest:
        member = zlib.decompressobj(_GZIP)
        try:
            content += member.decompress(rest, most + 1 - len(content))
        except zlib.error as error:
            raise NotGzipError(f"the body is no gzip: {error}") from None
        if len(content) > most or member.unconsumed_tail:
            raise TooLargeError(most)
        if not member.eof:
            raise NotGzipError("the gzip body stops in the middle; send it again")
        rest = member.unused_data
    if not body:
        raise NotGzipError("the gzip body is empty")
    return bytes(content)
