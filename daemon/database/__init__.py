"""Access to PostgreSQL. Knows neither queues nor products."""
