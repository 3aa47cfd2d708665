"""Where evidence comes from: one module per source, each reading one part of a product."""
