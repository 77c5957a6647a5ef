#!/usr/bin/env python3
"""Runs the parts of the comparison with Transformers and puts what they print into docs/parity.md.

usage: report.py [PART ...]     from the project root, as `make parity` does; all parts without a name
The page has a place for a part between "<!-- made by report.py: PART -->" and "<!-- end -->". A part that is
skipped (77: no interpreter, no model) or fails leaves its place as it was; a failure is the exit code.
"""
import os
import subprocess
import sys

import page

PARTS = ["tokenizer", "tokenizer_families", "files", "model", "families", "end_to_end", "accuracy"]
PAGE = "docs/parity.md"


def run(part):
    """The exit code and what was printed, which is shown as it comes."""
    script = os.path.join(os.path.dirname(__file__), part + ".py")
    lines = []
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout:
            print(line, end="", flush=True)
            lines.append(line.rstrip())
    return child.returncode, "\n".join(lines).strip("\n")


def main():
    failed = []
    for part in sys.argv[1:] or PARTS:
        print(f"\n== {part}", flush=True)
        code, text = run(part)
        if code == 0:
            page.keep(PAGE, "report.py", part, f"```\n{text}\n```")
        elif code != 77:
            failed.append(part)
    if failed:
        sys.exit("parity: failed: " + ", ".join(failed))


main()
