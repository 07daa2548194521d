"""One file for each explorer; `divlab.explore.EXPLORERS` lists them."""
