"""Which object keys a plain folder can hold, as rclone writes them into it. Pure.

What is refused here, rclone would write under another name, into another folder, or answer with endless 500s. The
characters were found by writing every one of them (rclone 1.75.2, backend `local`).
"""

import re

KEY_BYTES = 1024
SEGMENT_BYTES = 255
# Every level costs rclone a look at every level above.
SEGMENTS = 64
RESERVED = (".rclone_temp_", ".rclone_multipart_upload_")
CONTROL = re.compile("[\x00-\x1f\x7f]")
# rclone's own escapes: the picture of a control character stands for the character, and U+201B for itself twice.
ESCAPES = re.compile("[\u2400-\u2421\u201b]")


def name_problem(key: str) -> str | None:
    """Why no file can be named `key` under a bucket's folder, as the end of a sentence; None when one can.

    `key` is decoded, without a leading slash; one trailing slash names a folder.
    """
    path = key.removesuffix("/")
    segments = path.split("/")
    if len(key.encode()) > KEY_BYTES:
        return f"is longer than {KEY_BYTES} bytes"
    if any(segment in (".", "..") for segment in segments):
        return "has a part . or .., and keys are files' paths here"
    if not all(segments):
        return "has a part without a name (// or a slash at its start), and keys are files' paths here"
    if any(len(segment.encode()) > SEGMENT_BYTES for segment in segments):
        return f"has a part longer than {SEGMENT_BYTES} bytes, the most for a file's name"
    if len(segments) > SEGMENTS:
        return f"has more than {SEGMENTS} parts between slashes"
    if CONTROL.search(key):
        return "has a control character"
    if character := ESCAPES.search(key):
        return f"has the character U+{ord(character[0]):04X}, which file names can't hold here"
    if any(segment.startswith(RESERVED) for segment in segments):
        return f"has a part that starts with {' or '.join(RESERVED)}, the names of uploads under way"
    return None
