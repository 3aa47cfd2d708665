"""What is learned: products as features, and a model of the categories over them."""
