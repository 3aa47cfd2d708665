INSERT INTO audit_log (entity_type, entity_id, action, actor_type, metadata)
VALUES ('categorization_model', %(version)s, %(action)s, %(actor)s, %(metadata)s)
