"""The exchange over the network: market WebSocket, REST within its weights."""
