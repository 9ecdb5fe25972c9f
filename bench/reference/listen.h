// What both echo servers begin with: listeners on 127.0.0.1, their port printed as {"port":N}.
#ifndef NEARMETAL_REFERENCE_LISTEN_H
#define NEARMETAL_REFERENCE_LISTEN_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static inline void give_up(const char *what) {
  perror(what);
  exit(1);
}

// Several may share a port: the first asks for 0, which prints what it got, the others for that.
static inline int listen_on_port(int type_flags, int shared, int *port) {
  const int on = 1;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | type_flags, 0);
  if (listener < 0) give_up("socket");
  // Accepted sockets inherit TCP_NODELAY from the listener.
  if (setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on))) give_up("TCP_NODELAY");
  if (shared && setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on))) {
    give_up("SO_REUSEPORT");
  }
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  address.sin_port = htons((uint16_t)*port);
  socklen_t length = sizeof(address);
  if (bind(listener, (struct sockaddr *)&address, length)) give_up("bind");
  if (listen(listener, 1024)) give_up("listen");
  if (getsockname(listener, (struct sockaddr *)&address, &length)) give_up("getsockname");
  signal(SIGPIPE, SIG_IGN);
  if (*port == 0) {
    *port = ntohs(address.sin_port);
    printf("{\"port\":%d}\n", *port);
    fflush(stdout);
  }
  return listener;
}

static inline int listen_on_loopback(int type_flags) {
  int port = 0;
  return listen_on_port(type_flags, 0, &port);
}

#endif
