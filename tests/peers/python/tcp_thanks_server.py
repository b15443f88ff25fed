"""Thanks every client and closes its connection, with a backlog of 128."""
import socket
import sys

port = int(sys.argv[1]) if len(sys.argv) > 1 else 7788
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", port))
server.listen(128)
print("port", server.getsockname()[1])
while True:
    connection, peer = server.accept()
    print("client", "%s:%d" % peer)
    connection.send(b"thank you !")
    connection.close()
