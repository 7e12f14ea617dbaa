#include "math/elementary.h"

#include <sleef.h>
#include <string.h>

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,fma")))

/* sleef.h declares these only where a whole file is compiled for AVX. */
AVX2 extern __m256 Sleef_expf8_u10(__m256);
AVX2 extern __m256 Sleef_tanhf8_u10(__m256);
AVX2 extern __m256d Sleef_logd4_u10(__m256d);

/* The last few values go through the same code as all others, in a register that is filled up with zeros. */
enum { FLOATS = 8, DOUBLES = 4 };

AVX2 static void exp_avx2(size_t count, float *values) {
    for (; count >= FLOATS; count -= FLOATS, values += FLOATS)
        _mm256_storeu_ps(values, Sleef_expf8_u10(_mm256_loadu_ps(values)));
    float rest[FLOATS] = {0};
    memcpy(rest, values, count * sizeof *values);
    _mm256_storeu_ps(rest, Sleef_expf8_u10(_mm256_loadu_ps(rest)));
    memcpy(values, rest, count * sizeof *values);
}

AVX2 static void tanh_avx2(size_t count, float *values) {
    for (; count >= FLOATS; count -= FLOATS, values += FLOATS)
        _mm256_storeu_ps(values, Sleef_tanhf8_u10(_mm256_loadu_ps(values)));
    float rest[FLOATS] = {0};
    memcpy(rest, values, count * sizeof *values);
    _mm256_storeu_ps(rest, Sleef_tanhf8_u10(_mm256_loadu_ps(rest)));
    memcpy(values, rest, count * sizeof *values);
}

AVX2 static void log_avx2(size_t count, double *values) {
    for (; count >= DOUBLES; count -= DOUBLES, values += DOUBLES)
        _mm256_storeu_pd(values, Sleef_logd4_u10(_mm256_loadu_pd(values)));
    double rest[DOUBLES] = {1, 1, 1, 1};
    memcpy(rest, values, count * sizeof *values);
    _mm256_storeu_pd(rest, Sleef_logd4_u10(_mm256_loadu_pd(rest)));
    memcpy(values, rest, count * sizeof *values);
}

static int has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

#else

#define exp_avx2(count, values)  ((void)(count), (void)(values))
#define tanh_avx2(count, values) ((void)(count), (void)(values))
#define log_avx2(count, values)  ((void)(count), (void)(values))

static int has_avx2(void) {
    return 0;
}

#endif

void sp_exp(size_t count, float *values) {
    if (has_avx2()) {
        exp_avx2(count, values);
        return;
    }
    for (size_t i = 0; i < count; i++) values[i] = Sleef_expf_u10(values[i]);
}

void sp_tanh(size_t count, float *values) {
    if (has_avx2()) {
        tanh_avx2(count, values);
        return;
    }
    for (size_t i = 0; i < count; i++) values[i] = Sleef_tanhf_u10(values[i]);
}

void sp_log(size_t count, double *values) {
    if (has_avx2()) {
        log_avx2(count, values);
        return;
    }
    for (size_t i = 0; i < count; i++) values[i] = Sleef_log_u10(values[i]);
}
