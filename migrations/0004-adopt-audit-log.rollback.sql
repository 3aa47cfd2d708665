SET LOCAL lock_timeout = '3s';
DO $$
BEGIN
    PERFORM catalogd_remove_additions('categorization_errors');
    PERFORM catalogd_remove_additions('audit_log');
END
$$;
