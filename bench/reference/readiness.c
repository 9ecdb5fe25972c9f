// What it costs to learn which of many descriptors are ready: select, poll, epoll, or a ring.
//
// Argument: select, poll, level, edge or ring. A line "COUNT SECONDS" on stdin asks for a run with
// COUNT descriptors, of which one in a hundred is active, and is answered by one line of JSON.
// The active ones share one eventfd, so that one write makes all of them ready.
#define _GNU_SOURCE
#include "clock.h"
#include "ring.h"
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>

enum { MOST = 10000, EVENTS = 256, ROUNDS = 256 };

static int fds[MOST];
static struct pollfd list[MOST];
static unsigned count, active;
static int poller = -1;
static struct ring ring;
static uint64_t sum;

static void arm_ring(void) {
  ring_open(&ring, 256, 4096);
  for (unsigned i = 0; i < count; i++) {
    struct io_uring_sqe *sqe = ring_sqe(&ring);
    sqe->opcode = IORING_OP_POLL_ADD;
    sqe->fd = fds[i];
    sqe->len = IORING_POLL_ADD_MULTI;
    sqe->poll32_events = POLLIN;
    sqe->user_data = i;
    if ((i & 127) == 127 || i + 1 == count) ring_submit_and_wait(&ring, 0);
  }
}

static void arm(const char *kind) {
  for (unsigned i = 0; i < active; i++) fds[i] = i == 0 ? eventfd(0, EFD_CLOEXEC) : dup(fds[0]);
  for (unsigned i = active; i < count; i++) fds[i] = eventfd(0, EFD_CLOEXEC);
  for (unsigned i = 0; i < count; i++) {
    if (fds[i] < 0) fail("eventfd", errno);
    list[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
  }
  if (!strcmp(kind, "ring")) arm_ring();
  poller = epoll_create1(EPOLL_CLOEXEC);
  for (unsigned i = 0; i < count; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = i}};
    if (!strcmp(kind, "edge")) event.events |= EPOLLET;
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fds[i], &event)) fail("epoll_ctl", errno);
  }
}

static void disarm(void) {
  for (unsigned i = 0; i < count; i++) close(fds[i]);
  close(poller);
  // A ring and its polls are left to the end of the process: nothing wakes them any more.
}

static unsigned wait_select(void) {
  fd_set set;
  FD_ZERO(&set);
  for (unsigned i = 0; i < count; i++) FD_SET(fds[i], &set);
  int ready = select(fds[count - 1] + 1, &set, NULL, NULL, NULL);
  for (unsigned i = 0; i < count; i++) if (FD_ISSET(fds[i], &set)) sum += i;
  return (unsigned)ready;
}

static unsigned wait_poll(void) {
  int ready = poll(list, count, -1);
  for (unsigned i = 0; i < count; i++) if (list[i].revents) sum += i;
  return (unsigned)ready;
}

static unsigned wait_epoll(void) {
  static struct epoll_event events[EVENTS];
  int ready = epoll_wait(poller, events, EVENTS, -1);
  for (int i = 0; i < ready; i++) sum += events[i].data.u64;
  return (unsigned)ready;
}

static unsigned wait_ring(void) {
  ring_submit_and_wait(&ring, active);
  unsigned ready = ring_ready(&ring);
  for (unsigned i = 0; i < ready; i++) {
    sum += ring_cqe(&ring)->user_data;
    ring.cq_head++;
  }
  ring_advance(&ring);
  return ready;
}

int main(int argc, char **argv) {
  const char *kind = argc > 1 ? argv[1] : "level";
  unsigned (*wait)(void) = !strcmp(kind, "select") ? wait_select
                           : !strcmp(kind, "poll") ? wait_poll
                           : !strcmp(kind, "ring") ? wait_ring
                                                   : wait_epoll;
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  unsigned wanted;
  double seconds;
  while (scanf("%u %lf", &wanted, &seconds) == 2) {
    if (wanted < 1 || wanted > MOST) fail("count", ERANGE);
    count = wanted;
    active = count < 100 ? 1 : count / 100;
    arm(kind);
    const uint64_t one = 1, start = now_ns(), cpu = cpu_ns(getpid());
    const uint64_t end = start + (uint64_t)(seconds * 1e9);
    uint64_t now = start, events = 0;
    while (now < end) {
      const unsigned rounds = count > 1000 ? 16 : ROUNDS;
      for (unsigned round = 0; round < rounds; round++) {
        if (write(fds[0], &one, sizeof(one)) != sizeof(one)) fail("write", errno);
        for (unsigned ready = 0; ready < active;) ready += wait();
        events += active;
      }
      now = now_ns();
    }
    printf("{\"operations\":%llu,\"ns\":%llu,\"cpu_ns\":%llu,\"sum\":%llu}\n",
           (unsigned long long)events, (unsigned long long)(now - start),
           (unsigned long long)(cpu_ns(getpid()) - cpu), (unsigned long long)sum);
    fflush(stdout);
    disarm();
  }
  return 0;
}
