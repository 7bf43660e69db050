"""THE SHAPES: one function per operation of the spec, which returns the JSON of the response."""
