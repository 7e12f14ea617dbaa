#!/bin/sh
# inprocess.sh PROGRAM [PREFIX]...: runs the tests in as many processes as there are cores, or $JOBS; see inprocess.c.
set -eu
program=$1
shift
parts=${JOBS:-$(nproc 2>/dev/null || echo 2)}
logs=$(mktemp -d "${TMPDIR:-/tmp}/shardprop-inprocess-XXXXXX")
trap 'rm -rf "$logs"' EXIT

part=1
while [ "$part" -le "$parts" ]; do
    { "$program" "$@" "+$part/$parts" >"$logs/$part" 2>&1 || echo "FAILED part $part (exit status $?)" >>"$logs/$part"; } &
    part=$((part + 1))
done
wait
cat "$logs"/*
sed -n 's/^in one process: \([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "$logs"/* |
    awk -v parts="$parts" '{ passed += $1; failed += $2; skipped += $3 }
        END { printf "in %d processes: %d passed, %d failed, %d skipped\n", parts, passed, failed, skipped }'
! grep -q '^FAILED' "$logs"/*
