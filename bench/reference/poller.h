// What servers under one epoll have in common: what they watch, and taking all that connect.
#ifndef NEARMETAL_REFERENCE_POLLER_H
#define NEARMETAL_REFERENCE_POLLER_H

#include "listen.h"
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

static int poller;

static inline void watch(int fd, unsigned events, int operation) {
  struct epoll_event event = {.events = events, .data = {.fd = fd}};
  // EPERM: stdin may be a file, which is always ready and cannot be watched.
  if (epoll_ctl(poller, operation, fd, &event) && errno != EPERM) give_up("epoll_ctl");
}

// Opens the poller, on a listener and on stdin.
static inline void open_poller(int listener) {
  poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) give_up("epoll_create1");
  watch(listener, EPOLLIN, EPOLL_CTL_ADD);
  watch(0, EPOLLIN, EPOLL_CTL_ADD);
}

// Calls `opened`, if there is one, for each connection; those above `most` are closed at once.
static inline void accept_all(int listener, int most, void (*opened)(int fd)) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    if (fd >= most) {
      close(fd);
      continue;
    }
    if (opened) opened(fd);
    watch(fd, EPOLLIN, EPOLL_CTL_ADD);
  }
}

#endif
