"""The lab's accounts: API keys, the WS API, and the user data events it sends."""
