"""Makes the reference of the resource types: ``docs/schema``, and the tables in ``docs/resources``.

What they say of properties is the shapes' by which the function reads them; of attributes, the contract's; of
permissions, what the constructs ask for in a synthesised stack. ``make reference`` writes them.
"""
