"""One gateway per AWS service; every SDK error becomes one of ours here."""
