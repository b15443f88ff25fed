"""Accepts one connection and closes the listener. The connection then does what each line of its input says."""
import socket
import struct
import sys
import zlib

with socket.socket() as server:
    server.bind(("127.0.0.1", 0))
    server.listen(5)
    print("port", server.getsockname()[1])
    peer, address = server.accept()
    print("peer", "%s:%d" % address)
print("the listener is closed")
for line in sys.stdin:
    word, *rest = line.split()
    if word == "send":
        peer.sendall(rest[0].encode())
        print("sent")
    elif word == "receive":
        data = peer.recv(65536)
        print("recv", len(data), repr(data))
    elif word == "receive-all":
        digest, total = 1, 0
        while data := peer.recv(65536):
            digest = zlib.adler32(data, digest)
            total += len(data)
        print("all", total, digest)
    elif word == "half-close":
        peer.shutdown(socket.SHUT_WR)
        print("half-closed")
    elif word == "abort":
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        print("aborted")
    elif word == "close":
        peer.close()
        print("closed")
