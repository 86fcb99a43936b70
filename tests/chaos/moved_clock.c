/* A wall clock that somebody sets while a process runs: to be preloaded (`moved_clock.py`).
 *
 * The file that MILEPOST_CLOCK_MOVED names holds the seconds, as a double, by which every wall clock is moved. Waits until a moment of
 * the wall clock end when the moved clock is there, as the kernel's do where the clock is really set. Monotonic clocks stay. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
/* No machine has run for so many seconds, and no wall clock is so early: 2001-09-09. */
#define MONOTONIC_MAX 1000000000L
/* How long a wait goes on before it looks at the clock again. */
#define SLICE (SECOND / 50)

typedef long long nanoseconds;

static const volatile double *moved_by(void) {
    static const volatile double *kept;
    static const double nothing = 0.0;
    if (!kept) {
        const char *path = getenv("MILEPOST_CLOCK_MOVED");
        int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        void *mapped = file < 0 ? MAP_FAILED : mmap(NULL, sizeof(double), PROT_READ, MAP_SHARED, file, 0);
        if (file >= 0)
            close(file);
        kept = mapped == MAP_FAILED ? &nothing : mapped;
    }
    return kept;
}

static int real_clock(clockid_t clock, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    return real(clock, at);
}

static nanoseconds number(const struct timespec *at) { return (nanoseconds)at->tv_sec * SECOND + at->tv_nsec; }

static struct timespec moment(nanoseconds at) {
    struct timespec made = {at / SECOND, at % SECOND};
    return made;
}

static nanoseconds moved_now(clockid_t clock) {
    struct timespec now;
    real_clock(clock, &now);
    return number(&now) + (nanoseconds)(*moved_by() * SECOND);
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
        return real_clock(clock, at);
    *at = moment(moved_now(clock));
    return 0;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    (void)zone;
    struct timespec now = moment(moved_now(CLOCK_REALTIME));
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    time_t now = moved_now(CLOCK_REALTIME) / SECOND;
    if (at)
        *at = now;
    return now;
}

int timespec_get(struct timespec *at, int base) {
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, at) == 0 ? base : 0;
}

/* The next look of a wait by the wall clock; false where its moment has come. */
static int next_look(const struct timespec *until, struct timespec *next) {
    nanoseconds left = number(until) - moved_now(CLOCK_REALTIME);
    if (left <= 0)
        return 0;
    real_clock(CLOCK_REALTIME, next);
    *next = moment(number(next) + (left < SLICE ? left : SLICE));
    return 1;
}

/* Conditions of POSIX may wait by another clock, whose moments are not so late: these wait as ever. */
int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
    static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    struct timespec next;
    int found = ETIMEDOUT;
    if (!real) /* Without its version the loader may give the one of old, which nobody's signals reach. */
        *(void **)&real = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    if (until->tv_sec < MONOTONIC_MAX)
        return real(condition, mutex, until);
    while (found == ETIMEDOUT && next_look(until, &next))
        found = real(condition, mutex, &next);
    return found;
}

/* Those of C11, as librdkafka has them. */
int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict until) {
    static int (*real)(cnd_t *, mtx_t *, const struct timespec *);
    struct timespec next;
    int found = thrd_timedout;
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "cnd_timedwait");
    while (found == thrd_timedout && next_look(until, &next))
        found = real(condition, mutex, &next);
    return found;
}
