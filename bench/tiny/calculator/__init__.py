"""A package with the outward shape of ours, so that the same bundle and worker can carry the small formula."""
