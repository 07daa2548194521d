"""Builds the site: notebooks as stored, guides, the reference, and explorers that need no kernel.

`python -m website` writes it into `build/site`; docs/design/site.md says how and why.
"""
