-- How many characters the shop's columns hold; NULL for text without a limit.
SELECT table_name || '.' || column_name,
       character_maximum_length
FROM information_schema.columns
WHERE table_schema = current_schema()
  AND table_name IN ('predictions', 'evidence')
  AND character_maximum_length IS NOT NULL
