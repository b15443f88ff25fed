"""Answers one TCP client with what it sends, until the client has sent FIN."""
import socket
import sys

port = int(sys.argv[1]) if len(sys.argv) > 1 else 50007
with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen(1)
    print("port", server.getsockname()[1])
    connection, peer = server.accept()
    with connection:
        print("peer", "%s:%d" % peer)
        while data := connection.recv(1024):
            connection.sendall(data)
    print("over")
