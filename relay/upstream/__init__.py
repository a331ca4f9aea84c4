"""The vendor's feed: the socket, the REST endpoints, and what their objects mean."""
