"""A run over HTTP (`app`, `api`), and the studio (`pages`, `trainings`, `study`)."""
