"""The desk in the browser: a recipe as a form, its run, and the decisions about its images."""
