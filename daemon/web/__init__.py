"""The page people look at: server-rendered, read-only unless they log in. Its libraries come with catalogd[web]."""
