// TCP echo the way io_uring wants it: armed once, fed from a ring of buffers, one enter per round.
//
// Multishot accept and multishot receive into provided buffers; each buffer is sent back as it is
// and then handed back to the kernel. Per connection at most one send is in flight, since two could
// change places. Each thread has a CPU, a ring, buffers and a listener on the one port of its own.
// Prints its port; ends when stdin is closed. Arguments: BUFFERS SIZE THREADS.
#define _GNU_SOURCE
#include "listen.h"
#include "ring.h"
#include <pthread.h>
#include <sched.h>

enum { CONNECTIONS = 4096, GROUP = 7, NONE = 0xffff, THREADS = 64 };
enum { ACCEPT, RECEIVE, SEND, CLOSE, STDIN };

// A received piece waits in `queue` until everything before it is sent.
struct piece {
  unsigned offset;
  unsigned length;
  unsigned short next;
};

struct connection {
  unsigned short first, last;  // pieces still to send; `first` is being sent when `sending`
  char receiving, sending, ended, starved;
};

static unsigned buffer_count = 256, buffer_size = 16384, thread_count = 1;
static int listeners[THREADS];

static _Thread_local struct ring ring;
static _Thread_local struct connection connections[CONNECTIONS];
static _Thread_local struct piece *pieces;
static _Thread_local struct io_uring_buf_ring *buffers;
static _Thread_local char *pool;
static _Thread_local unsigned short buffer_tail;
static _Thread_local int listener;
static _Thread_local unsigned short starved[CONNECTIONS];
static _Thread_local unsigned starved_count;
static _Thread_local unsigned held;  // buffers that the kernel does not have
static _Thread_local char recycled;  // one went back since starved receives were last armed

static struct io_uring_sqe *fill(int opcode, int fd, int kind, unsigned detail) {
  struct io_uring_sqe *sqe = ring_sqe(&ring);
  sqe->opcode = (unsigned char)opcode;
  sqe->fd = fd;
  sqe->user_data = (unsigned long long)kind << 32 | detail;
  return sqe;
}

// Connections live in the ring's own table of files, which spares each operation the counting of
// references to a descriptor.
static void arm_accept(void) {
  struct io_uring_sqe *sqe = fill(IORING_OP_ACCEPT, listener, ACCEPT, 0);
  sqe->ioprio = IORING_ACCEPT_MULTISHOT;
  sqe->file_index = IORING_FILE_INDEX_ALLOC;
}

static void arm_receive(unsigned id) {
  struct io_uring_sqe *sqe = fill(IORING_OP_RECV, (int)id, RECEIVE, id);
  sqe->flags = IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE;
  sqe->ioprio = IORING_RECV_MULTISHOT;
  sqe->buf_group = GROUP;
  connections[id].receiving = 1;
}

static void send_first(unsigned id) {
  const unsigned short buffer = connections[id].first;
  struct io_uring_sqe *sqe = fill(IORING_OP_SEND, (int)id, SEND, id);
  sqe->flags = IOSQE_FIXED_FILE;
  sqe->addr = (unsigned long)pool + (size_t)buffer * buffer_size + pieces[buffer].offset;
  sqe->len = pieces[buffer].length;
  sqe->msg_flags = MSG_WAITALL | MSG_NOSIGNAL;  // the kernel itself goes on after a short send
  connections[id].sending = 1;
}

// The tail is published once per round, in `publish_buffers`.
static void recycle(unsigned short buffer) {
  struct io_uring_buf *slot = &buffers->bufs[buffer_tail++ & (buffer_count - 1)];
  slot->addr = (unsigned long)pool + (size_t)buffer * buffer_size;
  slot->len = buffer_size;
  slot->bid = buffer;
  held--;
  recycled = 1;
}

static void publish_buffers(void) {
  __atomic_store_n(&buffers->tail, buffer_tail, __ATOMIC_RELEASE);
}

static void drop_pieces(struct connection *connection) {
  while (connection->first != NONE) {
    const unsigned short buffer = connection->first;
    connection->first = pieces[buffer].next;
    recycle(buffer);
  }
}

static void close_when_done(unsigned id) {
  struct connection *connection = &connections[id];
  if (!connection->ended || connection->receiving || connection->sending) return;
  if (connection->first != NONE) return;
  connection->ended = 0;
  fill(IORING_OP_CLOSE, 0, CLOSE, id)->file_index = id + 1;
}

static void on_accept(struct io_uring_cqe *cqe) {
  if (cqe->res >= 0) {
    connections[cqe->res] = (struct connection){.first = NONE, .last = NONE};
    arm_receive((unsigned)cqe->res);
  }
  if (!(cqe->flags & IORING_CQE_F_MORE)) arm_accept();
}

static void on_receive(unsigned id, struct io_uring_cqe *cqe) {
  struct connection *connection = &connections[id];
  if (cqe->res > 0) {
    const unsigned short buffer = (unsigned short)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
    held++;
    pieces[buffer] = (struct piece){.length = (unsigned)cqe->res, .next = NONE};
    if (connection->ended) {
      recycle(buffer);
    } else if (connection->first == NONE) {
      connection->first = connection->last = buffer;
      send_first(id);
    } else {
      pieces[connection->last].next = buffer;
      connection->last = buffer;
    }
  }
  if (cqe->flags & IORING_CQE_F_MORE) return;
  connection->receiving = 0;
  if (cqe->res == -ENOBUFS && !connection->ended) {
    starved[starved_count++] = (unsigned short)id;
  } else if (cqe->res > 0 && !connection->ended) {
    arm_receive(id);
  } else {
    connection->ended = 1;
    close_when_done(id);
  }
}

static void on_send(unsigned id, struct io_uring_cqe *cqe) {
  struct connection *connection = &connections[id];
  const unsigned short buffer = connection->first;
  connection->sending = 0;
  if (cqe->res < 0) {
    // The peer is gone; its receive ends by itself, with the same news.
    connection->ended = 1;
    drop_pieces(connection);
  } else if ((unsigned)cqe->res < pieces[buffer].length) {
    pieces[buffer].offset += (unsigned)cqe->res;
    pieces[buffer].length -= (unsigned)cqe->res;
    send_first(id);
  } else {
    connection->first = pieces[buffer].next;
    recycle(buffer);
    if (connection->first != NONE) send_first(id);
  }
  close_when_done(id);
}

static void dispatch(struct io_uring_cqe *cqe) {
  const unsigned id = (unsigned)cqe->user_data;
  switch (cqe->user_data >> 32) {
    case RECEIVE: on_receive(id, cqe); break;
    case SEND: on_send(id, cqe); break;
    case ACCEPT: on_accept(cqe); break;
    case STDIN: exit(0);
    default: break;
  }
}

// Receives that found no buffer are armed again once there are some; sooner would be spinning.
static void feed_starved(void) {
  if (!recycled && held > 0) return;
  recycled = 0;
  for (unsigned i = 0; i < starved_count; i++) arm_receive(starved[i]);
  starved_count = 0;
}

static void set_up_buffers(void) {
  const size_t length = (size_t)buffer_count * buffer_size;
  const size_t table = buffer_count * sizeof(struct io_uring_buf);
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
  pool = mmap(NULL, length, PROT_READ | PROT_WRITE, flags, -1, 0);
  buffers = mmap(NULL, table, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (pool == MAP_FAILED || buffers == MAP_FAILED) give_up("mmap");
  struct io_uring_buf_reg registration = {
      .ring_addr = (unsigned long)buffers, .ring_entries = buffer_count, .bgid = GROUP};
  int error = ring_register(&ring, IORING_REGISTER_PBUF_RING, &registration, 1);
  if (error < 0) fail("a ring of buffers", error);
  pieces = calloc(buffer_count, sizeof(*pieces));
  held = buffer_count;
  for (unsigned i = 0; i < buffer_count; i++) recycle((unsigned short)i);
  publish_buffers();
}

// The nth of the CPUs that this process may use, round and round.
static void pin(unsigned nth) {
  cpu_set_t allowed, own;
  if (sched_getaffinity(0, sizeof(allowed), &allowed)) give_up("sched_getaffinity");
  nth %= (unsigned)CPU_COUNT(&allowed);
  unsigned cpu = 0;
  for (;; cpu++) {
    if (CPU_ISSET(cpu, &allowed) && nth-- == 0) break;
  }
  CPU_ZERO(&own);
  CPU_SET(cpu, &own);
  if (sched_setaffinity(0, sizeof(own), &own)) give_up("sched_setaffinity");
}

static _Noreturn void serve(unsigned self) {
  ring_open(&ring, 1024, 8192);
  set_up_buffers();
  struct io_uring_rsrc_register files = {.nr = CONNECTIONS, .flags = IORING_RSRC_REGISTER_SPARSE};
  int error = ring_register(&ring, IORING_REGISTER_FILES2, &files, sizeof(files));
  if (error < 0) fail("a table of files", error);
  listener = listeners[self];
  arm_accept();
  char ignored;
  if (self == 0) {
    struct io_uring_sqe *sqe = fill(IORING_OP_READ, 0, STDIN, 0);
    sqe->addr = (unsigned long)&ignored;
    sqe->len = 1;
  }
  for (;;) {
    ring_submit_and_wait(&ring, 1);
    for (unsigned ready = ring_ready(&ring); ready > 0; ready--) {
      dispatch(ring_cqe(&ring));
      ring.cq_head++;
    }
    ring_advance(&ring);
    if (starved_count > 0) feed_starved();
    publish_buffers();
  }
}

static void *pinned(void *argument) {
  pin((unsigned)(size_t)argument);
  serve((unsigned)(size_t)argument);
}

int main(int count, char **arguments) {
  if (count > 1) buffer_count = (unsigned)atoi(arguments[1]);
  if (count > 2) buffer_size = (unsigned)atoi(arguments[2]);
  if (count > 3) thread_count = (unsigned)atoi(arguments[3]);
  if (thread_count < 1 || thread_count > THREADS) give_up("THREADS");
  int port = 0;
  for (unsigned i = 0; i < thread_count; i++) {
    listeners[i] = listen_on_port(0, thread_count > 1, &port);
  }
  if (thread_count == 1) serve(0);
  for (unsigned i = 1; i < thread_count; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, pinned, (void *)(size_t)i)) give_up("pthread_create");
  }
  pinned(NULL);
}
