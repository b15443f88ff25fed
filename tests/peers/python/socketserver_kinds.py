"""A server of the module socketserver, of the class that is named: it answers in capitals, and says who did."""
import os
import socketserver
import sys
import threading


def who():
    return b"%d/%d " % (os.getpid(), threading.get_ident())


class Stream(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(who() + line.upper())


class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        data, server = self.request
        server.sendto(who() + data.upper(), self.client_address)


kind = sys.argv[1]
with getattr(socketserver, kind)(("127.0.0.1", 0), Datagram if "UDP" in kind else Stream) as server:
    print("self", who().decode())
    print("port", server.server_address[1])
    server.serve_forever()
