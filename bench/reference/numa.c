// A chase through memory of one node: numa NODE BYTES. What is asked for is in chase.h.
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>

#include "chase.h"
#include "memory.h"

// Of <linux/mempolicy.h>.
enum { BIND = 2, NODES_MAX = 1024, WORD_BITS = 64 };

int main(int count, char **arguments) {
  if (count != 3) return 2;
  const unsigned node = (unsigned)atoi(arguments[1]);
  const size_t bytes = strtoull(arguments[2], 0, 10);
  unsigned long nodes[NODES_MAX / WORD_BITS] = {0};
  if (node >= NODES_MAX) return 2;
  nodes[node / WORD_BITS] |= 1ul << node % WORD_BITS;
  // Large pages, so that it is the memory that is slow and not the way to find it.
  uint8_t *memory = map_pages("transparent", bytes);
  if (syscall(SYS_mbind, memory, bytes, BIND, nodes, NODES_MAX, 0) != 0) fail_memory("mbind");
  memset(memory, 0, bytes);
  return chase_on_request((uint32_t *)memory, (uint32_t)(bytes / PAGE));
}
