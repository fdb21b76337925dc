"""Records: one .avsc per kind, compiled into a decoder and an encoder. Pure."""
