-- Whether this role sees audit entries: that of the daemon only writes them.
SELECT has_table_privilege('audit_log', 'SELECT')
