-- A supplier of that name, unless there is one.
INSERT INTO suppliers (name)
VALUES (%(name)s)
ON CONFLICT (name) DO NOTHING
