"""Whether a batch is like what was learned from: what its slices saw, beside what is usual."""
