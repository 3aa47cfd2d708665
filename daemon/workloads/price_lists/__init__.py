"""Price lists: what suppliers send, fetched, read and matched with the products of the catalogue."""
