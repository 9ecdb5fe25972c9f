// Durable appends of 256 B records: each with its own fdatasync, or all writers' in one.
//
// Arguments: FOLDER WRITERS each|group. `each` is a thread per writer, which reserves its place,
// writes there and syncs. `group` is one thread that writes what WRITERS writers would have waiting
// at once, and syncs once: what group commit can reach. A line "SECONDS" on stdin asks for one run
// and is answered by one line {"operations":N,"ns":ELAPSED,"cpu_ns":CPU}. A record takes 280 bytes,
// as in the log of this library, of which no checksum is made.
#define _GNU_SOURCE
#include "clock.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FRAME = 280, WRITERS_MAX = 256 };
static const long long FILE_BYTES = 64 << 20;  // then from the start, of a file that is empty again

static int fd;
static _Atomic long long end_of_file, operations;
static uint64_t deadline;
static char frames[WRITERS_MAX * FRAME];

static void stop(const char *what) {
  fprintf(stderr, "log: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void append(size_t bytes) {
  const long long at = atomic_fetch_add(&end_of_file, (long long)bytes);
  if (pwrite(fd, frames, bytes, at) != (ssize_t)bytes) stop("pwrite");
  if (fdatasync(fd)) stop("fdatasync");
}

static void *writer(void *unused) {
  (void)unused;
  do {
    append(FRAME);
    atomic_fetch_add(&operations, 1);
  } while (now_ns() < deadline);
  return NULL;
}

static void each(unsigned writers) {
  pthread_t threads[WRITERS_MAX];
  for (unsigned i = 0; i < writers; i++) {
    if ((errno = pthread_create(&threads[i], NULL, writer, NULL))) stop("pthread_create");
  }
  for (unsigned i = 0; i < writers; i++) pthread_join(threads[i], NULL);
}

static void group(unsigned writers) {
  do {
    append((size_t)writers * FRAME);
    operations += writers;
  } while (now_ns() < deadline);
}

int main(int count, char **arguments) {
  if (count < 4) {
    fprintf(stderr, "usage: log FOLDER WRITERS each|group\n");
    return 2;
  }
  const unsigned writers = (unsigned)atoi(arguments[2]);
  if (writers < 1 || writers > WRITERS_MAX) return 2;
  char path[4096];
  snprintf(path, sizeof path, "%s/c", arguments[1]);
  fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666);
  if (fd < 0) stop(path);
  memset(frames, 0xa5, sizeof frames);
  double seconds;
  while (scanf("%lf", &seconds) == 1) {
    if (end_of_file > FILE_BYTES) {
      if (ftruncate(fd, 0) || fsync(fd)) stop("ftruncate");
      end_of_file = 0;
    }
    operations = 0;
    const uint64_t start = now_ns(), cpu = cpu_ns(getpid());
    deadline = start + (uint64_t)(seconds * 1e9);
    if (strcmp(arguments[3], "each")) group(writers);
    else each(writers);
    printf("{\"operations\":%lld,\"ns\":%llu,\"cpu_ns\":%llu}\n", operations,
           (unsigned long long)(now_ns() - start), (unsigned long long)(cpu_ns(getpid()) - cpu));
    fflush(stdout);
  }
  return 0;
}
