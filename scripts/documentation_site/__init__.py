"""Build the documentation as a site that can be searched: the pages of the repository, with navigation by task."""
