"""Starts xllamacpp's own HTTP server; runs in xllamacpp's environment, so it imports nothing of ours.

Run as ``python xllamacpp_server.py MODEL.gguf SLOTS CONTEXT_PER_SLOT THREADS PORT``; ends when
standard input does.
"""
# pyright: reportMissingImports=false, reportUnknownVariableType=false

import sys

import xllamacpp


def main() -> None:
    """Serve until standard input ends."""
    model, slots, context, threads, port = sys.argv[1], *map(int, sys.argv[2:6])
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.port = port
    params.n_parallel = slots
    params.n_ctx = slots * context
    params.cont_batching = True
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(params)
    sys.stdin.read()
    del server


if __name__ == "__main__":
    main()
