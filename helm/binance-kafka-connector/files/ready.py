"""Asks /readyz of every pod behind each SERVICE:PORT; the exit code counts those not ready."""

import socket
import sys
from urllib.error import HTTPError, URLError
from urllib.request import urlopen


def answer(url):
    """Return whether a pod is ready, and what it says."""
    try:
        with urlopen(url, timeout=10) as response:
            return True, response.read().decode().strip()
    except HTTPError as error:
        return False, error.read().decode().strip()
    except URLError as error:
        return False, str(error.reason)


failed = 0
for target in sys.argv[1:]:
    service, _, port = target.rpartition(":")
    found = socket.getaddrinfo(service, int(port), type=socket.SOCK_STREAM)
    for family, _, _, _, address in found:
        host = f"[{address[0]}]" if family == socket.AF_INET6 else address[0]
        ready, text = answer(f"http://{host}:{port}/readyz")
        failed += not ready
        print(f"{service} {host}: {text}")
sys.exit(min(failed, 100))
