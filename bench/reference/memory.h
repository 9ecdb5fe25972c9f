// Memory of the pages asked for by name, for the yardsticks.
#ifndef NEARMETAL_REFERENCE_MEMORY_H
#define NEARMETAL_REFERENCE_MEMORY_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_BYTES (2ul << 20)

static inline void fail_memory(const char *what) {
  fprintf(stderr, "Error: %s: %s\n", what, strerror(errno));
  exit(1);
}

// "4KiB", "transparent", "2MiB" or "1GiB"; nothing is touched yet.
static inline uint8_t *map_pages(const char *kind, size_t bytes) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  size_t whole = bytes;
  if (strcmp(kind, "2MiB") == 0) flags |= MAP_HUGETLB | 21 << 26;
  if (strcmp(kind, "1GiB") == 0) {
    flags |= MAP_HUGETLB | 30 << 26;
    whole = (bytes + (1ul << 30) - 1) >> 30 << 30;
  }
  // So that whole huge pages fit, wherever the kernel puts it.
  if (strcmp(kind, "transparent") == 0) whole += HUGE_BYTES;
  uint8_t *memory = mmap(0, whole, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (memory == MAP_FAILED) fail_memory(kind);
  if (strcmp(kind, "4KiB") == 0) madvise(memory, whole, MADV_NOHUGEPAGE);
  if (strcmp(kind, "transparent") == 0) {
    memory = (uint8_t *)(((uintptr_t)memory + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1));
    if (madvise(memory, bytes, MADV_HUGEPAGE) != 0) fail_memory("MADV_HUGEPAGE");
  }
  return memory;
}

#endif
