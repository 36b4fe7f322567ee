"""A plainly marked demonstration: invented States and donors play the whole story through the rooms' own commands."""
