/*
 * superpackets HOST PORT: sends over UDP what standard input tells it to, in superpackets that the kernel segments
 * (UDP_SEGMENT), which node's sockets cannot. A record is two words of 32 bits, its length and the size of a segment
 * (0 = one datagram), in the byte order of this machine, and then the bytes.
 */
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

static int connected_socket(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM}, *found;
    if (getaddrinfo(host, port, &hints, &found))
        return -1;
    int fd = socket(found->ai_family, SOCK_DGRAM, 0);
    return fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) == 0 ? fd : -1;
}

static int send_record(int fd, char *bytes, uint32_t length, uint16_t segment)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof segment)];
    } control = {0};
    struct iovec vector = {bytes, length};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    if (segment > 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        control.header.cmsg_level = IPPROTO_UDP;
        control.header.cmsg_type = UDP_SEGMENT;
        control.header.cmsg_len = CMSG_LEN(sizeof segment);
        memcpy(CMSG_DATA(&control.header), &segment, sizeof segment);
    }
    return sendmsg(fd, &message, 0) == (ssize_t)length ? 0 : -1;
}

int main(int count, char **words)
{
    static char bytes[65536];
    uint32_t head[2];
    int fd = count == 3 ? connected_socket(words[1], words[2]) : -1;
    if (fd < 0) {
        perror("superpackets: HOST PORT");
        return 1;
    }
    while (fread(head, sizeof head, 1, stdin) == 1) {
        if (head[0] > sizeof bytes || fread(bytes, 1, head[0], stdin) != head[0])
            return 2;
        if (send_record(fd, bytes, head[0], head[1]))
            fprintf(stderr, "superpackets: %u bytes in segments of %u: %m\n", head[0], head[1]);
    }
    return 0;
}
