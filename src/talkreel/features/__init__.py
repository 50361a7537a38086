"""Records and arrays to model inputs; the same functions feed training and the product."""
