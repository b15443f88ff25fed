/* The limits that the figures are held against: the least that a program can do with its socket, one mode a process.
 * limit discard|datagrams|echo PORT */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 64 * 1024, BATCH = 32, DATAGRAM = 2048, RECEIVE_BUFFER = 4 * 1024 * 1024 };

static char buffer[BUFFER];
static char datagrams[BATCH][DATAGRAM];

static void fail(const char *call) {
    perror(call);
    exit(1);
}

/* One connection: everything is received and thrown away. */
static void discard(int listener) {
    int peer = accept(listener, NULL, NULL);
    if (peer < 0) fail("accept");
    while (recv(peer, buffer, sizeof buffer, 0) > 0) {}
}

/* One connection: everything goes back. */
static void echo(int listener) {
    int peer = accept(listener, NULL, NULL), on = 1;
    if (peer < 0) fail("accept");
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    for (ssize_t len; (len = recv(peer, buffer, sizeof buffer, 0)) > 0;)
        if (send(peer, buffer, len, 0) != len) fail("send");
}

/* Datagrams, up to 32 a call, for ever. */
static void receive(int fd) {
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH];
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){.iov_base = datagrams[i], .iov_len = DATAGRAM};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    while (recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL) > 0) {}
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    int datagram = !strcmp(argv[1], "datagrams"), on = 1, room = RECEIVE_BUFFER;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, datagram ? SOCK_DGRAM : SOCK_STREAM, 0);
    if (fd < 0) fail("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (datagram) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (bind(fd, (struct sockaddr *)&address, sizeof address)) fail("bind");
    if (datagram) {
        receive(fd);
        return 0;
    }
    if (listen(fd, 128)) fail("listen");
    if (!strcmp(argv[1], "echo")) echo(fd);
    else discard(fd);
    return 0;
}
