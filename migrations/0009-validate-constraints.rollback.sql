-- A validated constraint has nothing to undo.
DO $$ BEGIN NULL; END $$;
