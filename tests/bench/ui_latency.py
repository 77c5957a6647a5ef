#!/usr/bin/env python3
"""How fast the workbench answers a key while all cores train, and what the workbench costs.

usage: ui_latency.py [--keys 100] COMMAND...      (COMMAND opens the workbench, e.g. build/release/sft ui ...)
       ui_latency.py --paired 5 SFT OPTION...    (the same training with and without the workbench, in turn)
Starts COMMAND in a pseudo-terminal of 100x30, starts the training with Space in the Train view, then moves
the cursor in Data at random moments and takes the time to the first byte of the answer. Prints JSON: median,
p95 and worst in ms, CPU time of the threads that are not trainer or workers as a share of cores x wall.
With --paired it prints the trained seconds of each round and the median of the ratios.
Needs only Python's standard library."""
import argparse
import fcntl
import json
import os
import pty
import random
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time


def thread_seconds(pid):
    """CPU seconds by thread name."""
    found = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{tid}/stat", encoding="utf-8") as f:
                head, tail = f.read().rsplit(")", 1)
        except OSError:
            continue
        fields, name = tail.split(), head.split("(", 1)[1]
        seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        found[name] = found.get(name, 0) + seconds
    return found


class Terminal:
    def __init__(self, command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8")
            os.execvp(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))

    def drain(self, seconds):
        """Read until nothing has come for `seconds`, or the program has ended."""
        while select.select([self.fd], [], [], seconds)[0]:
            try:
                os.read(self.fd, 65536)
            except OSError:
                break

    def wait_for(self, wanted, seconds):
        text, end = b"", time.monotonic() + seconds
        while wanted not in text and time.monotonic() < end:
            if select.select([self.fd], [], [], .1)[0]:
                text += os.read(self.fd, 65536)
        if wanted not in text:
            sys.exit(f"the screen never showed {wanted!r}")

    def press(self, key):
        """Seconds from the key to the first byte of a redraw."""
        while select.select([self.fd], [], [], 0)[0]:
            os.read(self.fd, 65536)
        start = time.monotonic()
        os.write(self.fd, key)
        if not select.select([self.fd], [], [], 2)[0]:
            return 2.0
        return time.monotonic() - start


def trained_seconds(sft, rundir):
    shown = subprocess.run([sft, "runs", "show", rundir, "--json"], stdout=subprocess.PIPE, check=True)
    return json.loads(shown.stdout)["seconds"]


def paired(rounds, sft, options):
    """The same run without a screen and in the workbench, Train view open, nobody at the keys."""
    ratios = []
    for i in range(rounds):
        with tempfile.TemporaryDirectory() as directory:
            headless = os.path.join(directory, "headless")
            subprocess.run([sft, "train", "--out", headless] + options, check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            t = Terminal([sft, "ui", "--workspace", directory] + options)
            t.wait_for(b"Space", 20)
            time.sleep(2)
            os.write(t.fd, b"3 ")
            t.wait_for(b"finished", 1800)
            os.write(t.fd, b"q")
            t.drain(1)
            os.waitpid(t.pid, 0)
            run = os.path.join(directory, "runs", os.listdir(os.path.join(directory, "runs"))[0])
            without, with_it = trained_seconds(sft, headless), trained_seconds(sft, run)
            ratios.append(with_it / without)
            print(json.dumps({"round": i + 1, "headless_s": round(without, 2), "workbench_s": round(with_it, 2),
                              "ratio": round(ratios[-1], 4)}), flush=True)
    print(json.dumps({"median_ratio": round(statistics.median(ratios), 4)}))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--keys", type=int, default=100)
    p.add_argument("--paired", type=int, default=0)
    p.add_argument("command", nargs=argparse.REMAINDER)
    a = p.parse_args()
    if a.paired:
        paired(a.paired, a.command[0], a.command[1:])
        return
    t = Terminal(a.command)
    t.wait_for(b"Train", 10)
    time.sleep(2)
    os.write(t.fd, b"3 ")
    t.wait_for(b"running", 60)
    time.sleep(1)
    os.write(t.fd, b"1")
    time.sleep(.5)
    before, wall = thread_seconds(t.pid), time.monotonic()
    rng, taken = random.Random(0), []
    for i in range(a.keys):
        time.sleep(rng.uniform(.05, .35))
        taken.append(t.press(b"j" if i % 20 < 10 else b"k"))
    wall = time.monotonic() - wall
    after = thread_seconds(t.pid)
    used = {name: after[name] - before.get(name, 0) for name in after}
    os.kill(t.pid, signal.SIGKILL)
    taken.sort()
    interface = sum(s for name, s in used.items() if name not in ("trainer", "worker"))
    print(json.dumps({
        "keys": len(taken), "median_ms": round(1000 * statistics.median(taken), 2),
        "p95_ms": round(1000 * taken[int(.95 * len(taken))], 2), "worst_ms": round(1000 * taken[-1], 2),
        "interface_share_of_cores_x_wall": round(interface / (wall * os.cpu_count()), 5),
        "wall_s": round(wall, 1), "cpu_s_by_thread": {k: round(v, 2) for k, v in used.items()}}))


if __name__ == "__main__":
    main()
