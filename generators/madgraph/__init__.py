"""Hard events from MadGraph5_aMC@NLO at leading order."""
