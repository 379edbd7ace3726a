"""The inventory of many certificates: its memory, its calls and its time (``make scale``)."""
