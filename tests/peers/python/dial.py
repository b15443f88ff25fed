"""Connects to an address, perhaps from one of its own, and then does what each line of its input says."""
import socket
import sys
import zlib

source = (sys.argv[3], int(sys.argv[4])) if len(sys.argv) > 3 else None
peer = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20, source_address=source)
print("local", "%s:%d" % peer.getsockname()[:2])
for line in sys.stdin:
    word, *rest = line.split()
    try:
        if word == "send":
            peer.sendall(rest[0].encode())
            print("sent")
        elif word == "send-many":
            data = bytes(range(251)) * (int(rest[0]) // 251)
            peer.sendall(data)
            print("sent", len(data), zlib.adler32(data))
        elif word == "receive":
            data = peer.recv(65536)
            print("recv", len(data), repr(data))
        elif word == "half-close":
            peer.shutdown(socket.SHUT_WR)
            print("half-closed")
        elif word == "close":
            peer.close()
            print("closed")
    except OSError as error:
        print("error", error.errno)
