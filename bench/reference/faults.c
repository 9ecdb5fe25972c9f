// Maps memory and touches each ordinary page of it, once for each line on stdin: faults KIND BYTES
//
// Answers {"ns":ELAPSED,"cpu_ns":CPU,"faults":N}; ends when stdin is closed.
#define _GNU_SOURCE
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "memory.h"

static long minor_faults(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  const size_t bytes = strtoull(arguments[2], 0, 10);
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    const long before = minor_faults();
    const uint64_t start = now_ns(), cpu = cpu_ns(getpid());
    volatile uint8_t *memory = map_pages(arguments[1], bytes);
    for (size_t at = 0; at < bytes; at += 4096) memory[at] = 1;
    const uint64_t ns = now_ns() - start, used = cpu_ns(getpid()) - cpu;
    const long faults = minor_faults() - before;
    munmap((void *)memory, bytes);
    printf("{\"ns\":%llu,\"cpu_ns\":%llu,\"faults\":%ld}\n", (unsigned long long)ns,
           (unsigned long long)used, faults);
    fflush(stdout);
  }
  return 0;
}
