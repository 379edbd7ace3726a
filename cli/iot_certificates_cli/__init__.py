"""The operator's command line: inventory, sweep of orphans, checks of the account, fleets."""
