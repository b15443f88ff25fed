"""Answers every datagram with its length."""
import socket
import sys

port = int(sys.argv[1]) if len(sys.argv) > 1 else 7788
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", port))
print("port", server.getsockname()[1])
while True:
    data, peer = server.recvfrom(65535)
    print("datagram", repr(data), "from", "%s:%d" % peer)
    server.sendto(b"%d bytes" % len(data), peer)
