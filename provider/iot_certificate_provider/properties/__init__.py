"""CloudFormation's strings, read once into typed, frozen values, or refused: one file a type.

Everything arrives as text, lists and maps of text. Errors that show without AWS and without a clock are found
after this: unknown or missing properties, values that the API does not have, certificates that cannot be registered.
"""
