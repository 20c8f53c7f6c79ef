"""Tables: the ECSV files of the workflow, and the catalogs that users bring."""
