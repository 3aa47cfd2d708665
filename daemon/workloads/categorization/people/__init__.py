"""What people decided: it speaks for and against categories, and tells how right the predictions proved to be."""
