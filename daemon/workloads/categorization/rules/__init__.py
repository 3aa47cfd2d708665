"""Rules that people write: a regular expression that speaks for a category, or against it, beside the model."""
