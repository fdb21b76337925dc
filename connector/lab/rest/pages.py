"""Bodies of errors and of the hosts in front of the exchange. Pure."""

from collections.abc import Mapping

# The host in front of the exchange answers in HTML, not in the API's JSON.
PAGES: Mapping[int, str] = {
    202: "<html><body>Please wait while your request is being verified</body></html>",
    403: "<html><head><title>403 Forbidden</title></head><body>Request blocked.</body></html>",
    410: "<html><head><title>410 Gone</title></head><body>nginx</body></html>",
    451: "<html><body>Service unavailable from a restricted location</body></html>",
    502: "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>",
}
MAINTENANCE_PAGE = "<html><head><title>Maintenance</title></head><body>Be back soon.</body></html>"
