"""What the decoding child and its parent say to each other.

The parent writes lines of JSON; the child answers in messages: one byte of kind, four bytes of
length, then the bytes.
"""

import struct
from enum import Enum
from typing import Final

HEADER: Final = struct.Struct("<cI")
MOST_BYTES: Final = 1 << 20  # of one message; the child cuts what is longer


class Kind(bytes, Enum):
    """Kinds of messages from the child."""

    INFO = b"I"  # JSON of `AudioInfo`: the file is open
    SAMPLES = b"S"  # float32 in the machine's byte order
    ALIVE = b"A"  # nothing, but the work goes on
    END = b"D"  # JSON: warnings and measurements
    ERROR = b"E"  # JSON: the sentence of an AudioError
