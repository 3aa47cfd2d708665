"""What the tests share: databases, factories, processes, a tap for events."""
