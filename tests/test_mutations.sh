#!/bin/sh
# Breaks the backward pass on purpose, one sign or factor at a time, and expects
# `check --gradients` to say so with exit status 1. Needs a finished build in $BUILD.
set -u
build=${BUILD:-build}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/shardprop-mutations-XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT
failed=0
count=0

say() { count=$((count + 1)); echo "$1"; }

# mutate FILE SED-EXPRESSION CONFIG-OVERRIDE...: the program with FILE changed must fail the check.
mutate() {
    file=$1 expression=$2
    shift 2
    mkdir -p "$scratch/$(dirname "$file")"
    sed "$expression" "$file" >"$scratch/$file"
    if cmp -s "$file" "$scratch/$file"; then
        say "not ok - $file: '$expression' changes nothing"
        failed=1
        return
    fi
    # Of the sources there are: objects of others, which have gone or moved, may lie about.
    others=$(find "$build/proto" -name '*.o')
    for source in $(find src -name '*.c' ! -path "$file"); do others="$others $build/${source%.c}.o"; done
    # shellcheck disable=SC2086 # flags and objects are lists
    if ! ${CC:-cc} $COMPILE_FLAGS -w -c "$scratch/$file" -o "$scratch/mutant.o" 2>"$scratch/log" ||
        ! ${CC:-cc} "$scratch/mutant.o" $others $LINK_FLAGS -o "$scratch/mutant" 2>>"$scratch/log"; then
        say "not ok - $file: '$expression' does not build"
        cat "$scratch/log"
        failed=1
        return
    fi
    "$scratch/mutant" check configs/iris.ini --gradients --quiet "$@" >"$scratch/out" 2>&1
    status=$?
    if [ $status -eq 1 ] && grep -q WRONG "$scratch/out"; then
        say "ok - $file: $expression is found"
    else
        say "not ok - $file: $expression passes (exit status $status)"
        cat "$scratch/out"
        failed=1
    fi
}

se='train.loss=squared_error'
mutate src/math/loss.c 's/slope\[j\] = 2\.0f \* miss/slope[j] = miss/' -s $se
mutate src/math/loss.c 's/slope\[j\] = miss > 0 ? 1\.0f/slope[j] = miss > 0 ? 0.9f/' -s train.loss=absolute_error
mutate src/math/loss.c 's/miss < -delta ? -delta/miss < -delta ? delta/' -s train.loss=huber -s train.huber_delta=0.1
mutate src/math/loss.c 's/slope\[j\] = s - y/slope[j] = s + y/' -s train.loss=binary_cross_entropy
mutate src/math/softmax.c 's/block->value\[i\] \*= inverse_n/block->value[i] *= 1.0f/'
mutate src/math/softmax.c 's/\* rows + i\] -= 1\.0f/* rows + i] += 1.0f/'
mutate src/math/softmax.c 's/float all = shape\.smoothing/float all = 2 * shape.smoothing/' -s train.label_smoothing=0.2
mutate src/targets.c 's/weight \* targets->class_weights/2 * weight * targets->class_weights/' -s train.class_weights=1,2,3
mutate src/math/activation.c 's/e\[j\] \*= a\[j\] \* (1\.0f - a\[j\])/e[j] *= (1.0f - a[j])/' -s network.activation=sigmoid
mutate src/math/activation.c 's/e\[j\] \*= 1\.0f - a\[j\] \* a\[j\]/e[j] *= 1.0f + a[j] * a[j]/'
mutate src/math/activation.c 's/e\[j\] = a\[j\] > 0\.0f ? e\[j\] : 0\.0f/e[j] = a[j] > 0.0f ? e[j] : 0.1f * e[j]/' -s network.activation=relu
mutate src/pass.c 's/sum\[j\] += e/sum[j] -= e/'
mutate src/pass.c 's/for (size_t i = 0; i < rows; i++)$/for (size_t i = 1; i < rows; i++)/'
mutate src/pass.c 's/sp_activation_backward(sp_net_applied(pass->layout->net, l - 1)/sp_activation_backward(SP_IDENTITY/' -s network.hidden=8,8
mutate src/math/noise.c 's/if (slope) multiply/if (!slope) multiply/' -s network.dropout=0.5
mutate src/math/normalise.c 's/ - normal\[at\] \* mean_product\[j\]//' -s network.normalization=batch
mutate src/math/normalise.c 's/e\[at\] - mean\[j\]/e[at]/' -s network.normalization=batch
mutate src/math/normalise.c 's/by\[j\] \*= norm->scale\[first + j\];/;/' -s network.normalization=batch -s network.hidden=8,8
mutate src/math/normalise.c 's/ - normal\[j\] \* mean_product)/)/' -s network.normalization=layer
mutate src/norm.c 's/ + first, tile->biases \* sizeof/ + first, 0 * sizeof/' -s network.normalization=batch
mutate src/stage.c 's/layers\[l - 1\].norm == SP_NORM_LAYER/l == 0/' -s network.normalization=layer
mutate src/shard.c 's/1\.0f \/ (float)batch\.count/1.0f \/ (float)slice.count/' -s parallel.shards=4
mutate src/reduce.c 's/sum\[i\] = left\[i\] + right\[i\]/sum[i] = left[i]/' -s parallel.shards=4
mutate src/stage.c 's/l = depth - 1; l > 0; l--/l = depth - 1; l > 1; l--/'

# And the program as it is passes.
if "$build/shardprop" check configs/iris.ini --gradients --quiet >/dev/null; then
    say "ok - the unbroken backward pass agrees"
else
    say "not ok - the unbroken backward pass is said to be wrong"
    failed=1
fi
echo "$count mutations tried"
exit $failed
