"""One file per ``Custom::Iot…`` type, each a lifecycle that reads in the order a person would explain it."""
