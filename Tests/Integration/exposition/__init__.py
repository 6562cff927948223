"""Pages of metrics, ordinary and odd, and what other implementations read in them."""
