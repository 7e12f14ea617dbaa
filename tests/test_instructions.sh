#!/bin/sh
# No slower by accident: instructions a sample of a fixed small training, counted by callgrind. They repeat
# to a part in ten thousand on any machine, as seconds never do. The bounds are the counts of gcc 12 and a
# fifth more, for other compilers.
set -u
build=${BUILD:-build}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/shardprop-instructions-XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT

if ! command -v valgrind >/dev/null; then
    echo 'skipped - instruction counts: valgrind is not installed'
    exit 0
fi

# count PROGRAM EPOCHS OVERRIDE...: instructions of a whole run, which are the same however many run at a time: nothing
# is done by the clock.
count() {
    program=$1 epochs=$2
    shift 2
    own=$(mktemp -d "$scratch/XXXXXX") || exit 1
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" train configs/digits.ini --quiet \
        -s "output.dir=$own/run" -s output.checkpoint_seconds=0 -s parallel.threads=1 -s train.epochs="$epochs" "$@" \
        2>"$own/log" >"$own/out" ||
        cat "$own/log" >&2
    sed -n 's/.*Collected : //p' "$own/log"
}

# two_epochs PROGRAM OVERRIDE...: what two epochs cost beyond the start of the program and a first one.
two_epochs() {
    program=$1 first=$(mktemp "$scratch/XXXXXX") || exit 1
    shift
    count "$program" 1 "$@" >"$first" &
    all=$(count "$program" 3 "$@")
    wait
    echo $((all - $(cat "$first")))
}

# bound MOST OVERRIDE...: of each of 1,438 rows.
bound() {
    most=$1
    shift
    each=$(($(two_epochs "$build/shardprop" "$@") / 2 / 1438))
    if [ "$each" -gt 0 ] && [ "$each" -le "$most" ]; then
        echo "ok - $each instructions a sample, at most $most ($*)"
    else
        echo "not ok - $each instructions a sample, at most $most ($*)"
    fi
}

# What a training sees of its layers, and the rules that go by it, cost less than 2 %.
looking() {
    of_blind=$(mktemp "$scratch/XXXXXX") || exit 1
    two_epochs "$build/tests/harness/shardprop-blind" "$@" >"$of_blind" &
    with=$(two_epochs "$build/shardprop" "$@")
    wait
    without=$(cat "$of_blind")
    share=$(((with - without) * 10000 / without)) # of ten thousand
    if [ "$without" -gt 1000000 ] && [ "$share" -gt 0 ] && [ "$share" -lt 200 ]; then
        echo "ok - looking at itself costs $share/10000 of the instructions ($*)"
    else
        echo "not ok - looking at itself costs $share/10000 of the instructions, at most 200 ($*)"
    fi
}

# aside CHECK ARGUMENT...: begins one beside the others.
checks=0
aside() {
    checks=$((checks + 1))
    "$@" >"$scratch/verdict-$checks" 2>&1 &
}

if "$build/shardprop" --version | grep -q 'kernels.*xsmm'; then
    aside bound 9000 -s parallel.kernels=xsmm -s parallel.reduction=fused
    aside bound 9000 -s parallel.kernels=xsmm -s parallel.reduction=private
else
    echo 'skipped - instruction counts with libxsmm: it is not usable here'
fi
aside bound 16000 -s parallel.kernels=blas -s parallel.reduction=private
aside looking -s network.activation=relu,sigmoid -s network.hidden=128,64
wait
cat "$scratch"/verdict-*
[ "$(cat "$scratch"/verdict-* | grep -c '^ok - ')" -eq "$checks" ]
