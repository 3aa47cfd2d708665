"""How good predictions are: learn from a part and predict the rest, or ask what people decided since; compare, draw."""
