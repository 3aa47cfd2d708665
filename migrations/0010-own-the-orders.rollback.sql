SET LOCAL lock_timeout = '3s';
GRANT EXECUTE ON FUNCTION catalogd_batch_inserted(), catalogd_batch_ordered() TO PUBLIC;
ALTER FUNCTION catalogd_batch_ordered() SECURITY INVOKER RESET search_path;
