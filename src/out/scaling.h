/* A scaling experiment: what was measured at each number of threads, and what it comes to. */
#ifndef SP_OUT_SCALING_H
#define SP_OUT_SCALING_H

#include "base/json.h"
#include "base/speedup.h"
#include "roofline.h"

enum { SP_SCALE_NAME = 80 };

/* What a training was for. */
typedef enum sp_scale_kind {
    SP_SCALE_MEASURED, /* its speed counts */
    SP_SCALE_TIMED,    /* its phases were timed, which takes time itself */
    SP_SCALE_CHECK     /* on another number of threads, for its weights */
} sp_scale_kind;

/* One training of a point. */
typedef struct sp_scale_run {
    char name[SP_SCALE_NAME]; /* of its run directory */
    sp_scale_kind kind;
    size_t threads;
    double seconds, rate;                /* of its steps behind the warm-up, and their samples a second */
    double epoch;                        /* seconds of the fastest epoch among those */
    double others;                       /* CPUs that other processes kept busy meanwhile; NaN: not known */
    uint64_t hash;                       /* weights_xxh64 */
    double phases[SP_PHASES], imbalance; /* NaN: not timed */
} sp_scale_run;

/* A number of threads at which a training is measured. */
typedef struct sp_scale_point {
    size_t batch_size, shards, threads;
    size_t warm, epochs; /* trained before what counts, and in all */
    double row_flops;    /* floating-point operations a row */
    double step_bytes;   /* that a step moves at least */
    sp_ceiling ceiling;  /* of the machine on so many threads */
    bool oversubscribed; /* more threads than CPUs are granted */
    bool siblings;       /* more threads than cores: some share one, by its hardware threads */
    size_t runs;
    sp_scale_run *run; /* owned [runs] */
    /* By sp_scaling_evaluate; NaN: nothing to compare with. */
    sp_spread rate;    /* samples a second of what was measured */
    double speedup;    /* of its median, against one thread; of a weak curve, against one thread with its share */
    double efficiency; /* speedup / threads */
    double karp_flatt; /* of a strong curve */
    double phases[SP_PHASES],
        imbalance;       /* shares of the threads' time; how much the busiest thread had above the mean */
    double flops, bytes; /* a second */
    double roofline;     /* flops as a share of what the ceilings leave */
    bool cached;         /* what a step moves fits the caches: copying memory is no ceiling then */
    double disturbed;    /* share of its runs that others disturbed */
} sp_scale_point;

/* Points that differ in their threads alone, fewest first; or, of a weak curve, in batch size and shards as well. */
typedef struct sp_scale_curve {
    size_t points;
    sp_scale_point *point; /* owned [points] */
    /* By sp_scaling_evaluate: of a strong curve, and with the least and most of single repetitions; */
    sp_amdahl amdahl;
    double serial_least, serial_most;
    double gustafson; /* of a weak curve; NaN: nothing to fit */
    size_t fitted;    /* points that the fit is of */
} sp_scale_curve;

typedef struct sp_scaling {
    const char *name, *folder; /* borrowed: of the config; where all is written */
    bool weak;
    double seconds; /* that a measurement should take */
    size_t rows, repetitions;
    size_t granted; /* CPUs */
    size_t cache;   /* bytes of the last-level caches together; 0: not known */
    size_t curves;
    sp_scale_curve *curve; /* owned [curves] */
} sp_scaling;

/* Whether other processes took from a run what its threads wanted: more than a quarter of a CPU, counted from where
 * they had CPUs of their own. */
bool sp_scale_was_disturbed(const sp_scaling *scaling, const sp_scale_run *run);

/* Fills what is said to be by it; every point has its runs. SP_FAILED: no memory. */
sp_status sp_scaling_evaluate(sp_scaling *scaling, sp_error *error);
void sp_scaling_clear(sp_scaling *scaling);

/*
 * Whether trainings that should have come to the same weights have: all of a strong curve, each point of a weak one.
 * SP_FAILED: they have not; the message names two that differ.
 */
sp_status sp_scaling_check_bits(const sp_scaling *scaling, sp_error *error);

/* Trainings that were compared with another. */
size_t sp_scaling_compared(const sp_scaling *scaling);

/* A row for each point, into scale.csv of the folder; all there is, in scale.json, with `root`, which is handed over.
 */
sp_status sp_scaling_save_csv(const sp_scaling *scaling, sp_error *error);
sp_status sp_scaling_save_json(const sp_scaling *scaling, sp_json *root, sp_error *error);

/* speedup, efficiency and phases, each as .png and .svg, in the folder. SP_FAILED: gnuplot. */
sp_status sp_scaling_draw(const sp_scaling *scaling, sp_error *error);

#endif
