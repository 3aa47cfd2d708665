-- Suppliers that the sheet brought, and has no longer.
UPDATE suppliers
SET is_active = false,
    updated_at = now()
WHERE is_active
  AND meta ->> 'from_sheet' = 'true'
  AND lower(name) <> ALL (SELECT lower(listed) FROM unnest(%(names)s::text[]) AS listed)
RETURNING name
