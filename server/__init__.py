"""The listener: takes jobs over HTTP, and tells what became of them."""
