#!/usr/bin/env bash
# The web server. bin/start and the systemd unit both run this, after the set-up.
ROOT=$(dirname "$(dirname "$(readlink -f "$0")")")
cd "$ROOT"
# Heartbeat files of the workers belong in memory: on a busy disk they stall, and gunicorn kills a worker that is well.
[ -d /dev/shm ] && beat=(--worker-tmp-dir /dev/shm)
# Checking a password takes 19 MiB for a moment. Left to itself, glibc keeps them in each worker for ever.
export MALLOC_MMAP_THRESHOLD_=1000000
# Loaded once and then forked: 58 MB for all instead of 80. No file is open by then; test_structure.py holds that.
exec .venv/bin/python -m gunicorn --workers 2 --worker-class sync --preload --no-control-socket "${beat[@]}" \
    --log-level warning --bind "127.0.0.1:${EVOKED_PORT:-8000}" 'app:create_app()'
