"""Every right that each of the five roles has, beside what is meant: one too many is found, and one too few."""

import re
from collections.abc import Iterator, Mapping

import psycopg
import pytest

from tests.support.roles import OPERATOR, OWNER, PHP, ROLES, RUNTIME, WEB, shop_with_roles
from tests.support.server import PrivateServer

EVERYBODY = "everybody"

# Operators read these whole, and of two others all but what may hold a login.
SEEN = [
    "_yoyo_migration",
    "audit_log",
    "batch_drift",
    "batch_observations",
    "batch_preparations",
    "batch_slices",
    "catalogd_additions",
    "catalogd_categories",
    "catalogd_duties",
    "catalogd_products",
    "catalogd_schema",
    "categorization_batches",
    "categorization_errors",
    "categorization_models",
    "category_rules",
    "evidence",
    "experiment_summary",
    "human_decisions",
    "human_recommendations",
    "lived_decisions",
    "lived_precision",
    "lived_precision_by_model",
    "match_reviews",
    "metric_trends",
    "prediction_experiments",
    "prediction_results",
    "predictions",
    "product_drafts",
    "product_offers",
    "supplier_import_errors",
    "supplier_import_lines",
    "supplier_import_results",
    "supplier_import_summary",
    "supplier_item_prices",
    "supplier_items",
]
OF_IMPORTS = (
    "SELECT (column_mapping, completed_at, created_at, created_by, detected, error_lines, error_message, "
    "failed_phase, fetched, file_checksum, file_name, id, line_numbers, ml_job, phase, phase_percent, "
    "priority, processed_lines, remaining_lines, retry_count, source_type, started_at, status, success_lines, "
    "supplier_id, total_lines)"
)
OF_SUPPLIERS = "SELECT (created_at, id, is_active, name, source_type, updated_at)"

# What is meant, beside what the owner has by owning it: on tables and views, sequences, functions, schema and database.
MEANT = {
    OWNER: {
        "categories": "SELECT",
        "products": "SELECT, UPDATE (status), REFERENCES (id)",
        "users": "REFERENCES (id)",
        "schema public": "CREATE, USAGE",
        "database": "CONNECT",
    },
    RUNTIME: {
        "_yoyo_migration": "SELECT",
        "audit_log": "INSERT (action, actor_type, entity_id, entity_type, metadata)",
        "batch_drift": "SELECT",
        "batch_observations": "INSERT (batch_id, low, model_version, products, unknown, unknown_manufacturers)",
        "batch_preparations": "SELECT, INSERT, UPDATE, DELETE",
        "batch_slices": "SELECT, INSERT, UPDATE, DELETE",
        "catalogd_additions": "SELECT",
        "catalogd_categories": "SELECT",
        "catalogd_duties": (
            "SELECT, INSERT (catalogd_version, name), UPDATE (catalogd_version, due_at, error, failures, finished_at, "
            "instance, started_at)"
        ),
        "catalogd_products": "SELECT",
        "catalogd_refresh_offers()": "EXECUTE",
        "catalogd_schema": "SELECT",
        "categorization_batches": (
            "SELECT, UPDATE (completed_at, error_message, error_products, processed_products, remaining_products, "
            "retry_count, started_at, status, success_products, total_products)"
        ),
        "categorization_errors": "SELECT, INSERT (batch_id, code, details, item, message), DELETE",
        "categorization_models": (
            "SELECT, INSERT (catalogd_version, categories, content, fingerprint, judged_codes, judged_confidences, "
            "judged_products, label_digests, products, promoted_at, report, settings), UPDATE (promoted_at, "
            "withdrawn_at), DELETE"
        ),
        "category_rules": "SELECT",
        "evidence": "INSERT (evidence_value, prediction_id, source_label, source_type, weight)",
        "human_decisions": "SELECT",
        "human_recommendations": "SELECT",
        "lived_decisions": "SELECT",
        "lived_precision": "SELECT",
        "lived_precision_by_model": "SELECT",
        "match_reviews": (
            "SELECT, INSERT (candidates, import_id, score, supplier_item_id), UPDATE (candidates, score, status)"
        ),
        "prediction_experiments": (
            "SELECT (data_fingerprint, id), INSERT (code_version, data_fingerprint, kind, learned_products, metrics, "
            "model_version, note, settings, started_at)"
        ),
        "prediction_results": (
            "SELECT, INSERT (confidence, experiment_id, is_correct, product_id, reasoning, truth, value)"
        ),
        "predictions": (
            "SELECT, INSERT (alternatives, batch_id, confidence_level, confidence_score, id, model_version, "
            "product_id, status, suggested_category_code, suggested_category_label, unknown_manufacturer, "
            "unknown_share), UPDATE (status, updated_at)"
        ),
        "product_drafts": (
            "SELECT, INSERT (barcode, characteristics, draft_key, manufacturer, name, part_number), UPDATE "
            "(updated_at), DELETE"
        ),
        "products": "SELECT (id, status), UPDATE (status)",
        "supplier_import_errors": "SELECT, INSERT (code, details, import_id, item, message), DELETE",
        "supplier_import_lines": "SELECT, INSERT, DELETE",
        "supplier_import_results": "SELECT, INSERT, DELETE",
        "supplier_import_summary": "SELECT",
        "supplier_imports": (
            "SELECT, INSERT (column_mapping, options, source_type, source_url, supplier_id), UPDATE (completed_at, "
            "detected, error_lines, error_message, fetched, file_checksum, file_name, line_numbers, ml_job, phase, "
            "phase_percent, processed_lines, remaining_lines, retry_count, started_at, status, success_lines, "
            "total_lines)"
        ),
        "supplier_item_prices": "INSERT (currency, import_id, is_available, price, supplier_item_id)",
        "supplier_items": "SELECT, INSERT, UPDATE",
        "suppliers": (
            "SELECT, INSERT (is_active, meta, name, source_type, source_url), UPDATE (is_active, meta, source_type, "
            "source_url, updated_at)"
        ),
        "audit_log_id_seq": "USAGE",
        "categorization_errors_id_seq": "USAGE",
        "evidence_id_seq": "USAGE",
        "predictions_id_seq": "USAGE",
        "supplier_import_errors_id_seq": "USAGE",
        "supplier_imports_id_seq": "USAGE",
        "suppliers_id_seq": "USAGE",
        "schema public": "USAGE",
        "database": "CONNECT",
    },
    PHP: {
        "audit_log": "SELECT, INSERT (action, actor_id, actor_type, entity_id, entity_type, metadata)",
        "batch_drift": "SELECT",
        "categorization_batches": (
            "SELECT, INSERT (created_at, created_by, priority, product_ids, retry_count, status, total_products), "
            "UPDATE (priority, product_ids, retry_count, status), DELETE"
        ),
        "categorization_errors": "SELECT",
        "category_rules": (
            "SELECT, INSERT (category_code, field, is_active, note, pattern, weight, who), UPDATE (category_code, "
            "field, is_active, note, pattern, weight, who), DELETE"
        ),
        "evidence": "SELECT",
        "experiment_summary": "SELECT",
        "human_recommendations": "SELECT, INSERT (category_code, created_by, prediction_id, product_id, reason)",
        "lived_precision": "SELECT",
        "lived_precision_by_model": "SELECT",
        "match_reviews": "SELECT, UPDATE (decided_by, product_id, status)",
        "metric_trends": "SELECT",
        "predictions": "SELECT, UPDATE (status, updated_at)",
        "product_drafts": "SELECT, UPDATE (product_id, status)",
        "product_offers": "SELECT",
        "supplier_import_errors": "SELECT",
        "supplier_import_results": "SELECT",
        "supplier_import_summary": "SELECT",
        "supplier_imports": (
            "SELECT, INSERT (column_mapping, created_at, created_by, options, priority, retry_count, source_type, "
            "source_url, status, supplier_id, total_lines), UPDATE (column_mapping, options, priority, retry_count, "
            "source_type, source_url, status), DELETE"
        ),
        "supplier_item_prices": "SELECT",
        "supplier_items": "SELECT",
        "suppliers": (
            "SELECT, INSERT (is_active, meta, name, source_type, source_url), UPDATE (is_active, meta, name, "
            "source_type, source_url, updated_at), DELETE"
        ),
        "audit_log_id_seq": "USAGE",
        "categorization_batches_id_seq": "USAGE",
        "category_rules_id_seq": "USAGE",
        "human_recommendations_id_seq": "USAGE",
        "supplier_imports_id_seq": "USAGE",
        "suppliers_id_seq": "USAGE",
        "schema public": "USAGE",
        "database": "CONNECT",
    },
    OPERATOR: {
        **dict.fromkeys(SEEN, "SELECT"),
        "supplier_imports": OF_IMPORTS,
        "suppliers": OF_SUPPLIERS,
        "schema public": "USAGE",
        "database": "CONNECT",
    },
    WEB: {  # what operators read, and three orders
        **dict.fromkeys(SEEN, "SELECT"),
        "categorization_batches": "SELECT, UPDATE (retry_count, status)",
        "predictions": "SELECT, UPDATE (status, updated_at)",
        "supplier_imports": f"{OF_IMPORTS}, UPDATE (retry_count, status)",
        "suppliers": OF_SUPPLIERS,
        "schema public": "USAGE",
        "database": "CONNECT",
    },
    EVERYBODY: {
        "schema public": "USAGE",
        "database": "CONNECT, TEMPORARY",
    },
}


HELD = """
WITH things (name, part, owner, rights) AS (
    SELECT relname,
           NULL,
           relowner,
           coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))
    FROM pg_class
    WHERE relnamespace = 'public'::regnamespace
      AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT relname, attname, relowner, attacl
    FROM pg_attribute
    JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace
      AND attacl IS NOT NULL
    UNION ALL
    SELECT proname || '()', NULL, proowner, coalesce(proacl, acldefault('f', proowner))
    FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'schema ' || nspname, NULL, nspowner, coalesce(nspacl, acldefault('n', nspowner))
    FROM pg_namespace
    WHERE nspname !~ '^(pg_|information_schema$)'
    UNION ALL
    SELECT 'database', NULL, datdba, coalesce(datacl, acldefault('d', datdba))
    FROM pg_database
    WHERE datname = current_database()
)
SELECT concat_ws(' ',
                 coalesce(role.rolname, 'everybody') || ':',
                 held.privilege_type,
                 '(' || things.part || ')',
                 'ON',
                 things.name,
                 CASE WHEN held.is_grantable THEN 'WITH GRANT OPTION' END)
FROM things
CROSS JOIN LATERAL aclexplode(things.rights) AS held
LEFT JOIN pg_roles AS role ON role.oid = held.grantee
WHERE held.grantee <> things.owner
UNION ALL
SELECT format('%%s: member of %%s', member::regrole, roleid::regrole)
FROM pg_auth_members
WHERE member::regrole::text = ANY(%(roles)s)
UNION ALL
SELECT format('%%s: %%s', rolname, attribute)
FROM pg_roles
CROSS JOIN LATERAL (
    VALUES ('SUPERUSER', rolsuper), ('CREATEROLE', rolcreaterole), ('CREATEDB', rolcreatedb),
           ('REPLICATION', rolreplication), ('BYPASSRLS', rolbypassrls)
) AS attributes (attribute, is_held)
WHERE rolname = ANY(%(roles)s)
  AND is_held
UNION ALL
SELECT format('%%s: by default %%s to %%s', defaclrole::regrole, privilege_type, grantee::regrole)
FROM pg_default_acl
CROSS JOIN LATERAL aclexplode(defaclacl)
WHERE grantee <> defaclrole
"""


@pytest.fixture(scope="module")
def superuser(server: PrivateServer) -> Iterator[psycopg.Connection]:
    with shop_with_roles(server) as place, place.database.connect() as conn:
        yield conn


def meant(rights: Mapping[str, Mapping[str, str]]) -> set[str]:
    """A sentence for each right, and of rights by column for each column."""
    return {
        f"{role}: {privilege}{f' ({column})' if column else ''} ON {thing}"
        for role, things in rights.items()
        for thing, listed in things.items()
        for privilege, columns in re.findall(r"([A-Z]+)(?: \(([^)]*)\))?", listed)
        for column in columns.split(", ")
    }


def held(conn: psycopg.Connection) -> set[str]:
    return {sentence for (sentence,) in conn.execute(HELD, {"roles": ROLES})}


def test_each_role_has_what_is_meant_and_nothing_else(superuser: psycopg.Connection) -> None:
    wanted, there = meant(MEANT), held(superuser)
    assert {"too much": sorted(there - wanted), "missing": sorted(wanted - there)} == {"too much": [], "missing": []}


@pytest.mark.parametrize(
    ("grant", "seen"),
    [
        (f"GRANT UPDATE (items) ON batch_slices TO {PHP}", f"{PHP}: UPDATE (items) ON batch_slices"),
        (f"GRANT UPDATE (metadata) ON audit_log TO {WEB}", f"{WEB}: UPDATE (metadata) ON audit_log"),
        (f"GRANT SELECT (source_url) ON suppliers TO {OPERATOR}", f"{OPERATOR}: SELECT (source_url) ON suppliers"),
        ("GRANT SELECT (source_url) ON suppliers TO PUBLIC", "everybody: SELECT (source_url) ON suppliers"),
        (f"GRANT DELETE ON products TO {OWNER}", f"{OWNER}: DELETE ON products"),
        (f"GRANT UPDATE ON SEQUENCE evidence_id_seq TO {RUNTIME}", f"{RUNTIME}: UPDATE ON evidence_id_seq"),
        (f"GRANT EXECUTE ON FUNCTION catalogd_drop_drafts TO {PHP}", f"{PHP}: EXECUTE ON catalogd_drop_drafts()"),
        (f"GRANT CREATE ON SCHEMA public TO {RUNTIME}", f"{RUNTIME}: CREATE ON schema public"),
        (f"GRANT pg_read_all_data TO {OPERATOR}", f"{OPERATOR}: member of pg_read_all_data"),
        (f"ALTER ROLE {WEB} CREATEROLE", f"{WEB}: CREATEROLE"),
        (f"GRANT SELECT ON evidence TO {PHP} WITH GRANT OPTION", f"{PHP}: SELECT ON evidence WITH GRANT OPTION"),
        (
            f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT SELECT ON TABLES TO {PHP}",
            f"{OWNER}: by default SELECT to {PHP}",
        ),
    ],
)
def test_a_needless_grant_is_seen(superuser: psycopg.Connection, grant: str, seen: str) -> None:
    with superuser.transaction(force_rollback=True):
        superuser.execute(grant)
        assert held(superuser) - meant(MEANT) == {seen}
