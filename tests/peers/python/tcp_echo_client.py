"""Sends a line to a TCP server, and says what came back."""
import socket
import sys

with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as client:
    client.sendall(b"Hello, world")
    answer = b""
    while len(answer) < 12:
        answer += client.recv(1024)
    print("received", repr(answer))
