"""Says what connect_ex returns, each time that a line comes."""
import socket
import sys

for _ in sys.stdin:
    with socket.socket() as client:
        print("connect_ex", client.connect_ex((sys.argv[1], int(sys.argv[2]))))
