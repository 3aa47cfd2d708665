"""From a supplier's file to lines: kind, encoding, dialect and columns are found out, then it is read in a stream."""
