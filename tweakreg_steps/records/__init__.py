"""What runs leave beside their products, as formats: plan, ledger, statements, reviews."""
