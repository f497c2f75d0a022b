"""The programs do their main job under the restrictions of their units."""
