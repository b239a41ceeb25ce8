"""Imported by the interpreter at its start: the load balancer's key host is at KEY_HOST, as DNS would say elsewhere."""

import os
import socket

_resolve = socket.getaddrinfo


def getaddrinfo(host, port, *args, **kwargs):
    if str(host).startswith("public-keys.auth.elb."):
        host, port = os.environ["KEY_HOST"].split(":")
    return _resolve(host, port, *args, **kwargs)


socket.getaddrinfo = getaddrinfo
