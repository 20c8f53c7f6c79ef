"""The shells of the rules: each reads files, calls one pure function, writes files."""
