// What the machine gives in fp32: multiply-adds in registers on all threads at once, and sgemm of
// OpenBLAS where it is installed. Prints two numbers in GFLOP/s: all threads together, and sgemm
// (0: no OpenBLAS).
#include <dlfcn.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef __AVX512F__
enum { LANES = 16 };
#else
enum { LANES = 8 };
#endif
typedef float Vector __attribute__((vector_size(4 * LANES)));

// Twelve chains: more than latency times ports of the processors of today, fewer than their registers.
static float multiply_add(long n)
{
    Vector a0 = {0}, a1 = {1}, a2 = {2}, a3 = {3}, a4 = {4}, a5 = {5};
    Vector b0 = {6}, b1 = {7}, b2 = {8}, b3 = {9}, b4 = {10}, b5 = {11};
    Vector m = a0 + 0.999f, c = a0 + 0.001f;
    for (long i = 0; i < n; i++) {
        a0 = a0 * m + c, a1 = a1 * m + c, a2 = a2 * m + c;
        a3 = a3 * m + c, a4 = a4 * m + c, a5 = a5 * m + c;
        b0 = b0 * m + c, b1 = b1 * m + c, b2 = b2 * m + c;
        b3 = b3 * m + c, b4 = b4 * m + c, b5 = b5 * m + c;
        // Keeps the compiler from working on the chains across iterations.
        __asm__ volatile("" : "+x"(a0), "+x"(a1), "+x"(b0), "+x"(b1));
    }
    Vector sum = a0 + a1 + a2 + a3 + a4 + a5 + b0 + b1 + b2 + b3 + b4 + b5;
    return sum[0] + sum[LANES - 1];
}

static double peak(double seconds)
{
    enum { BURST = 2000000 };
    double total = 0;
    volatile float sink = 0;
#pragma omp parallel reduction(+ : total)
    {
        float value = multiply_add(BURST);
        double best = 0, end = omp_get_wtime() + seconds;
#pragma omp barrier
        do {
            double begin = omp_get_wtime();
            value += multiply_add(BURST);
            double rate = 12.0 * 2 * LANES * BURST / (omp_get_wtime() - begin) / 1e9;
            best = rate > best ? rate : best;
        } while (omp_get_wtime() < end);
        total += best;
#pragma omp critical
        sink += value;
    }
    return total;
}

typedef void Sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda,
                   const float *b, int ldb, float beta, float *c, int ldc);

static double sgemm(double seconds)
{
    enum { N = 2000 };
    void *library = dlopen("libopenblas.so.0", RTLD_NOW);
    Sgemm *product = library ? (Sgemm *)(uintptr_t)dlsym(library, "cblas_sgemm") : NULL;
    float *data = product ? malloc(3 * sizeof(float) * N * N) : NULL;
    if (!data)
        return 0;
    for (long i = 0; i < 3L * N * N; i++)
        data[i] = (float)(i % 7) - 3;
    double best = 0, end = 0;
    for (int i = 0; i < 2 || omp_get_wtime() < end; i++) {
        double begin = omp_get_wtime();
        product(101, 111, 111, N, N, N, 1, data, N, data + N * N, N, 0, data + 2 * N * N, N);
        double rate = 2.0 * N * N * N / (omp_get_wtime() - begin) / 1e9;
        best = rate > best ? rate : best;
        if (i == 0)
            end = omp_get_wtime() + seconds;
    }
    free(data);
    return best;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 0.5;
    // OpenBLAS first: threads of a team that wait for work would keep cores from it.
    double product = sgemm(seconds);
    printf("%.1f %.1f\n", peak(seconds), product);
}
