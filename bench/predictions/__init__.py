"""What `make evaluate` has found, as a document for people who run a shop: words, tables, examples, pictures."""
