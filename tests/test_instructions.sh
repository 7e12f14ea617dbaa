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

# count EPOCHS OVERRIDE...: instructions of a whole run.
count() {
    epochs=$1
    shift
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$build/shardprop" train configs/digits.ini --quiet \
        -s "output.dir=$scratch/run" -s parallel.threads=1 -s train.epochs="$epochs" "$@" 2>"$scratch/log" >"$scratch/out" ||
        cat "$scratch/log" >&2
    sed -n 's/.*Collected : //p' "$scratch/log"
}

# bound MOST OVERRIDE...: what two epochs of 1,438 rows cost beyond the start of the program.
bound() {
    most=$1
    shift
    few=$(count 1 "$@")
    many=$(count 3 "$@")
    each=$(((many - few) / 2 / 1438))
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
exit $failed
