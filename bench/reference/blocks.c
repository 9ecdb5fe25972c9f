// Random 4 KiB reads or writes through io_uring with a registered buffer and a registered file.
//
// Arguments: FILE DEPTH cached|direct read|write. A line "SECONDS" on stdin asks for one run and is
// answered by one line {"operations":N,"ns":ELAPSED,"cpu_ns":CPU}. Each block of the file begins
// with its own number, and every read is checked for it; what is written begins with it, too, and a
// few blocks are looked at after each run. The blocks are drawn by xorshift32 from seed 1, masked
// by their count, which is a power of two; the subjects in TypeScript draw the same ones.
#define _GNU_SOURCE
#include "clock.h"
#include "ring.h"
#include <fcntl.h>
#include <sys/stat.h>

enum { BLOCK = 4096, DEPTH_MAX = 256, LOOKED_AT = 16 };

static struct ring ring;
static char *memory;
static unsigned block_mask, random_state = 1;
static unsigned asked[DEPTH_MAX];  // which block each slot of the buffer is waiting for
static int writing;

static unsigned next_block(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 17;
  random_state ^= random_state << 5;
  return random_state & block_mask;
}

static unsigned *number_in(unsigned slot) { return (unsigned *)(memory + (size_t)slot * BLOCK); }

static void begin(unsigned slot) {
  struct io_uring_sqe *sqe = ring_sqe(&ring);
  asked[slot] = next_block();
  if (writing) *number_in(slot) = asked[slot];
  sqe->opcode = writing ? IORING_OP_WRITE_FIXED : IORING_OP_READ_FIXED;
  sqe->flags = IOSQE_FIXED_FILE;
  sqe->fd = 0;
  sqe->off = (unsigned long long)asked[slot] * BLOCK;
  sqe->addr = (unsigned long)memory + (size_t)slot * BLOCK;
  sqe->len = BLOCK;
  sqe->buf_index = 0;
  sqe->user_data = slot;
}

// Reaps what is there; each slot that came back asks again unless the run is over.
static unsigned reap(int again) {
  const unsigned ready = ring_ready(&ring);
  for (unsigned i = 0; i < ready; i++) {
    const struct io_uring_cqe *cqe = ring_cqe(&ring);
    const unsigned slot = (unsigned)cqe->user_data;
    if (cqe->res < 0) fail(writing ? "write" : "read", cqe->res);
    if (cqe->res != BLOCK) fail("a block in part", EIO);
    if (*number_in(slot) != asked[slot]) fail("a wrong block", EILSEQ);
    ring.cq_head++;
    if (again) begin(slot);
  }
  ring_advance(&ring);
  return ready;
}

// What was written is read back in a few places.
static void look(int fd) {
  for (unsigned count = 0; count < LOOKED_AT; count++) {
    const unsigned block = next_block();
    if (pread(fd, memory, BLOCK, (off_t)block * BLOCK) != BLOCK) fail("pread", errno);
    if (*number_in(0) != block) fail("a wrong block", EILSEQ);
  }
}

static void measure(int fd, unsigned depth, double seconds) {
  unsigned long long operations = 0;
  const uint64_t start = now_ns(), cpu = cpu_ns(getpid());
  const uint64_t end = start + (uint64_t)(seconds * 1e9);
  uint64_t now = start;
  for (unsigned slot = 0; slot < depth; slot++) begin(slot);
  for (unsigned rounds = 0; now < end; rounds++) {
    ring_submit_and_wait(&ring, 1);
    operations += reap(1);
    if (rounds % 16 == 0) now = now_ns();
  }
  for (unsigned left = depth; left > 0;) {
    ring_submit_and_wait(&ring, 1);
    const unsigned done = reap(0);
    operations += done;
    left -= done;
  }
  now = now_ns();
  const uint64_t used = cpu_ns(getpid()) - cpu;
  if (writing) look(fd);
  printf("{\"operations\":%llu,\"ns\":%llu,\"cpu_ns\":%llu}\n", operations,
         (unsigned long long)(now - start), (unsigned long long)used);
  fflush(stdout);
}

int main(int count, char **arguments) {
  if (count < 5) {
    fprintf(stderr, "usage: blocks FILE DEPTH cached|direct read|write\n");
    return 2;
  }
  const unsigned depth = (unsigned)atoi(arguments[2]);
  if (depth < 1 || depth > DEPTH_MAX) fail("depth", ERANGE);
  writing = strcmp(arguments[4], "write") == 0;
  const int access = writing ? O_RDWR : O_RDONLY;
  int fd = open(arguments[1], access | (strcmp(arguments[3], "direct") ? 0 : O_DIRECT));
  struct stat status;
  if (fd < 0 || fstat(fd, &status)) fail("open", errno);
  const unsigned blocks = (unsigned)(status.st_size / BLOCK);
  if (blocks == 0 || (blocks & (blocks - 1))) fail("the number of blocks", EINVAL);
  block_mask = blocks - 1;

  const size_t length = (size_t)DEPTH_MAX * BLOCK;
  memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
                -1, 0);
  if (memory == MAP_FAILED) fail("mmap", errno);
  ring_open(&ring, DEPTH_MAX, 0);
  struct iovec buffer = {memory, length};
  int error = ring_register(&ring, IORING_REGISTER_BUFFERS, &buffer, 1);
  if (error < 0) fail("a registered buffer", error);
  error = ring_register(&ring, IORING_REGISTER_FILES, &fd, 1);
  if (error < 0) fail("a registered file", error);

  double seconds;
  while (scanf("%lf", &seconds) == 1) measure(fd, depth, seconds);
  return 0;
}
