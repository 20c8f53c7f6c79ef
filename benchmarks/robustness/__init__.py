"""How often exposures are aligned rightly, wrongly or not at all, here and with drizzlepac."""
