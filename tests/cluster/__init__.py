"""Many nodes over one PostgreSQL and one object store, while machines die; docs/reliability.md says what and why."""
