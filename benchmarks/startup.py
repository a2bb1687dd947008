"""How long a command takes to answer.

    python benchmarks/startup.py [--repeat 9] [--save]

`unpaired --help` beside an interpreter that does nothing and beside one that only imports torch, in turn.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from timing import Timing, table, write_result

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "unpaired --help": ["-m", "unpaired", "--help"],
    "import torch": ["-c", "import torch"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--save", action="store_true", help="write to benchmarks/results")
    options = parser.parse_args()
    timing = Timing(rounds={name: [] for name in COMMANDS})
    for i in range(options.repeat + 1):
        for name, arguments in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
            if i:  # the first round fills the system's file cache
                timing.rounds[name].append(time.perf_counter() - start)
    base = "python -c pass"
    rows = {
        name: {
            "seconds": timing.median(name),
            "lowest": min(timing.rounds[name]),
            "ratio": timing.ratio(name, base),
        }
        for name in COMMANDS
    }  # fmt: skip
    print(table([
        {
            "": name,
            "s": f"{r['seconds']:.3f}",
            "lowest": f"{r['lowest']:.3f}",
            f"× {base}": f"{r['ratio']:.1f}",
        }
        for name, r in rows.items()
    ]))  # fmt: skip
    if options.save:
        print(write_result("startup", {"repeat": options.repeat, "commands": rows}))


if __name__ == "__main__":
    main()
