// A TCP proxy by splice(2): two pipes for each connection, one edge-triggered epoll.
//
// The argument is the port on 127.0.0.1 where every connection goes. Prints its own port; ends with
// stdin.
#define _GNU_SOURCE
#include "listen.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 256, PIPE = 1 << 20 };

// One way: `waiting` bytes are in the pipe.
struct way {
  int pipe[2];
  size_t waiting;
  int source_ended, ended;
};

struct pair {
  int fd[2];
  struct way way[2];  // way[0] from fd[0] to fd[1]
  struct pair *next_dead;
};

static int poller;
static struct pair *dead;

static void watch(struct pair *pair, int side) {
  // Which side it was does not matter: both ways are tried.
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                              .data = {.ptr = pair}};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, pair->fd[side], &event)) give_up("epoll_ctl");
}

static void open_pair(int fd, int target) {
  const int on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  address.sin_port = htons((uint16_t)target);
  struct pair *pair = calloc(1, sizeof(*pair));
  if (!pair) give_up("calloc");
  pair->fd[0] = fd;
  pair->fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (pair->fd[1] < 0) give_up("socket");
  setsockopt(pair->fd[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (connect(pair->fd[1], (struct sockaddr *)&address, sizeof(address)) && errno != EINPROGRESS) {
    // Nobody is there any more.
    close(fd);
    close(pair->fd[1]);
    free(pair);
    return;
  }
  for (int i = 0; i < 2; i++) {
    if (pipe2(pair->way[i].pipe, O_NONBLOCK | O_CLOEXEC)) give_up("pipe2");
    // Above the limit of a user it does with less.
    (void)fcntl(pair->way[i].pipe[1], F_SETPIPE_SZ, PIPE);
  }
  watch(pair, 0);
  watch(pair, 1);
}

static void close_pair(struct pair *pair) {
  if (pair->fd[0] < 0) return;
  for (int i = 0; i < 2; i++) {
    close(pair->fd[i]);
    close(pair->way[i].pipe[0]);
    close(pair->way[i].pipe[1]);
  }
  pair->fd[0] = -1;
  // Events of this round may still name it.
  pair->next_dead = dead;
  dead = pair;
}

// Moves what there is; -1: it is broken.
static int pump(struct way *way, int from, int to) {
  const unsigned flags = SPLICE_F_NONBLOCK | SPLICE_F_MOVE;
  while (!way->ended) {
    if (way->waiting == 0 && way->source_ended) {
      shutdown(to, SHUT_WR);
      way->ended = 1;
      break;
    }
    if (way->waiting == 0) {
      const ssize_t got = splice(from, NULL, way->pipe[1], NULL, PIPE, flags);
      if (got < 0) return errno == EAGAIN || errno == ENOTCONN ? 0 : -1;
      if (got == 0) way->source_ended = 1;
      way->waiting = (size_t)got;
      continue;
    }
    const ssize_t put = splice(way->pipe[0], NULL, to, NULL, way->waiting, flags);
    if (put < 0) return errno == EAGAIN || errno == ENOTCONN ? 0 : -1;
    way->waiting -= (size_t)put;
  }
  return 0;
}

static void on_event(struct pair *pair) {
  if (pair->fd[0] < 0) return;
  const int broken = pump(&pair->way[0], pair->fd[0], pair->fd[1]) |
                     pump(&pair->way[1], pair->fd[1], pair->fd[0]);
  if (broken || (pair->way[0].ended && pair->way[1].ended)) close_pair(pair);
}

int main(int count, char **arguments) {
  static struct epoll_event events[EVENTS];
  static struct pair listening, input;
  char ignored;
  if (count != 2) return 2;
  int listener = listen_on_loopback(SOCK_NONBLOCK);
  poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) give_up("epoll_create1");
  struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = &listening}};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event)) give_up("epoll_ctl");
  event.data.ptr = &input;
  if (epoll_ctl(poller, EPOLL_CTL_ADD, 0, &event) && errno != EPERM) give_up("epoll_ctl");
  for (;;) {
    int ready = epoll_wait(poller, events, EVENTS, -1);
    for (int i = 0; i < ready; i++) {
      struct pair *pair = events[i].data.ptr;
      if (pair == &input) { if (read(0, &ignored, 1) <= 0) return 0; }
      else if (pair == &listening) {
        int fd;
        while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
          open_pair(fd, atoi(arguments[1]));
        }
      } else on_event(pair);
    }
    while (dead) {
      struct pair *pair = dead;
      dead = pair->next_dead;
      free(pair);
    }
  }
}
