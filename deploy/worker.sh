#!/usr/bin/env bash
# The worker: one process, at low priority, that finishes its task when told to stop.
ROOT=$(dirname "$(dirname "$(readlink -f "$0")")")
cd "$ROOT"
exec nice -n 15 .venv/bin/python -m huey.bin.huey_consumer tasks.huey \
    -q -k process -w 1 -M 100 -c 1 -m 1 -f -g TERM -t 30
