"""Migrations: `versions` holds them, `rebuild` what they share."""
