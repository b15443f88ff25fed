"""Sends a datagram, and waits for the answer."""
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    sender.settimeout(20)
    sender.sendto(b"is anybody there?", (sys.argv[1], int(sys.argv[2])))
    answer, peer = sender.recvfrom(65535)
    print("answer", repr(answer), "from", "%s:%d" % peer)
