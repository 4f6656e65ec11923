"""Rebuilds the catalogues from what others publish. Native only: nothing is fetched when a page is built or used."""
