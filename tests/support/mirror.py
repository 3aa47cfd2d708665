"""`python -m tests.support.mirror CODE`: tells what a process sees of itself, and ends with this exit code."""

import json
import os
import sys

if __name__ == "__main__":
    seen = {
        "arguments": sys.argv[1:],
        "directory": os.getcwd(),  # noqa: PTH109
        "environment": dict(os.environ),
        "input": sys.stdin.read(),
        "keeps bytecode": not sys.dont_write_bytecode,
        "modules": sorted(sys.modules),
        "parent": os.getppid(),
        "pid": os.getpid(),
    }
    sys.stdout.write(json.dumps(seen))
    sys.stderr.write("ä" if sys.stderr.encoding == "utf-8" else "a")
    sys.exit(int(sys.argv[1]))
