"""THE SHAPES: one function per operation of the document, and the JSON it answers with."""
