"""Adapters for other libraries, one a file. Import the one you need: none is loaded before, nor its library."""
