"""Becomes rclone, which then can't delete files: `python -I -S s3_launch.py RCLONE ARGUMENT …`.

rclone replaces an object by deleting the old file and renaming the new one: in between, readers find nothing, and a
crash leaves nothing. It never has to delete anything here (deletes are Noteyard's own, s3_folder.py), and a rename
alone replaces a file in one step. So the kernel answers its calls to delete files with "done" and does nothing (a
seccomp filter; it needs no rights, and stays for good). What uploads that were broken off leave is swept up by
S3Folder.sweep. On a system without such filters it says so and runs rclone as it is.

Imports the standard library alone.
"""

import ctypes
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
ALLOW, DONE = 0x7FFF0000, 0x00050000  # SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO with errno 0
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
NUMBER, ARCHITECTURE, THIRD_ARGUMENT = 0, 4, 32  # offsets in struct seccomp_data
# machine: its number for the kernel's audit, and those of the calls unlinkat and (where it exists) unlink.
MACHINES = {"x86_64": (0xC000003E, 263, 87), "aarch64": (0xC00000B7, 35, None)}


def main() -> None:
    arguments = sys.argv[1:]
    if not forbid_deletes(os.uname().machine):
        sys.stderr.write("Objects are not replaced in one step: this system has no seccomp filters for this machine.\n")
    os.execv(arguments[0], arguments)


def filter_program(machine: str) -> list[tuple[int, int, int, int]]:
    """Instructions (code, jump if true, jump if false, constant) that answer deletes of files with success."""
    architecture, unlinkat, unlink = MACHINES[machine]
    rest = [
        (LOAD, 0, 0, NUMBER),
        (JUMP_EQUAL, 0, 3, unlinkat),
        (LOAD, 0, 0, THIRD_ARGUMENT),
        (JUMP_EQUAL, 0, 1, 0),  # its flags: 0 deletes a file, AT_REMOVEDIR a folder
        (RETURN, 0, 0, DONE),
        (RETURN, 0, 0, ALLOW),
    ]
    if unlink is not None:
        rest[1] = (JUMP_EQUAL, 1, 0, unlinkat)
        rest.insert(2, (JUMP_EQUAL, 2, 3, unlink))
    return [(LOAD, 0, 0, ARCHITECTURE), (JUMP_EQUAL, 0, len(rest) - 1, architecture), *rest]


def forbid_deletes(machine: str) -> bool:
    """Install the filter for this process and all that it becomes; whether the system could."""
    if machine not in MACHINES:
        return False
    program = filter_program(machine)
    packed = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    instructions = ctypes.create_string_buffer(packed, len(packed))
    header = struct.pack("HP", len(program), ctypes.addressof(instructions))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.create_string_buffer(header), 0, 0) == 0)


if __name__ == "__main__":
    main()
