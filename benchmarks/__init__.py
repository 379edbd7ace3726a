"""What users would feel, as ratios to what they would use instead (``make bench``)."""
