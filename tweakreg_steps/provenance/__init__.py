"""What made a product: said in the product itself, and followed back to the user's files."""
