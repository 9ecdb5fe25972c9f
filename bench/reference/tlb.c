// A chase through memory with a load from every ordinary page in turn: tlb KIND BYTES
//
// A line "SECONDS" on stdin asks for one run and is answered by one line
// {"operations":N,"ns":ELAPSED,"cpu_ns":CPU}; ends when stdin is closed.
#define _GNU_SOURCE
#include <unistd.h>

#include "chase.h"
#include "memory.h"

int main(int count, char **arguments) {
  if (count != 3) return 2;
  const size_t bytes = strtoull(arguments[2], 0, 10);
  const uint32_t pages = (uint32_t)(bytes / PAGE);
  uint8_t *memory = map_pages(arguments[1], bytes);
  memset(memory, 0, bytes);
  return chase_on_request((uint32_t *)memory, pages);
}
