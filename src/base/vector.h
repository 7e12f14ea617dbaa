/* Loops over floats for the widest registers that the processor at hand has. */
#ifndef SP_BASE_VECTOR_H
#define SP_BASE_VECTOR_H

/*
 * Before a function of plain loops: the compiler makes it for SSE2, AVX2 and AVX-512, and the loader
 * takes the best. Element by element, without fused or reassociated sums, the bits are the same.
 */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_THREAD__) &&                                  \
    !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
#define SP_VECTOR __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define SP_VECTOR
#endif

#endif
