"""The apps whose synthesis is measured."""
