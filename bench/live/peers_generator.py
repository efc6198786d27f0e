#!/usr/bin/python3
"""The Yjs workloads with the generator of ../shared/peers/server instead of the project's own.

    bench/live/peers_generator.py --workload w1 --source loadgen.cpp --scratch FOLDER
        --server NAME:PORT:PID[:POSTMASTER] … [--seconds 3] [--runs 3] [--clients 1000] [--documents 100]
        [--token TOKEN --psql 'COMMAND …']

Nobody of this project wrote it, it comes from outside of every server, and the aims were
measured with it. It differs from bench-live: it is not told to rest between updates, so that
servers are woken for each; all clients are one user; and it knows the dialects of y-websocket
and Hocuspocus only. Prints a line a run and a `figure` line a server, as bench-live --by-server.

Servers are measured by turns. For the server "yjs", the bridge, every run has documents of its
own, because the generator's clients always have the same Yjs client ids: --psql, a command that
takes SQL from its standard input, makes the rows.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys

# --mode, further arguments, the figure's name, where its value stands in the output, unit.
WORKLOADS = {
    "w1": ("w1", ("w1_p50_ms", r"W1 .*? p50=([\d.]+)", "ms"), ("w1_p99_ms", r"W1 .*? p99=([\d.]+)", "ms")),
    "w2": ("w2", ("w2_last_p99_ms", r"LAST receiver p50=[\d.]+ p99=([\d.]+)", "ms")),
    "w3": ("ramp", ("w3_per_s", r"max_sustained_upd/s=(\d+)", "1/s")),
    "w5": ("w5", ("w5_ms", r"median=([\d.]+)", "ms")),
}
RATE_OF_THE_WRITER = 20
FIRST_RATE = 1000
PATIENCE = 200  # seconds that a run may take


def compile_generator(source, scratch):
    program = os.path.join(scratch, "peers-generator")
    if not os.path.exists(program) or os.path.getmtime(program) < os.path.getmtime(source):
        subprocess.run(["g++", "-std=c++20", "-O2", "-w", "-o", program, source], check=True)
    return program


def load_of(workload, options):
    """The generator's arguments for a workload."""
    mode = WORKLOADS[workload][0]
    if workload == "w1":
        return ["--mode", mode, "--conns", options.clients, "--docs", options.documents, "--rate", "1", "--secs", options.seconds]
    if workload == "w2":
        return ["--mode", mode, "--conns", options.clients, "--rate", RATE_OF_THE_WRITER, "--secs", options.seconds]
    if workload == "w3":
        return ["--mode", mode, "--conns", options.clients, "--docs", options.documents, "--rate", FIRST_RATE, "--secs", options.seconds]
    return ["--mode", mode]


def make_documents(options, prefix):
    """Rows of the table that setup.sql makes, with keys PREFIX0 and on."""
    sql = (
        "INSERT INTO page (tenant, id) "
        f"SELECT 'acme', '{prefix}' || n FROM generate_series(0, {int(options.documents) - 1}) n;"
    )
    subprocess.run(options.psql, shell=True, input=sql, text=True, check=True, stdout=subprocess.DEVNULL)


def run_once(program, workload, server, run, options):
    name, port, pid, *postmaster = server.split(":")
    environment = dict(os.environ, WARM="1")
    dialect = "hocus" if name == "hocuspocus" else "yws"
    if name == "yjs":
        prefix = f"{workload}-{os.getpid()}-{run}-"
        make_documents(options, prefix)
        environment |= {"DOC_PREFIX": f"yjs/page/{prefix}", "DOC_SUFFIX": "/body", "SUBPROTOCOL": f"converge.yjs, converge.token.{options.token}"}
    arguments = ["--proto", dialect, "--port", port, "--pid", pid, "--pg", *(postmaster or ["0"]), "--label", name]
    try:
        done = subprocess.run(
            [program, *arguments, *map(str, load_of(workload, options))],
            env=environment, text=True, stdout=subprocess.PIPE, timeout=PATIENCE, check=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as failure:
        sys.exit(f"peers_generator: {name} in {workload}: {failure}")
    print("  " + done.stdout.strip(), flush=True)
    return done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workload", choices=WORKLOADS, required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--server", action="append", required=True)
    parser.add_argument("--seconds", default=3, type=int)
    parser.add_argument("--runs", default=3, type=int)
    parser.add_argument("--clients", default=1000, type=int)
    parser.add_argument("--documents", default=100, type=int)
    parser.add_argument("--prefix", default="")
    parser.add_argument("--token", default="")
    parser.add_argument("--psql", default="")
    options = parser.parse_args()

    program = compile_generator(options.source, options.scratch)
    figures = {}
    for run in range(options.runs):
        for server in options.server:
            output = run_once(program, options.workload, server, run, options)
            for figure, pattern, unit in WORKLOADS[options.workload][1:]:
                found = re.search(pattern, output)
                if found is None:
                    sys.exit(f"peers_generator: no {figure} in: {output.strip()}")
                figures.setdefault((f"{server.split(':')[0]}_{figure}", unit), []).append(float(found[1]))
    for (name, unit), values in figures.items():
        print(f"figure {options.prefix}{name} {statistics.median(values):g} {unit}")


if __name__ == "__main__":
    main()
