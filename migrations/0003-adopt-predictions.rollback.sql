SET LOCAL lock_timeout = '3s';
DO $$
BEGIN
    PERFORM catalogd_remove_additions('akeneo_workflow');
    PERFORM catalogd_remove_additions('evidence');
    PERFORM catalogd_remove_additions('predictions');
END
$$;
