// statx(2) of every path that is a line of the file FILE, again and again.
//
// A line "COUNT" on stdin asks for so many stats, and is answered by one line of JSON.
#define _GNU_SOURCE
#include "clock.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char **paths;
static size_t path_count;

static void give_up(const char *what) {
  perror(what);
  exit(1);
}

static void read_paths(const char *name) {
  size_t room = 0;
  char *line = NULL;
  FILE *file = fopen(name, "r");
  if (!file) give_up(name);
  while (getline(&line, &room, file) > 0) {
    line[strcspn(line, "\n")] = 0;
    paths = realloc(paths, (path_count + 1) * sizeof(*paths));
    if (!paths) give_up("realloc");
    paths[path_count++] = strdup(line);
  }
  free(line);
  fclose(file);
  if (path_count == 0) give_up("no paths");
}

int main(int count, char **arguments) {
  char line[64];
  if (count != 2) return 2;
  read_paths(arguments[1]);
  while (fgets(line, sizeof(line), stdin)) {
    const unsigned long wanted = strtoul(line, NULL, 10);
    struct statx status;
    unsigned long long sum = 0;
    const uint64_t cpu = cpu_ns(getpid()), start = now_ns();
    for (unsigned long i = 0; i < wanted; i++) {
      if (statx(AT_FDCWD, paths[i % path_count], 0, STATX_BASIC_STATS, &status)) give_up("statx");
      sum += status.stx_size;
    }
    const uint64_t ns = now_ns() - start;
    printf("{\"operations\":%lu,\"ns\":%llu,\"cpu_ns\":%llu,\"sum\":%llu}\n", wanted,
           (unsigned long long)ns, (unsigned long long)(cpu_ns(getpid()) - cpu), sum);
    fflush(stdout);
  }
  return 0;
}
