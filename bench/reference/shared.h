// Takes part in shared memory of nearmetal, whose layout docs/shared-layout.md has.
#ifndef NEARMETAL_REFERENCE_SHARED_H
#define NEARMETAL_REFERENCE_SHARED_H

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef _Atomic uint32_t word;

static inline void shared_fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

struct shared {
  uint8_t *base;
  size_t size;
  uint32_t self;
};

static inline word *shared_words(const struct shared *shared, size_t offset) {
  return (word *)(shared->base + offset);
}

// The thread's number and when it began, as /proc has it: 0 when it has ended.
static inline uint64_t shared_identity(const char *path, uint64_t tid) {
  char text[1024];
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return 0;
  text[length] = 0;
  const char *rest = strrchr(text, ')');
  if (rest == NULL || rest[2] == 'Z' || rest[2] == 'X') return 0;
  rest += 2;
  for (int field = 0; field < 19; field++) {
    rest = strchr(rest, ' ');
    if (rest == NULL) return 0;
    rest++;
  }
  return strtoull(rest, NULL, 10) << 22 | tid;
}

static inline int shared_is_running(uint64_t identity) {
  char path[64];
  const uint64_t tid = identity & 0x3fffff;
  snprintf(path, sizeof path, "/proc/%llu/stat", (unsigned long long)tid);
  return identity != 0 && shared_identity(path, tid) == identity;
}

static inline _Atomic uint64_t *shared_participant(const struct shared *shared, uint32_t slot) {
  return (_Atomic uint64_t *)(shared->base + 4096 + slot * 16);
}

static inline void shared_join(struct shared *shared) {
  const uint64_t own =
      shared_identity("/proc/thread-self/stat", (uint64_t)syscall(SYS_gettid));
  for (int dead = 0; dead < 2; dead++) {
    for (uint32_t slot = 1; slot < 256; slot++) {
      uint64_t found = atomic_load(shared_participant(shared, slot));
      if (dead ? shared_is_running(found) : found != 0) continue;
      if (!atomic_compare_exchange_strong(shared_participant(shared, slot), &found, own)) continue;
      word *generation = shared_words(shared, 4096 + slot * 16 + 8);
      shared->self = (atomic_fetch_add(generation, 1) + 1) << 8 | slot;
      return;
    }
  }
  errno = ENOSPC;
  shared_fail("participants");
}

static inline int shared_alive(const struct shared *shared, uint32_t name) {
  const uint32_t slot = name & 255;
  const uint32_t generation = atomic_load(shared_words(shared, 4096 + slot * 16 + 8));
  if (slot == 0 || (generation & 0xffffff) != name >> 8) return 0;
  return shared_is_running(atomic_load(shared_participant(shared, slot)));
}

static inline struct shared shared_attach(int fd) {
  struct shared shared = {0};
  struct stat status;
  if (fstat(fd, &status) != 0) shared_fail("fstat");
  shared.size = (size_t)status.st_size;
  shared.base = mmap(NULL, shared.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (shared.base == MAP_FAILED) shared_fail("mmap");
  word *words = shared_words(&shared, 0);
  errno = EPROTO;
  if (atomic_load(&words[0]) != 0x48534d4e || words[1] != 1) shared_fail("not our memory");
  shared_join(&shared);
  return shared;
}

static inline void shared_leave(struct shared *shared) {
  atomic_store(shared_participant(shared, shared->self & 255), 0);
}

// Where the structure of that name and kind (four letters) begins.
static inline size_t shared_find(const struct shared *shared, const char *name, const char *kind) {
  const uint32_t count = atomic_load(shared_words(shared, 0) + 5);
  const size_t length = strlen(name);
  for (uint32_t index = 0; index < count; index++) {
    const uint8_t *entry = shared->base + 8192 + index * 64;
    const uint32_t *fields = (const uint32_t *)entry;
    if (fields[3] != length || memcmp(entry + 16, name, length) != 0) continue;
    if (memcmp(entry, kind, 4) != 0) break;
    return (size_t)fields[1] * 64;
  }
  errno = ENOENT;
  shared_fail(name);
  return 0;
}

// Says that this thread is about to sleep, which it does by the number that this answers.
static inline uint32_t shared_announce(word *sleeps) { return atomic_fetch_or(sleeps, 1) | 1; }

static inline void shared_sleep(word *sleeps, uint32_t number) {
  const struct timespec slice = {0, 50000000};
  syscall(SYS_futex, sleeps, FUTEX_WAIT, number, &slice, NULL, 0);
}

// After what others may sleep for has been stored (sequentially consistent).
static inline void shared_wake(word *sleeps) {
  if ((atomic_load(sleeps) & 1) == 0) return;
  atomic_fetch_add(sleeps, 1);
  syscall(SYS_futex, sleeps, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

#endif
