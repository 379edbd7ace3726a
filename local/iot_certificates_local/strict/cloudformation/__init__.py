"""The CloudFormation of the embedded AWS, taught what MiniStack's lacks. ``teaching`` puts the parts in place."""
