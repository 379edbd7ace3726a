"""The lifecycle that CA and device certificates share: ownership, redelivery, adoption, and undoing."""
