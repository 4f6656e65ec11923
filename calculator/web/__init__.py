"""The site: its fences, its build, its release, and the bundle that runs in the browser."""
