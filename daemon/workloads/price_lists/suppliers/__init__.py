"""The master sheet of suppliers: where each supplier's list is, kept by people in one table for all."""
