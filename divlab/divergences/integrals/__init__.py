"""Integrals over the line: what quadrature is made of."""
