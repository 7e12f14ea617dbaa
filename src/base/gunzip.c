#include "base/gunzip.h"

#include <isa-l/igzip_lib.h>
#include <stdlib.h>

enum { MOST = 1 << 30 }; /* bytes at once: ISA-L counts in 32 bits */

struct sp_gunzip {
    struct inflate_state state;
    bool between; /* a member has ended, no other begun */
    bool garbage; /* what follows the last member is none */
};

static void begin_member(sp_gunzip *gunzip) {
    isal_inflate_init(&gunzip->state);
    gunzip->state.crc_flag = ISAL_GZIP; /* header and trailer are there, and are checked */
    gunzip->between = false;
}

sp_gunzip *sp_gunzip_create(void) {
    sp_gunzip *gunzip = calloc(1, sizeof *gunzip);
    if (gunzip) begin_member(gunzip);
    return gunzip;
}

void sp_gunzip_destroy(sp_gunzip *gunzip) {
    free(gunzip);
}

bool sp_gunzip_recognise(const unsigned char *bytes, size_t count) {
    return count >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

static const char *fault_of(int code) {
    switch (code) {
    case ISAL_INVALID_BLOCK: return "invalid block";
    case ISAL_INVALID_SYMBOL: return "invalid symbol";
    case ISAL_INVALID_LOOKBACK: return "invalid distance";
    case ISAL_INVALID_WRAPPER: return "invalid header";
    case ISAL_UNSUPPORTED_METHOD: return "unknown compression method";
    case ISAL_INCORRECT_CHECKSUM: return "incorrect data check";
    default: return code < 0 || code == ISAL_NEED_DICT ? "it cannot be unpacked" : NULL;
    }
}

/* Hands what there is to ISA-L, and takes back how far that came. */
static const char *inflate_some(sp_gunzip *gunzip, sp_gunzip_buffers *buffers) {
    struct inflate_state *state = &gunzip->state;
    uint32_t in = buffers->in_left < MOST ? (uint32_t)buffers->in_left : MOST;
    uint32_t out = buffers->out_left < MOST ? (uint32_t)buffers->out_left : MOST;
    state->next_in = (uint8_t *)buffers->in; /* which it only reads */
    state->avail_in = in;
    state->next_out = buffers->out;
    state->avail_out = out;
    const char *fault = fault_of(isal_inflate(state));
    buffers->in += in - state->avail_in;
    buffers->in_left -= in - state->avail_in;
    buffers->out += out - state->avail_out;
    buffers->out_left -= out - state->avail_out;
    gunzip->between = state->block_state == ISAL_BLOCK_FINISH;
    return fault;
}

/* True: stop. Behind a member: another one, or nothing that counts. Two bytes tell; the caller brings them together. */
static bool at_the_end(sp_gunzip *gunzip, sp_gunzip_buffers *buffers, bool end) {
    if (!gunzip->garbage && buffers->in_left < 2 && !end) return true;
    gunzip->garbage = gunzip->garbage || !sp_gunzip_recognise(buffers->in, buffers->in_left);
    if (!gunzip->garbage) {
        begin_member(gunzip);
        return false;
    }
    buffers->in += buffers->in_left;
    buffers->in_left = 0;
    return true;
}

const char *sp_gunzip_run(sp_gunzip *gunzip, sp_gunzip_buffers *buffers, bool end, bool *finished) {
    const char *fault = NULL;
    for (;;) {
        if (gunzip->between && at_the_end(gunzip, buffers, end)) break;
        size_t in_left = buffers->in_left, out_left = buffers->out_left;
        if (out_left == 0) break;
        fault = inflate_some(gunzip, buffers);
        bool stuck = buffers->in_left == in_left && buffers->out_left == out_left && !gunzip->between;
        if (fault || stuck) break;
    }
    *finished = !fault && end && gunzip->between && buffers->in_left == 0;
    return fault;
}
