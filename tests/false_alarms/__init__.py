"""Healthy servers with other catalogs than ours: the contract suite must find nothing wrong with any of them."""
