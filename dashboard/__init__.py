"""The explorers as a page without code, which `make dashboard` serves."""
