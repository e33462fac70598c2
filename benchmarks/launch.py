"""Start one command and tell what it took: launch.py RESULT WORDS...; run with ``-I -S``, so that it is small.

The kernel's peak of a process begins with the memory of who started it (Linux keeps it over ``execve``): a large process that
measures would be measured itself.  So there is a small one in between.
"""

import os
import sys
import time


def main() -> int:
    """Run the words that are left; its status is that of the command."""
    result, *words = sys.argv[1:]
    began = time.perf_counter()
    pid = os.fork()
    if not pid:
        os.execvp(words[0], words)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - began
    with open(result, "w", encoding="ascii") as file:  # noqa: PTH123  pathlib is four megabytes
        file.write(f"{seconds} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss}")
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
