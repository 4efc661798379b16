/* A disk that becomes full: after NO_ROOM_AFTER calls that take room for a regular file, all of them fail with ENOSPC;
   but for stdout and stderr. With NO_ROOM_IN, only files under that directory. With NO_ROOM_KILLS, the process is killed
   there instead. For LD_PRELOAD; see soak.py. Directories and names still fit, as they mostly do. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;

static int elsewhere(int descriptor) {
    const char *directory = getenv("NO_ROOM_IN");
    char link[64], path[PATH_MAX];
    if (!directory) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 1;
    path[n] = 0;
    size_t length = strlen(directory);
    return strncmp(path, directory, length) || path[length] != '/';
}

static int full(int descriptor) {
    struct stat facts;
    const char *limit = getenv("NO_ROOM_AFTER");
    if (!limit || descriptor <= 2 || fstat(descriptor, &facts) || !S_ISREG(facts.st_mode) || elsewhere(descriptor))
        return 0;
    if (atomic_fetch_add(&calls, 1) < atol(limit)) return 0;
    if (getenv("NO_ROOM_KILLS")) kill(getpid(), SIGKILL);
    errno = ENOSPC;
    return 1;
}

#define FAILS(type, name, parameters, arguments)                   \
    type name parameters {                                         \
        static type (*real) parameters;                            \
        if (!real) real = (type (*) parameters)dlsym(RTLD_NEXT, #name); \
        return full(descriptor) ? -1 : real arguments;             \
    }

FAILS(ssize_t, write, (int descriptor, const void *data, size_t n), (descriptor, data, n))
FAILS(ssize_t, writev, (int descriptor, const struct iovec *data, int n), (descriptor, data, n))
FAILS(ssize_t, pwrite, (int descriptor, const void *data, size_t n, off_t at), (descriptor, data, n, at))
FAILS(ssize_t, pwrite64, (int descriptor, const void *data, size_t n, off64_t at), (descriptor, data, n, at))
FAILS(int, ftruncate, (int descriptor, off_t n), (descriptor, n))
FAILS(int, ftruncate64, (int descriptor, off64_t n), (descriptor, n))
FAILS(int, fsync, (int descriptor), (descriptor))
FAILS(int, fdatasync, (int descriptor), (descriptor))
