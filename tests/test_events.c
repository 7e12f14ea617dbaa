/* CRC-32C; tests/test_tensorboard.py has the files. */
#include "base/crc32c.h"
#include "support.h"

#include <string.h>

/* RFC 3720, B.4, and the check value of the catalogues. */
Test(crc32c, published_values) {
    unsigned char zeros[32] = {0}, ones[32], up[32], down[32];
    memset(ones, 0xff, 32);
    for (int i = 0; i < 32; i++) {
        up[i] = (unsigned char)i;
        down[i] = (unsigned char)(31 - i);
    }
    cr_expect_eq(sp_crc32c(zeros, 32), 0x8a9136aa);
    cr_expect_eq(sp_crc32c(ones, 32), 0x62a8ab43);
    cr_expect_eq(sp_crc32c(up, 32), 0x46dd794e);
    cr_expect_eq(sp_crc32c(down, 32), 0x113fdb5c);
    cr_expect_eq(sp_crc32c("123456789", 9), 0xe3069283);
    cr_expect_eq(sp_crc32c("", 0), 0);
}
