#!/bin/sh
# coverage.sh [PREFIX]...: runs the tests (see inprocess.c) and tells which share of the lines of src/ they went
# through; less than 90 % is a failure.
set -eu
build=${BUILD:-build/coverage}
least=90

rm -f "$build"/profile-*.raw
LLVM_PROFILE_FILE=$PWD/$build/profile-%p-%m.raw tests/harness/inprocess.sh "$build/tests/inprocess" "$@"
llvm-profdata-14 merge -sparse -o "$build/profile" "$build"/profile-*.raw
rm -f "$build"/profile-*.raw
llvm-cov-14 report "$build/tests/inprocess" -object "$build/shardprop" -instr-profile="$build/profile" \
    -show-region-summary=false -show-branch-summary=false src >"$build/coverage.txt"
cat "$build/coverage.txt"
awk -v least=$least '$1 == "TOTAL" { share = $NF; sub("%", "", share); found = 1 }
    END {
        if (!found) { print "coverage: no total"; exit 1 }
        printf "lines of src/ that tests go through: %s %% (at least %d)\n", share, least
        exit share < least
    }' "$build/coverage.txt"
