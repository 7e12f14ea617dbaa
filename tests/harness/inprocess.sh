#!/bin/sh
# inprocess.sh PROGRAM [PREFIX]...: runs the tests, see inprocess.c, in as many processes at a time as there are cores, or
# $JOBS. $UNDER: a command that the program is run by. Each does a part of the tests, of which there are more than
# processes, so that none is idle while another has all that take long.
set -eu
program=$1
shift
jobs=${JOBS:-$(nproc 2>/dev/null || echo 2)}
parts=$((jobs > 1 ? 8 * jobs : 1))
logs=$(mktemp -d "${TMPDIR:-/tmp}/shardprop-inprocess-XXXXXX")
trap 'rm -rf "$logs"' EXIT

export logs parts
# shellcheck disable=SC2016 # that shell's variables
seq "$parts" | xargs -P "$jobs" -I '{}' sh -c '
    part=$1
    shift
    ${UNDER:-} "$@" "+$part/$parts" >"$logs/$part" 2>&1 || echo "FAILED part $part (exit status $?)" >>"$logs/$part"
' sh '{}' "$program" "$@"
cat "$logs"/*
sed -n 's/^in one process: \([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "$logs"/* |
    awk -v parts="$parts" '{ passed += $1; failed += $2; skipped += $3; ended++ }
        END { printf "in %d processes: %d passed, %d failed, %d skipped\n", parts, passed, failed, skipped
              exit ended != parts }'
! grep -q '^FAILED' "$logs"/*
