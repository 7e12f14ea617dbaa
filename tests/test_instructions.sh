#!/bin/sh
# No slower by accident: instructions a sample of a fixed small training, counted by callgrind. They repeat
# to a part in ten thousand on any machine, as seconds never do. The bounds are the counts of gcc 12 and a
# fifth more, for other compilers.
set -u
build=${BUILD:-build}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/shardprop-instructions-XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT
failed=0

if ! command -v valgrind >/dev/null; then
    echo 'skipped - instruction counts: valgrind is not installed'
    exit 0
fi

# count PROGRAM EPOCHS OVERRIDE...: instructions of a whole run.
count() {
    program=$1 epochs=$2
    shift 2
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" train configs/digits.ini --quiet \
        -s "output.dir=$scratch/run" -s parallel.threads=1 -s train.epochs="$epochs" "$@" 2>"$scratch/log" >"$scratch/out" ||
        cat "$scratch/log" >&2
    sed -n 's/.*Collected : //p' "$scratch/log"
}

# two_epochs PROGRAM OVERRIDE...: what two epochs cost beyond the start of the program and a first one.
two_epochs() {
    program=$1
    shift
    echo $(($(count "$program" 3 "$@") - $(count "$program" 1 "$@")))
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
        failed=1
    fi
}

if "$build/shardprop" --version | grep -q 'kernels.*xsmm'; then
    bound 9000 -s parallel.kernels=xsmm -s parallel.reduction=fused
    bound 9000 -s parallel.kernels=xsmm -s parallel.reduction=private
else
    echo 'skipped - instruction counts with libxsmm: it is not usable here'
fi
bound 16000 -s parallel.kernels=blas -s parallel.reduction=private

# What a training sees of its layers, and the rules that go by it, cost less than 2 %.
looking() {
    with=$(two_epochs "$build/shardprop" "$@")
    without=$(two_epochs "$build/tests/harness/shardprop-blind" "$@")
    share=$(((with - without) * 10000 / without)) # of ten thousand
    if [ "$without" -gt 1000000 ] && [ "$share" -gt 0 ] && [ "$share" -lt 200 ]; then
        echo "ok - looking at itself costs $share/10000 of the instructions ($*)"
    else
        echo "not ok - looking at itself costs $share/10000 of the instructions, at most 200 ($*)"
        failed=1
    fi
}
looking -s network.activation=relu,sigmoid -s network.hidden=128,64
exit $failed
