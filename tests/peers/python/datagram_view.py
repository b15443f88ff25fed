"""Hears datagrams and says of each what came with it: TTL and type of service, in both families.

Arguments: the address to bind, and perhaps a group to join on loopback.
"""
import socket
import struct
import sys

host = sys.argv[1]
v6 = ":" in host
s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((host, 0))
if v6:
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
else:
    s.setsockopt(socket.IPPROTO_IP, 12, 1)  # IP_RECVTTL, which the module has no name for everywhere
    s.setsockopt(socket.IPPROTO_IP, 13, 1)  # IP_RECVTOS
if len(sys.argv) > 2:
    if v6:
        member = socket.inet_pton(socket.AF_INET6, sys.argv[2]) + struct.pack("@I", socket.if_nametoindex("lo"))
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)
    else:
        member = socket.inet_aton(sys.argv[2]) + socket.inet_aton("127.0.0.1")
        s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
print("port", s.getsockname()[1])
hops = (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT) if v6 else (socket.IPPROTO_IP, socket.IP_TTL)
service = (socket.IPPROTO_IPV6, socket.IPV6_TCLASS) if v6 else (socket.IPPROTO_IP, socket.IP_TOS)
while True:
    data, control, _, peer = s.recvmsg(65535, 256)
    seen = {(level, kind): int.from_bytes(value, sys.byteorder) for level, kind, value in control}
    print(data.decode(), "ttl=%s" % seen.get(hops), "tos=%s" % seen.get(service), "from=%s" % peer[0])
