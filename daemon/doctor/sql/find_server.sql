-- Which server this is, and whether it may be written to.
SELECT split_part(current_setting('server_version'), ' ', 1),
       pg_is_in_recovery(),
       current_setting('default_transaction_read_only') = 'on'
