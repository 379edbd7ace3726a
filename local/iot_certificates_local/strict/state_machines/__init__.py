"""AWS Step Functions as AWS has it, where MiniStack's differs: one module a family of rules."""
