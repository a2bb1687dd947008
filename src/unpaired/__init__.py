"""Unpaired image-to-image translation."""
