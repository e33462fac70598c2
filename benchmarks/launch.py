"""Start one command and write its cost to a file: launch.py RESULT COMMAND...; run with ``-I -S`` to stay small.

On Linux the peak memory of a process starts with that of its parent (it survives ``execve``).  This small process in between
keeps the memory of the measuring process out of the result.
"""

import os
import sys
import time


def main() -> int:
    """Run the command and return its exit status."""
    result, *command = sys.argv[1:]
    started = time.perf_counter()
    pid = os.fork()
    if not pid:
        os.execvp(command[0], command)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - started
    with open(result, "w", encoding="ascii") as file:  # noqa: PTH123  pathlib takes four megabytes
        file.write(f"{seconds} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss}")
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
