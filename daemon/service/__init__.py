"""The one place that knows everything: it chooses the objects, ties them together and runs them; begin in `process`."""
