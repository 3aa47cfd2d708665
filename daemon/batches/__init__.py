"""Batches of any kind of work, their item errors and the instances at work, as the terminal and the page show them."""
