#include "math/elementary.h"

#include <sleef.h>
#include <string.h>

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,fma")))

/* sleef.h declares these only where a whole file is compiled for AVX. */
AVX2 extern __m256 Sleef_expf8_u10(__m256);
AVX2 extern __m256 Sleef_expm1f8_u10(__m256);
AVX2 extern __m256 Sleef_tanhf8_u10(__m256);
AVX2 extern __m256 Sleef_log1pf8_u10(__m256);
AVX2 extern __m256 Sleef_erfcf8_u15(__m256);
AVX2 extern __m256 Sleef_logf8_u10(__m256);
AVX2 extern __m256 Sleef_cospif8_u05(__m256);
AVX2 extern __m256 Sleef_sinpif8_u05(__m256);
AVX2 extern __m256d Sleef_logd4_u10(__m256d);

enum { FLOATS = 8, DOUBLES = 4 };

/* The last few values go through the same code as all others, in a register that is filled up. */
#define OF_FLOATS(name, function)                                                                                      \
    AVX2 static void name(size_t count, float *values) {                                                               \
        for (; count >= FLOATS; count -= FLOATS, values += FLOATS)                                                     \
            _mm256_storeu_ps(values, function(_mm256_loadu_ps(values)));                                               \
        float rest[FLOATS] = {0};                                                                                      \
        memcpy(rest, values, count * sizeof *values);                                                                  \
        _mm256_storeu_ps(rest, function(_mm256_loadu_ps(rest)));                                                       \
        memcpy(values, rest, count * sizeof *values);                                                                  \
    }

OF_FLOATS(exp_avx2, Sleef_expf8_u10)
OF_FLOATS(expm1_avx2, Sleef_expm1f8_u10)
OF_FLOATS(tanh_avx2, Sleef_tanhf8_u10)
OF_FLOATS(log1p_avx2, Sleef_log1pf8_u10)
OF_FLOATS(erfc_avx2, Sleef_erfcf8_u15)
OF_FLOATS(log_float_avx2, Sleef_logf8_u10)
OF_FLOATS(cos_pi_avx2, Sleef_cospif8_u05)
OF_FLOATS(sin_pi_avx2, Sleef_sinpif8_u05)

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

#define OF_OTHERS(name, type)                                                                                          \
    static void name(size_t count, type *values) {                                                                     \
        (void)count, (void)values;                                                                                     \
    }

OF_OTHERS(exp_avx2, float)
OF_OTHERS(expm1_avx2, float)
OF_OTHERS(tanh_avx2, float)
OF_OTHERS(log1p_avx2, float)
OF_OTHERS(erfc_avx2, float)
OF_OTHERS(log_float_avx2, float)
OF_OTHERS(cos_pi_avx2, float)
OF_OTHERS(sin_pi_avx2, float)
OF_OTHERS(log_avx2, double)

static int has_avx2(void) {
    return 0;
}

#endif

#define ELEMENTARY(name, type, vector, scalar)                                                                         \
    void name(size_t count, type *values) {                                                                            \
        if (has_avx2()) {                                                                                              \
            vector(count, values);                                                                                     \
            return;                                                                                                    \
        }                                                                                                              \
        for (size_t i = 0; i < count; i++) values[i] = scalar(values[i]);                                              \
    }

ELEMENTARY(sp_exp, float, exp_avx2, Sleef_expf_u10)
ELEMENTARY(sp_expm1, float, expm1_avx2, Sleef_expm1f_u10)
ELEMENTARY(sp_tanh, float, tanh_avx2, Sleef_tanhf_u10)
ELEMENTARY(sp_log1p, float, log1p_avx2, Sleef_log1pf_u10)
ELEMENTARY(sp_erfc, float, erfc_avx2, Sleef_erfcf_u15)
ELEMENTARY(sp_log_float, float, log_float_avx2, Sleef_logf_u10)
ELEMENTARY(sp_cos_pi, float, cos_pi_avx2, Sleef_cospif_u05)
ELEMENTARY(sp_sin_pi, float, sin_pi_avx2, Sleef_sinpif_u05)
ELEMENTARY(sp_log, double, log_avx2, Sleef_log_u10)
